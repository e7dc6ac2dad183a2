"""The training loop: steps, learning-rate schedule, validation curve, checkpoints; the
backend only ever sees `Trainer.step`.
"""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from backends.base import Backend, Program, Trainer
from bench.config import Train
from bench.coordinator.job import Progress
from bench.data.batches.windows import Batch, Windows
from bench.training import checkpoint as checkpoints
from bench.training.checkpoint import Checkpoint
from bench.training.feed import Feed

WARM_UP = 0.02  # share of the steps in which the learning rate rises
FLOOR = 0.01  # share of the learning rate that the cosine ends at
LOG_EVERY = 25


class Diverged(Exception):
    """The loss stopped being a number."""


@dataclass
class Curve:
    """What is drawn, as it grows."""

    loss_steps: list[int] = field(default_factory=list)
    loss: list[float] = field(default_factory=list)
    validation_steps: list[int] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)  # mm


@dataclass
class Loop:
    """One training run. `step` counts finished steps; everything needed to go on is in the
    checkpoint.
    """

    backend: Backend
    trainer: Trainer
    infer: Program
    feed: Feed
    train: Windows
    # windows of an epoch's own, drawn in place of `train`
    augmented: Callable[[int], Windows] | None
    validation: Windows
    settings: Train
    batch: int
    lr: float
    seed: int
    device: str
    path: Path
    fingerprint: str
    augmentation: str  # in words
    step: int = 0
    seconds: float = 0.0
    curve: Curve = field(default_factory=Curve)

    def run(self, progress: Progress) -> None:
        """Train to the last step.

        Raises Diverged when the loss is no longer finite; the checkpoint before it stays.

        SIGTERM ends the run after the step under way, with a checkpoint of it, and then
        does what it always does.
        """
        losses: list[Any] = []
        with _held_back() as asked_to_stop:
            for batch in self._batches():
                losses.append(self._one(batch))
                validate = (
                    self.step % self.settings.validate_every == 0
                    or self.step == self.settings.steps
                )
                if validate or asked_to_stop or self.step % LOG_EVERY == 0:
                    # before any checkpoint, so that none is written of a loss that is no
                    # number
                    self._log(losses)
                    progress(
                        f"step {self.step}, loss {self.curve.loss[-1]:.4f}{self._latest()}",
                        self.step / self.settings.steps,
                    )
                if validate:
                    self._validate()
                if asked_to_stop:
                    self.save()
                    break

    def resume(self) -> None:
        """Go on from the checkpoint, where there is one of the same configuration."""
        if not self.path.exists():
            return
        found = checkpoints.load(self.path)
        if found.progress["fingerprint"] != self.fingerprint:
            return
        self.trainer.program.load(found.params)
        self.trainer.load_state(found.optimizer)
        self.step, self.seconds = found.progress["step"], found.progress["seconds"]
        self.curve = Curve(**found.progress["curve"])

    def save(self) -> None:
        """Write the checkpoint."""
        progress = {
            "fingerprint": self.fingerprint,
            "step": self.step,
            "seconds": self.seconds,
            "curve": self.curve.__dict__,
        }
        scaling = self.feed.standardizer.arrays() if self.feed.standardizer else {}
        checkpoints.save(
            self.path,
            Checkpoint(
                self.trainer.program.params(), self.trainer.state(), scaling, progress
            ),
        )

    def _one(self, batch: Batch) -> Any:
        started = time.perf_counter()
        self.trainer.set_lr(self.lr * schedule(self.step, self.settings.steps))
        loss = self.trainer.step(
            self.trainer.program.put(self.feed.batch(batch.keypoints, batch.target))
        )
        self.step += 1
        self.seconds += time.perf_counter() - started
        return loss

    def _log(self, losses: list[Any]) -> None:
        started = time.perf_counter()
        values = [float(loss) for loss in losses]  # waits for the device
        losses.clear()
        self.seconds += time.perf_counter() - started
        if not all(map(math.isfinite, values)):
            first = (
                self.step
                - len(values)
                + next(i for i, value in enumerate(values) if not math.isfinite(value))
                + 1
            )
            raise Diverged(
                f"the loss became {values[first - self.step + len(values) - 1]} at step"
                f" {first}"
            )
        self.curve.loss_steps.append(self.step)
        self.curve.loss.append(float(np.mean(values)))

    def _validate(self) -> None:
        """A point of the curve on held-out poses; nothing is selected by it."""
        self.infer.load(
            {
                name: array
                for name, array in self.trainer.program.params().items()
                if name in self.infer.graph.params
            }
        )
        chosen = np.random.default_rng(self.seed).permutation(len(self.validation))[
            : self.settings.validation_windows
        ]
        errors = []
        for part in np.array_split(np.sort(chosen), max(1, len(chosen) // 512)):
            keypoints, target = self.validation.batch(part)
            pose = self.feed.poses(self.infer(self.feed.inputs(keypoints))["pose"])
            apart = np.linalg.norm(self.validation.metres(pose - target, part), axis=-1)
            errors.append(apart.mean() * 1000 * len(part))
        error = float(np.sum(errors) / len(chosen))
        if not math.isfinite(error):  # the loss is that of the weights before the step
            raise Diverged(f"the validation error became {error} at step {self.step}")
        self.curve.validation_steps.append(self.step)
        self.curve.validation.append(error)
        self.save()

    def _latest(self) -> str:
        return (
            f", validation {self.curve.validation[-1]:.1f} mm"
            if self.curve.validation
            else ""
        )

    def _batches(self) -> Iterator[Batch]:
        """Batches from the present step on, epoch after epoch, the same after a resume."""
        per_epoch = len(self.train) // self.batch
        while self.step < self.settings.steps:
            epoch, start = divmod(self.step, per_epoch)
            stop = min(per_epoch, start + self.settings.steps - self.step)
            windows = self.augmented(epoch) if self.augmented else self.train
            place = {"seed": self.seed, "epoch": epoch, "start": start}
            yield from windows.epoch(
                self.batch,
                shuffle=True,
                flip=self.settings.flip,
                count=stop * self.batch,
                workers=1,
                **place,
            )


@contextmanager
def _held_back() -> Iterator[list[int]]:
    """Collects SIGTERM instead of being broken off by it, and passes it on at the end:
    weights, optimizer and step count stay in step.
    """
    asked: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: asked.append(number))
    try:
        yield asked
    finally:
        signal.signal(signal.SIGTERM, before)
        if asked:
            signal.raise_signal(signal.SIGTERM)


def schedule(step: int, steps: int) -> float:
    """Factor of the learning rate: a short linear rise, then half a cosine (Loshchilov and
    Hutter, 2017).
    """
    rise = max(1, int(steps * WARM_UP))
    if step < rise:
        return (step + 1) / rise
    share = (step - rise) / max(1, steps - rise)
    return FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(math.pi * share))
