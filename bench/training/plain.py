"""A training as its settings ask for it, without its loop: what a replay makes steps with.

Batches, rates and the optimizer's numbers are worked out here, with nothing of `Loop`, `Epochs`
or `optimizer.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import lru_cache

import numpy as np

from backends.base import Backend, Settings, Trainer
from bench.coordinator.job import Job
from bench.data import Split, augment
from bench.data.batches.windows import Windows
from bench.data.pieces import pieces
from bench.training import schedules
from bench.training.feed import Feed, feed_of
from bench.training.loop import Curve, Loop
from bench.training.schedules import Now
from models.optim import Optimizer
from models.spec import Spec


@dataclass(frozen=True, kw_only=True)
class Plain:
    """A training as the settings ask for it, without its loop."""

    make: Callable[[Optimizer], Trainer]
    trainer: Trainer
    feed: Feed
    windows: Callable[[int], Windows]  # of an epoch
    count: int  # windows
    batch: int
    optimizer: Optimizer
    job: Job
    curve: Curve  # of the training, whose validations a rate may hang on

    @property
    def steps(self) -> int:
        """All of the training."""
        return self.job.settings.train.steps_of(self.count // self.batch)

    def step(self, step: int) -> tuple[float, float]:
        """Make one step, counted from 0; its loss and how many seconds it took."""
        batches = self.batches(step)
        started = time.perf_counter()
        self.trainer.set_lr(self.optimizer.lr * self.rate(step)[0])
        put = [self.trainer.program.put(feeds) for feeds in batches]
        loss = float(self.trainer.step(*put))
        return loss, time.perf_counter() - started

    def rate(self, step: int) -> tuple[float, float]:
        """The factor of a step's rate, and the same in other words."""
        train = self.job.settings.train
        rule = schedules.read(train.schedule)
        # a fiftieth of the steps, by the one rule that warms up of itself
        usual = max(1, self.steps // 50) if rule.name == "cosine" else 0
        rise = usual if train.warm_up is None else train.warm_up
        points = zip(self.curve.validation_steps, self.curve.validation, strict=True)
        now = Now(
            step=step,
            steps=self.steps,
            rise=rise,
            epochs=step * train.accumulate / (self.count // self.batch),
            validation=[error for point, error in points if point <= step],
        )
        told = (step + 1) / rise if step < rise else rule.oracle(now)
        return rule.factor(now), told

    def batches(self, step: int) -> list[dict[str, np.ndarray]]:
        """What a step is fed, counted from 0."""
        count = self.job.settings.train.accumulate
        return [self.feeds(step * count + number) for number in range(count)]

    def feeds(self, number: int) -> dict[str, np.ndarray]:
        """A batch, counted from 0: the rule of `Windows.epoch`, written out."""
        seed, size = self.job.config.seed, self.batch
        epoch, place = divmod(number, self.count // size)
        windows = self.windows(epoch)
        order = np.random.default_rng([seed, epoch]).permutation(len(windows))
        # augmented clips may have fewer windows: the order begins again
        chosen = np.resize(order, (place + 1) * size)[place * size :]
        mirrored = np.zeros(size, bool)
        if self.job.settings.train.flip:
            mirrored = np.random.default_rng([seed, epoch, place]).random(size) < 0.5
        metres = windows.metric(chosen, flip=mirrored)
        return self.feed.batch(*windows.batch(chosen, flip=mirrored), metres)


def plain_of(
    job: Job, backend: Backend, device: str, split: Split, loop: Loop
) -> Plain:
    """The plain training of a job; how keypoints are scaled is the loop's."""
    train, config = job.training, job.config
    # how it is scaled is held against the training clips before the first step
    scaling = loop.feed.standardizer
    feed = replace(feed_of(job, split.protocol), standardizer=scaling)
    whole, windows = _windows(job, split, feed)
    settings = Settings(
        device=device,
        precision=config.precision,
        draw_noise=True,
        seed=config.seed,
        recompute=train.gradient_checkpointing,
    )

    def make(optimizer: Optimizer) -> Trainer:
        return backend.trainer(feed.spec.train, optimizer, settings)

    optimizer = asked(job, feed.spec)
    return Plain(
        make=make,
        trainer=make(optimizer),
        feed=feed,
        windows=windows,
        count=len(whole),
        batch=min(train.batch, len(whole)),
        optimizer=optimizer,
        job=job,
        curve=loop.curve,
    )


def _windows(
    job: Job, split: Split, feed: Feed
) -> tuple[Windows, Callable[[int], Windows]]:
    """The training windows, and those of an epoch, which may be augmented."""
    train, config = job.settings.train, job.config
    clips = pieces(
        split.train,
        joints=split.protocol.joints,
        longest=train.longest,
        shortest=train.shortest,
    )
    usual = max(1, feed.spec.frames // 3) if feed.taught else 1
    stride = usual if train.stride is None else train.stride
    whole = feed.windows(clips, stride=stride, training=True)
    steps = augment.asked(config.augment)

    # one epoch's: to augment all clips takes longer than a step
    @lru_cache(maxsize=1)
    def windows(epoch: int) -> Windows:
        if not steps:
            return whole
        again = augment.apply(clips, steps, seed=config.seed, epoch=epoch + 1)
        return feed.windows(again, stride=stride, training=True)

    return whole, windows


def asked(job: Job, spec: Spec) -> Optimizer:
    """The optimizer by the settings, and by the recipe where they are silent."""
    train = job.training
    own = train.model_dump()
    rates = {}
    # from the last group to the first, which has the last word
    for group in reversed(train.groups):
        for name in spec.train.trainable():
            if fnmatchcase(name, group.params):
                rates[name] = 1.0 if group.lr is None else group.lr / train.lr
    numbers = {
        name: own[name]
        for name in ("momentum", "beta1", "beta2", "alpha", "eps", "amsgrad")
        if own[name] is not None
    }
    return Optimizer(
        rule=train.optimizer,
        lr=train.lr,
        weight_decay=train.weight_decay,
        clip_norm=None if train.clip is None else train.clip.get("norm"),
        clip_value=None if train.clip is None else train.clip.get("value"),
        rates=tuple((name, rate) for name, rate in rates.items() if rate != 1),
        **numbers,
    )
