"""Random cases of an op: shapes of rank 1 to 5, axes of length 0, 1 and more.

Which are legal stands in the op's file; here is only how many there are, and from which seed.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import numpy as np

from models import ops
from models.ops import Case
from models.ops._cases import RANKS


def generated(name: str, *, count: int, seed: int) -> Iterator[Case]:
    """`count` cases of an op, of ranks 1 to 5 in turn.

    The same for the same seed, whatever else is put.
    """
    for i in range(count):
        # seeded one by one: a longer exam begins with the cases of a shorter one
        of_op = zlib.crc32(name.encode())
        rng = np.random.default_rng([seed, of_op, i])
        yield case(name, rng, rank=1 + i % RANKS)


def case(name: str, rng: np.random.Generator, *, rank: int) -> Case:
    """One random case of an op; where `rank` is too low for the op, it is raised.

    What a rule does not draw (eps, exponents, kinds of input) comes from the op's own cases.
    """
    op = ops.get(name)
    example = op.cases[rng.integers(len(op.cases))]
    return op.random(rng, rank, example)
