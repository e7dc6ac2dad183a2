"""Batches of a training, epoch after epoch; from any step on they are the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bench.data.batches.windows import Batch, Windows


@dataclass(frozen=True, kw_only=True)
class Epochs:
    """Where batches come from. What is drawn depends on seed and epoch alone."""

    windows: Windows
    renewed: Callable[[int], Windows] | None  # an epoch's own windows, augmented anew
    batch: int  # windows
    seed: int
    flip: bool  # whether half of the windows, drawn anew, are mirrored

    @property
    def batches(self) -> int:
        """Of an epoch: whole ones alone, and what is left over is another draw's in the next."""
        return len(self.windows) // self.batch

    def steps(self, first: int, last: int) -> Iterator[Batch]:
        """Batches `first` to `last` - 1, so that a resume goes on where it was.

        A step takes one, or as many as it accumulates.
        """
        step = first
        while step < last:
            epoch, start = divmod(step, self.batches)
            stop = min(self.batches, start + last - step)
            windows = self.renewed(epoch) if self.renewed else self.windows
            # `count` from the epoch's beginning, of which the batches before `start` are left out
            yield from windows.epoch(
                self.batch,
                shuffle=True,
                flip=self.flip,
                count=stop * self.batch,
                workers=1,  # one thread cuts ahead while the step computes
                seed=self.seed,
                epoch=epoch,
                start=start,
            )
            step += stop - start
