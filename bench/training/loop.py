"""The training loop: steps, learning-rate schedule, curves, checkpoints.

The backend only ever sees `Trainer.step`; the loop never asks which backend that is.
"""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from backends.base import Feeds, Trainer
from bench.coordinator.job import Progress
from bench.data.batches.windows import Batch
from bench.kinds import Keep
from bench.training import board, schedules, stopping
from bench.training import checkpoint as checkpoints
from bench.training.checkpoint import Checkpoint
from bench.training.epochs import Epochs
from bench.training.feed import Feed
from bench.training.keeping import Keeping
from bench.training.schedules import Now, Schedule
from bench.training.validation import Validation
from models import averaging
from models.errors import BadInput

LOG_EVERY = 25  # steps: reading a loss waits for the device


class Diverged(Exception):
    """The loss stopped being a number."""


@dataclass
class Curve:
    """What is drawn, as it grows."""

    loss_steps: list[int] = field(default_factory=list)
    loss: list[float] = field(default_factory=list)
    validation_steps: list[int] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)  # mm

    @property
    def errors(self) -> dict[int, float]:
        """Those of the validation, by step."""
        return dict(zip(self.validation_steps, self.validation, strict=True))


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How far, how fast, and where the checkpoint goes."""

    steps: int
    lr: float  # at its highest
    validate_every: int  # steps
    checkpoint: Path
    schedule: Schedule = field(default_factory=lambda: schedules.read(None))
    rise: int = 0  # steps in which the rate rises
    accumulate: int = 1  # batches of a step
    patience: int | None = None  # validations without a better one
    fingerprint: str  # what a checkpoint must agree on before training goes on from it
    origin: dict[str, Any] = field(default_factory=dict)  # goes with each checkpoint
    first: int = 0  # steps that another training has made
    # which checkpoints stay beside the last one
    keep: Keep = field(default_factory=Keep)

    @property
    def keeping(self) -> Keeping:
        """Those checkpoints, as files."""
        return Keeping(self.keep, self.checkpoint)

    def risen(self, step: int) -> str:
        """That the rate never comes to its highest, where it does not, after `step` steps."""
        if self.rise <= self.steps:
            return ""
        made = f"of which {step:,} {'is' if step == 1 else 'are'} made"
        return f"the rate rises over {self.rise:,} steps, {made}"


@dataclass(frozen=True)
class Mark:
    """The trainer after some step, as arrays of its own."""

    weights: checkpoints.Arrays
    state: checkpoints.Arrays  # the optimizer's, with where noise goes on


@dataclass(kw_only=True)
class Loop:
    """One training run.

    `step` counts finished steps; everything needed to go on is in the checkpoint.
    """

    trainer: Trainer
    feed: Feed
    epochs: Epochs
    validation: Validation
    plan: Plan
    step: int = 0
    saved: int = 0  # step of the last checkpoint
    seconds: float = 0.0  # of computing; validation and checkpoints do not count
    curve: Curve = field(default_factory=Curve)
    # digest of the weights before the first step, which a resumed training keeps
    start: str = ""
    note: str = ""  # what became of a damaged checkpoint
    # numbers of finished steps at which the trainer is kept, for a replay to compare with
    marks: frozenset[int] = frozenset()
    kept: dict[int, Mark] = field(default_factory=dict)
    # of each step that this process has made, counted from 0
    rates: dict[int, float] = field(default_factory=dict)
    # so many steps before a validation that may end it, too; and after which step it last was
    before: int = 0
    late: int = -1
    # hears of each point of a curve
    tell: board.Tell = board.silent

    def run(self, progress: Progress) -> None:
        """Train to the last step.

        Raises Diverged when the loss is no longer finite; the checkpoint before it stays.

        SIGTERM ends the run after the step under way, with a checkpoint of it, and then
        does what it always does.
        """
        # native, so that nobody waits for the device at each step
        losses: list[Any] = []
        with _held_back() as asked_to_stop:
            try:
                self._steps(losses, asked_to_stop, progress)
            except Exception:
                # the curve up to here; what a loss itself has raised, raises again
                with suppress(Exception):
                    self._log(losses)
                raise

    def _steps(
        self, losses: list[Any], asked_to_stop: list[int], progress: Progress
    ) -> None:
        self._keep()
        if self.stopped:  # one that is resumed after its end
            return
        # its batches are cut ahead of the steps that take them
        count = self.plan.accumulate
        batches = self.epochs.steps(self.step * count, self.plan.steps * count)
        while parts := list(islice(batches, count)):
            losses.append(self._one(parts))
            self._keep()
            validate = self._validation_is_due()
            keep = self.plan.keeping.every(self.step)
            if validate or keep or asked_to_stop or self.step % LOG_EVERY == 0:
                # before any checkpoint: none is written of a loss that is no number
                self._log(losses)
                progress(self._said(), self.step / self.plan.steps)
            if validate:
                self._validate()
            if validate or keep or asked_to_stop:
                self.save()
            if asked_to_stop or self.stopped:
                break

    @property
    def made(self) -> int:
        """Steps that are this training's own."""
        return self.step - self.plan.first

    @property
    def stopped(self) -> bool:
        """Whether it ends before its last step, for nothing became better."""
        return stopping.stops(self.curve.validation, self.plan.patience)

    def resume(self) -> None:
        """Go on from the checkpoint, where there is one of the same configuration.

        One that is damaged is put aside, which `note` says, and the training begins anew.
        """
        self.plan.keeping.sweep()
        if not self.plan.checkpoint.exists():
            return
        try:
            found = checkpoints.load(self.plan.checkpoint)
        except BadInput as error:
            place = checkpoints.set_aside(self.plan.checkpoint)
            self.note = f"trained anew, the checkpoint lies in {place.name}: {error}"
            return
        # no error: a changed configuration is a new training, which writes over the old one
        if found.progress["fingerprint"] != self.plan.fingerprint:
            self.plan.keeping.clear()
            return
        self.take(found)
        self.saved = self.step
        # absent in checkpoints of before
        self.start = found.progress.get("start", "")

    def take(self, found: Checkpoint) -> None:
        """Go on from where a checkpoint is, of whatever backend."""
        self.trainer.program.load(found.params)
        self.trainer.load_state(found.optimizer)
        self.step = found.progress["step"]
        self.seconds = found.progress["seconds"]
        self.curve = Curve(**found.progress["curve"])

    def save(self) -> None:
        """Write the checkpoint, after those that stay beside it.

        In this order: a training that is killed in between makes the step again, and writes
        them once more.
        """
        progress = {
            "fingerprint": self.plan.fingerprint,
            "step": self.step,
            "steps": self.plan.steps,
            "accumulate": self.plan.accumulate,
            "seconds": self.seconds,
            "curve": asdict(self.curve),
            "start": self.start,
        }
        # with the weights: without it, evaluation would feed them other numbers
        scaling = self.feed.standardizer.arrays() if self.feed.standardizer else {}
        weights = self.trainer.program.params()
        state = self.trainer.state()
        whole = Checkpoint(weights, state, scaling, progress, self.plan.origin)
        # of another training's validations there are no files
        own = {
            at: error for at, error in self.curve.errors.items() if at > self.plan.first
        }
        self.plan.keeping.keep(whole, self.step, own)
        checkpoints.save(self.plan.checkpoint, whole)
        self.saved = self.step

    def _one(self, batches: Sequence[Batch]) -> Any:
        started = time.perf_counter()
        # by finished steps: a resumed training takes up the rate where it was
        self.rates[self.step] = self._rate()
        self.trainer.set_lr(self.rates[self.step])
        loss = self.trainer.step(*map(self._put, batches))
        self.step += 1
        self.seconds += time.perf_counter() - started
        return loss

    def _now(self) -> Now:
        passed = self.step * self.plan.accumulate
        return Now(
            step=self.step,
            steps=self.plan.steps,
            rise=self.plan.rise,
            epochs=passed / self.epochs.batches,
            validation=self.curve.validation,
        )

    def _put(self, batch: Batch) -> Feeds:
        feeds = self.feed.batch(batch.keypoints, batch.target, batch.metres)
        return self.trainer.program.put(feeds)

    def _keep(self) -> None:
        """Keep the trainer, where somebody asks for it after this step."""
        early = self.plan.patience and not self._to_validation() - self.before
        if early:
            # the last of these alone: it may be the end that comes
            if self.late not in self.marks:
                self.kept.pop(self.late, None)
            self.late = self.step
        if early or self.step in self.marks:
            # copies: a framework may hand out the memory that its next step writes
            weights, state = self.trainer.program.params(), self.trainer.state()
            self.kept[self.step] = Mark(_copied(weights), _copied(state))

    def _log(self, losses: list[Any]) -> None:
        """A point of the loss curve: the mean since the last one."""
        if not losses:
            return
        started = time.perf_counter()
        values = [float(loss) for loss in losses]  # waits for the device
        losses.clear()
        self.seconds += time.perf_counter() - started
        first = self.step - len(values) + 1
        for step, value in enumerate(values, start=first):
            if not math.isfinite(value):
                raise Diverged(f"the loss became {value} at step {step}")
        self.curve.loss_steps.append(self.step)
        self.curve.loss.append(float(np.mean(values)))
        self.tell(self.step, self._told())

    def _told(self) -> dict[str, float]:
        """What is known of the training where it is."""
        told = {"training/loss": self.curve.loss[-1], "training/rate": self._rate()}
        if self.seconds:
            told["training/steps_per_second"] = self.made / self.seconds
        return told

    def _rate(self) -> float:
        """The learning rate of the next step."""
        return self.plan.lr * self.plan.schedule.factor(self._now())

    def _validation_is_due(self) -> bool:
        return self._to_validation() == 0

    def _to_validation(self) -> int:
        """Steps from here to the next validation."""
        every = self.plan.validate_every
        return min(-self.step % every, self.plan.steps - self.step)

    def _validate(self) -> None:
        """A point of the validation curve."""
        error = self.validation.error(averaging.read(self.trainer.program.params()))
        # the loss is that of the weights before the step, so this may be the first to show it
        if not math.isfinite(error):
            raise Diverged(f"the validation error became {error} at step {self.step}")
        self.curve.validation_steps.append(self.step)
        self.curve.validation.append(error)
        name = f"validation/{self.feed.measured}_{self.feed.unit}"
        self.tell(self.step, {name: error})

    def _said(self) -> str:
        """How far training is, in words."""
        text = f"step {self.step} of {self.plan.steps}, loss {self.curve.loss[-1]:.4f}"
        if self.seconds:
            text += f", {self.made / self.seconds:.1f} steps/s"
        if self.curve.validation:
            error = f"{self.curve.validation[-1]:.1f} {self.feed.unit}"
            text += f", validation {self.feed.measured} {error}"
        return text


def _copied(arrays: checkpoints.Arrays) -> checkpoints.Arrays:
    return {name: np.array(array) for name, array in arrays.items()}


@contextmanager
def _held_back() -> Iterator[list[int]]:
    """Collects SIGTERM instead of being broken off by it, and passes it on at the end.

    A step that is broken off would leave weights, optimizer and step count out of step.
    """
    asked: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: asked.append(number))
    try:
        yield asked
    finally:
        signal.signal(signal.SIGTERM, before)
        if asked:
            signal.raise_signal(signal.SIGTERM)
