"""Axes by number, and shapes in which one of them is exchanged."""

from __future__ import annotations

from numbers import Integral
from typing import TypeVar

L = TypeVar("L")  # lengths that are all numbers stay numbers


def axis_of(axis: int, rank: int) -> int:
    """A negative axis counted from the end. Raises ValueError outside the rank."""
    if not _whole(axis):
        raise ValueError(f"axis is {axis!r}; a whole number was due")
    if not -rank <= axis < rank:
        raise ValueError(
            f"axis {axis} does not exist in rank {rank}; use {-rank} to {rank - 1}"
        )
    return axis % rank


def positive(axis: int, rank: int) -> int:
    """A negative axis counted from the start; one outside the rank stays as it is.

    Methods use it: the shape rule is to name the mistake, with the author's line.
    """
    return axis % rank if _whole(axis) and -rank <= axis < rank else axis


def _whole(axis: object) -> bool:
    # to Python, true is 1
    return isinstance(axis, Integral) and not isinstance(axis, bool)


def spliced(shape: tuple[L, ...], axis: int, *lengths: L) -> tuple[L, ...]:
    """`shape` with `lengths` in the place of one axis: one, or several, or none."""
    return (*shape[:axis], *lengths, *shape[axis + 1 :])
