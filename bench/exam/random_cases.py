"""Random cases of an op: shapes of rank 1 to 5, axes of length 0, 1 and more.

And cases whose axes are all as long, where a wrong axis gives the right shape. Which are
legal stands in the op's file; here is only how many there are, and from which seed.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import numpy as np

from bench.exam.draws import draw
from models import ops
from models.ops import Case
from models.ops._cases import LEVEL, RANKS, Level, alike

TRIES = 2000  # of a convolution, one in some hundred has an input and a kernel so long


def generated(name: str, *, count: int, seed: int) -> Iterator[Case]:
    """`count` cases of an op, of ranks 1 to 5 in turn.

    The same for the same seed, whatever else is put.
    """
    for i in range(count):
        # seeded one by one: a longer exam begins with the cases of a shorter one
        of_op = zlib.crc32(name.encode())
        rng = np.random.default_rng([seed, of_op, i])
        yield case(name, rng, rank=1 + i % RANKS)


def level(name: str, rank: int = 4) -> Case | None:
    """A case whose axes are all as long; None of an op that has none.

    What is drawn beside the lengths may spoil it, and is drawn again; where nothing else is
    legal, as in an op that drops an axis of length 1, there are such axes too.
    """
    op = ops.get(name)
    shapes = len(op.cases[0].shapes)
    sloped = op.vjp is not None or op.body is not None
    if op.random is alike and (shapes == 1 or not sloped):
        return None  # element by element: only what is broadcast has axes, and its gradient
    for others in ((), (1,)):
        for i in range(TRIES):
            rng = Level(np.random.PCG64([zlib.crc32(name.encode()), i]))
            found = case(name, rng, rank=rank)
            lengths = {length for shape in found.shapes for length in shape}
            fits = lengths <= {LEVEL, *others} and () not in found.shapes
            if fits and len(found.shapes) >= shapes and _tells(name, found):
                return found
    return None


def _tells(name: str, case: Case) -> bool:
    """Whether it matters which axis is which: with two of them exchanged, others come out."""
    first, *rest = draw(case, (0,))
    axes = np.flatnonzero(np.array(first.shape) == LEVEL)[:2]
    if len(axes) < 2:
        return False
    exchanged = np.swapaxes(first, *axes)
    results = [
        ops.get(name).reference(x, *rest, **case.attributes) for x in (first, exchanged)
    ]
    came, other = (found[0] if isinstance(found, tuple) else found for found in results)
    same = came.shape == first.shape and np.array_equal(came, first)
    return not same and not np.array_equal(came, other)


def case(name: str, rng: np.random.Generator, *, rank: int) -> Case:
    """One random case of an op; where `rank` is too low for the op, it is raised.

    What a rule does not draw (eps, exponents, kinds of input) comes from the op's own cases.
    """
    op = ops.get(name)
    example = op.cases[rng.integers(len(op.cases))]
    return op.random(rng, rank, example)
