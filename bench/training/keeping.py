"""Which checkpoints of a training stay beside the last one, as `train.keep` asks.

A file of a step stays as long as some rule wants it. What they want follows from the validation
curve, which is in the last checkpoint: a training that is resumed keeps what it would have kept.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.coordinator.job import chosen
from bench.kinds import Keep
from bench.training import checkpoint as checkpoints
from bench.training.checkpoint import Checkpoint

Errors = Mapping[int, float]  # of the validation, by step
MEGA = 1e6  # bytes


@dataclass(frozen=True)
class Keeping:
    """The rules, and the last checkpoint, beside which the others lie."""

    rules: Keep
    last: Path

    def every(self, step: int) -> bool:
        """Whether a checkpoint is due after this step, validated or not."""
        return self.rules.every is not None and step % self.rules.every == 0

    def keep(self, whole: Checkpoint, step: int, errors: Errors) -> None:
        """Write a checkpoint to where it is to stay, and take away those that no rule wants."""
        wanted = self.wanted(step, errors)
        # what is new before what is old goes: at no time are there fewer than were asked for
        if self.rules.best and errors and step == _lowest(errors, 1)[0]:
            checkpoints.save(self.best, whole)
        if step in wanted:
            checkpoints.save(self._of(step), whole)
        keep = {self._of(one) for one in wanted}
        for place in self._steps():
            if place not in keep:
                place.unlink()

    def wanted(self, step: int, errors: Errors) -> set[int]:
        """The steps up to this one whose checkpoints stay."""
        found: set[int] = set()
        if self.rules.every:
            found.update(range(self.rules.every, step + 1, self.rules.every))
        if self.rules.top:
            found.update(_lowest(errors, self.rules.top))
        if self.rules.improved:
            found.update(_improved(errors))
        return found

    def clear(self) -> None:
        """Take all of them away: those of another training are not this one's."""
        for place in self._files():
            place.unlink()

    def sweep(self) -> None:
        """Take away what a process that was killed while it wrote has left."""
        for draft in self.last.parent.glob(f".{self.last.stem}.*safetensors.*"):
            draft.unlink()

    def said(self) -> str:
        """How many stay, and the bytes that they use; nothing where none was asked for."""
        if self.rules == Keep():
            return ""
        files = [place for place in (self.last, *self._files()) if place.exists()]
        used = sum(place.stat().st_size for place in files)
        return f"{len(files)} checkpoints kept, {used / MEGA:.1f} MB"

    @property
    def best(self) -> Path:
        """Where the one of the lowest validation error is, or would be."""
        return chosen(self.last, "best")

    def _of(self, step: int) -> Path:
        return self.last.with_suffix(f".step-{step:06}.safetensors")

    def _steps(self) -> list[Path]:
        return sorted(self.last.parent.glob(f"{self.last.stem}.step-*.safetensors"))

    def _files(self) -> list[Path]:
        best = [self.best] if self.best.exists() else []
        return best + self._steps()


def _lowest(errors: Errors, count: int) -> list[int]:
    """The steps of the lowest errors; of equal ones the earlier."""
    return heapq.nsmallest(count, errors, key=lambda step: (errors[step], step))


def _improved(errors: Errors) -> list[int]:
    """The steps whose errors were lower than all before."""
    found: list[int] = []
    for step, error in errors.items():
        if not found or error < errors[found[-1]]:
            found.append(step)
    return found
