"""Exam cases of an op: written down, and drawn at random.

An op file says which cases are legal; what several of them have in common stands here. The
same generator draws the same case, so the order of the draws within a rule is part of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from models.ops._axes import spliced

Draw = Literal["normal", "mild", "positive", "unit", "apart", "masked", "index", "bool"]
Ints = tuple[int, ...]
Rng = np.random.Generator

RANKS = 5  # the highest rank that models have: (batch, frames, joints, heads, width)
# Chances of an axis of length 0 to 4. Empty axes are rare, or nothing else would be seen.
_LENGTHS = (0.05, 0.2, 0.3, 0.25, 0.2)
LEVEL = 3  # of axes that are all as long


@dataclass(frozen=True)
class Case:
    """One exam question: input shapes, attributes, and how each input is drawn.

    Draws: normal; mild (normal, never of hundreds: exp is taken of their products); positive
    (0.5 to 2); unit (-0.9 to 0.9); apart (values at least 0.1 apart, for ops with kinks or
    ties); masked (some are -1e9, and all of the first row); index (0 to `high`); bool.
    """

    shapes: tuple[Ints, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    draws: tuple[Draw, ...] = ()  # one per input; normal where left out
    high: int = 1  # exclusive bound of index draws

    def redrawn(
        self, *shapes: Ints, high: int | None = None, **attributes: Any
    ) -> Case:
        """Other shapes, and other values of some attributes; the rest stays as it is here."""
        # a join of any number of tensors has no kinds of input to hand on
        draws = self.draws if len(self.draws) == len(shapes) else ()
        kept = self.high if high is None else high
        return Case(shapes, {**self.attributes, **attributes}, draws, high=kept)


def case(
    *shapes: Ints,
    draws: tuple[Draw, ...] = (),
    high: int = 1,
    **attributes: Any,
) -> Case:
    """A case as an op file writes it down."""
    return Case(shapes, attributes, draws, high)


# generator, rank, one of the op's own cases -> a case like it; too low a rank is raised
Random = Callable[[Rng, int, Case], Case]


class Level(np.random.Generator):
    """Draws each axis as long as any other, so that one may be taken for another."""


def lengths(rng: Rng, rank: int, *, least: int = 0) -> Ints:
    """A shape of some rank, no axis shorter than `least`."""
    if isinstance(rng, Level):
        return (LEVEL,) * rank
    drawn = rng.choice(len(_LENGTHS), rank, p=_LENGTHS)
    return integers(np.maximum(drawn, least))


def integers(drawn: Sequence[Any] | np.ndarray) -> Ints:
    """NumPy's integers as Python's, which shapes and attributes are made of."""
    return tuple(int(n) for n in drawn)


def one(rng: Rng, low: int, high: int) -> int:
    """An integer from `low` up to but not including `high`."""
    return int(rng.integers(low, high))


def axis_in(rng: Rng, rank: int) -> int:
    """One of the axes of a rank."""
    return one(rng, 0, rank)


def part_of(rng: Rng, shape: Ints) -> Ints:
    """What broadcasts to `shape`: some leading axes left out, some others of length 1."""
    if rng.random() < 0.5:
        shape = shape[one(rng, 0, len(shape) + 1) :]
    return tuple(1 if rng.random() < 0.3 else n for n in shape)


def any_axis(rng: Rng, rank: int) -> tuple[Ints, int]:
    """A shape, and an axis of it that is not empty."""
    axis = axis_in(rng, rank)
    shape = lengths(rng, rank)
    return spliced(shape, axis, max(1, shape[axis])), axis


def alike(rng: Rng, rank: int, example: Case) -> Case:
    """Rule: inputs that broadcast; a single one as it comes."""
    shape = lengths(rng, rank)
    others = [part_of(rng, shape) for _ in example.shapes[1:]]
    return example.redrawn(shape, *others)


def along(rng: Rng, rank: int, example: Case) -> Case:
    """Rule: one input, and an axis of it of length 1 or more."""
    shape, axis = any_axis(rng, rank)
    return example.redrawn(shape, axis=axis)
