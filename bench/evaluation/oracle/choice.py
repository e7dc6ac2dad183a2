"""Which test windows the oracle predicts, and which frames come of them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from bench.evaluation.oracle.cutting import Cut, spread


@dataclass(frozen=True)
class Frame:
    """A scored frame with all that the protocol makes its prediction of."""

    strip: int
    frame: int
    row: int  # among all scored frames
    windows: tuple[tuple[int, int], ...]  # number of each, and the frame's place in it


@dataclass(frozen=True)
class Rows:
    """All scored frames, clip after clip: the order in which predictions come."""

    frames: Sequence[Sequence[int]]  # of each strip

    @cached_property
    def starts(self) -> list[int]:
        """The row of each strip's first scored frame, and at the end how many rows there are."""
        found = [0]
        for frames in self.frames:
            found.append(found[-1] + len(frames))
        return found

    def at(self, row: int) -> tuple[int, int]:
        """The strip and the frame of a row."""
        strip = bisect_right(self.starts, row) - 1
        return strip, self.frames[strip][row - self.starts[strip]]

    def row(self, strip: int, frame: int) -> int | None:
        """The row of a frame; None where it is not scored."""
        frames = self.frames[strip]
        place = bisect_left(frames, frame)
        if place == len(frames) or frames[place] != frame:
            return None
        return self.starts[strip] + place

    def of(self, strip: int) -> slice:
        """The rows of a strip."""
        return slice(self.starts[strip], self.starts[strip + 1])


def rows(test: Cut, every: int) -> Rows:
    """The frames that a protocol scores."""
    strips = range(len(test.strips))
    return Rows([test.scored(strip, every=every) for strip in strips])


def frames(test: Cut, scored: Rows, *, averaged: bool, most: int) -> list[Frame]:
    """The scored frames of about `most` windows, spread over all clips and over their ends.

    A frame is predicted by the first window that has it, or, where windows are `averaged`, by
    all of them: then each window brings its neighbours.
    """
    together = 1
    if averaged:
        together = 2 * -(-test.sight.outputs // test.stride) - 1
    found: dict[int, Frame] = {}
    windows = set[int]()
    for row in _looked_at(scored, max(1, most // together)):
        strip, frame = scored.at(row)
        _, before = test.covering(strip, frame)[0]
        # all that the window predicts: it was computed anyway
        for other in range(frame - before, frame - before + test.sight.outputs):
            at = scored.row(strip, other)
            if at is None:
                continue
            covering = test.covering(strip, other)
            kept = covering if averaged else covering[:1]
            windows |= {number for number, _ in kept}
            found[at] = Frame(strip, other, at, tuple(kept))
        if len(windows) >= most:
            break
    return [found[row] for row in sorted(found)]


def _looked_at(scored: Rows, most: int) -> Iterator[int]:
    """Rows: half of them anywhere, a quarter where clips begin, a quarter where they end."""
    quarter = most // 4
    for strip in spread(len(scored.frames), quarter):
        rows = scored.of(strip)
        # padding stands at the ends alone, and most windows see none of it
        if rows.start < rows.stop:
            yield rows.start
            yield rows.stop - 1
    yield from spread(scored.starts[-1], most - 2 * quarter)
    # some of these were there already: others, until there are enough
    yield from spread(scored.starts[-1], 2 * most)
