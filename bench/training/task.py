"""Train a model under a backend and keep its curve, its cost and its weights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence

from backends.base import Backend, Settings
from bench import data
from bench.coordinator.job import Finding, Job, Progress
from bench.data import augment
from bench.data.batches import standardizer
from bench.data.batches.windows import Windows
from bench.data.clip import Clip
from bench.data.pieces import pieces
from bench.data.protocols import Protocol
from bench.records import Training
from bench.training.feed import Feed, build, split_of
from bench.training.loop import Diverged, Loop
from bench.training.optimizer import optimizer_of
from models import params as initial
from models.spec import Spec


def run(job: Job, backend: Backend, device: str, progress: Progress) -> Finding:
    """Train to the configured number of steps, from the checkpoint where one fits."""
    progress("reading data", 0.0)
    split = split_of(job)
    spec = build(job.model, job.settings, joints=len(split.protocol.joints))
    loop = _loop(job, backend, device, spec, split)
    loop.resume()
    try:
        loop.run(progress)
    except Diverged as error:
        kept = (
            f"the checkpoint of step {loop.curve.validation_steps[-1]} is kept"
            if loop.curve.validation_steps
            else "no checkpoint was due yet"
        )
        return Finding(
            _payload(job, loop, split.protocol, note=str(error)),
            "failed",
            f"{error}; {kept}; lower the learning rate",
        )
    return Finding(_payload(job, loop, split.protocol))


def _loop(job: Job, backend: Backend, device: str, spec: Spec, split: data.Split) -> Loop:
    train, seed = job.settings.train, job.config.seed
    feed = Feed(spec, split.protocol, pad=job.settings.pad)
    stride = train.stride or (max(1, spec.frames // 3) if feed.sequence else 1)
    clips = pieces(split.train, longest=train.longest, shortest=train.shortest)
    windows = feed.windows(clips, stride=stride)
    steps = augment.read(job.config.augment) if job.config.augment else ()
    said = ", ".join(map(str, steps))
    augmented = _augmented(feed, clips, steps, seed=seed, stride=stride) if steps else None
    batch = min(train.batch or spec.recipe.batch, len(windows))
    if (train.inputs or spec.recipe.inputs) == "zscore":
        feed = Feed(
            spec, split.protocol, standardizer.fit(windows.single()), job.settings.pad
        )
    optimizer = optimizer_of(job, spec)
    settings = Settings(
        device=device, precision=job.config.precision, draw_noise=True, seed=seed
    )
    trainer = backend.trainer(spec.train, optimizer, settings)
    trainer.program.load(initial.draw(spec.train.params, seed=seed))
    infer = backend.program(spec.infer, Settings(device=device))
    validation = feed.windows(split.test, stride=None)
    return Loop(
        backend, trainer, infer, feed, windows, augmented, validation, train, batch, optimizer.lr, seed, device, job.checkpoint,
        fingerprint(job, split.protocol, optimizer.describe(), said), said,
    )  # fmt: skip


def _augmented(
    feed: Feed,
    clips: Sequence[Clip],
    steps: Sequence[augment.Step],
    *,
    seed: int,
    stride: int,
) -> Callable[[int], Windows]:
    """The training windows of an epoch, each time of clips augmented anew.

    Epoch 0 of the draws is the corruption's.
    """
    return lambda epoch: feed.windows(
        augment.apply(clips, steps, seed=seed, epoch=epoch + 1), stride=stride
    )


def fingerprint(
    job: Job, protocol: Protocol, optimizer: Mapping[str, object], augmentation: str
) -> str:
    """What a checkpoint must agree on before training goes on from it."""
    content = [
        job.settings.model_dump(),
        job.config.data,
        protocol.hash,
        job.config.seed,
        job.config.precision,
        dict(optimizer),
        augmentation,
    ]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _payload(job: Job, loop: Loop, protocol: Protocol, *, note: str = "") -> Training:
    frames = loop.step * loop.batch * loop.train.outputs
    return Training(
        data=job.config.data,
        protocol=protocol.name,
        protocol_hash=protocol.hash,
        optimizer=dict(optimizer_of(job, loop.feed.spec).describe()),
        precision=job.config.precision,
        steps=loop.step,
        epochs=loop.step * loop.batch / len(loop.train),
        batch=loop.batch,
        parameters=loop.feed.spec.parameter_count(),
        train_windows=len(loop.train),
        augmentation=loop.augmentation,
        train_seconds=loop.seconds,
        frames_per_second=frames / loop.seconds if loop.seconds else None,
        loss_steps=tuple(loop.curve.loss_steps),
        loss=tuple(loop.curve.loss),
        validation_steps=tuple(loop.curve.validation_steps),
        validation_mpjpe=tuple(loop.curve.validation),
        checkpoint=str(job.checkpoint.relative_to(job.folder)),
        note=note,
    )
