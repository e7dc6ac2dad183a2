"""Shapes, lengths of axes and axis patterns that are generated for property tests."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass

from hypothesis import strategies as st

from models import dims
from models.dims import Length

Ints = tuple[int, ...]
Runs = list[tuple[int, int]]  # from an axis up to another
# primes: a product tells which axes it is made of
LENGTHS: Mapping[str, int] = {
    "batch": 3,
    "frames": 7,
    "joints": 5,
}


def lengths() -> st.SearchStrategy[Length]:
    """Numbers, axes, and sums and products of them; never deeper than two operations."""
    axes = st.sampled_from(sorted(LENGTHS)).map(dims.symbol)
    leaves = st.one_of(st.integers(-4, 9), axes)
    pairs = st.tuples(leaves, leaves)
    return st.one_of(
        leaves,
        pairs.map(lambda pair: pair[0] + pair[1]),
        pairs.map(lambda pair: pair[0] * pair[1]),
    )


def shapes(*, low: int = 0) -> st.SearchStrategy[Ints]:
    """Up to four axes of length `low` to 4."""
    axes = st.integers(low, 4)
    return st.lists(axes, min_size=1, max_size=4).map(tuple)


@dataclass(frozen=True)
class Rearrangement:
    """A pattern with what it stands for.

    The axes of `shape` are split into `split`, put into `order` and merged into `merged`.
    """

    pattern: str
    shape: Ints
    sizes: Mapping[str, int]
    split: Ints
    order: Ints
    merged: Ints


@st.composite
def rearrangements(draw: st.DrawFn) -> Rearrangement:
    """Any grouping of two to five named axes on both sides.

    With the size of every grouped axis given.
    """
    lengths = st.lists(st.integers(1, 4), min_size=2, max_size=5)
    split = tuple(draw(lengths))
    names = "abcde"[: len(split)]
    order = tuple(draw(st.permutations(range(len(split)))))
    left = _grouping(draw, len(split))
    right = _grouping(draw, len(split))
    moved_names = "".join(names[i] for i in order)
    moved = [split[i] for i in order]
    sizes: dict[str, int] = {}
    for i, j in left:
        if j - i > 1:  # the size of an axis that stands alone is that of the tensor
            sizes |= zip(names[i:j], split[i:j], strict=True)
    return Rearrangement(
        pattern=f"{_side(names, left)} -> {_side(moved_names, right)}",
        shape=tuple(math.prod(split[i:j]) for i, j in left),
        sizes=sizes,
        split=split,
        order=order,
        merged=tuple(math.prod(moved[i:j]) for i, j in right),
    )


def _grouping(draw: st.DrawFn, count: int) -> Runs:
    """Cut `count` axes into runs."""
    inner = st.integers(1, count - 1)
    cuts = sorted(draw(st.sets(inner)))
    return list(itertools.pairwise([0, *cuts, count]))


def _side(names: str, runs: Runs) -> str:
    """One side of a pattern: "a (b c)"."""
    groups = [" ".join(names[i:j]) for i, j in runs]
    # brackets around one name are legal, and would hide that none are needed
    return " ".join(f"({group})" if " " in group else group for group in groups)
