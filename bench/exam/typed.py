"""A case in another type, where the op means anything in it.

Which types those are follows from the op: its reference gives the type that the rules
promise, and the numbers that it gives for the same floats.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from bench.exam.draws import draw
from bench.exam.probe import Probe
from models import ops
from models.graph import FLOATS, Type

Operand = np.ndarray | float
# the largest number of float16, to which masks and the like are cut
LARGEST = 65504.0


def typed(probe: Probe, dtype: str) -> Probe | None:
    """The numbers in another type, where the op means anything in it."""
    operands = tuple(
        _as(operand, dtype) if isinstance(operand, np.ndarray) else operand
        for operand in probe.operands
    )
    pairs = zip(operands, probe.operands, strict=True)
    if all(new is old for new, old in pairs):
        return None  # nothing has another type to take
    if dtype in FLOATS:
        return replace(probe, operands=operands, dtype=dtype)
    found = replace(probe, operands=operands)
    return found if _defined(probe.op, dtype) and meaningful(found, probe) else None


def _as(operand: np.ndarray, dtype: str) -> np.ndarray:
    """Floats rounded to a type.

    Halves to what they can hold, integers to some of -9 to 9, truth by sign. Indices follow
    int32.
    """
    if operand.dtype.kind != "f":
        follows = (str(operand.dtype), dtype) == ("int64", "int32")
        return operand.astype(dtype) if follows else operand
    if dtype in FLOATS:
        if dtype == "float16":
            operand = np.clip(operand, -LARGEST, LARGEST)
        # back to float32, in which every probe keeps its floats
        return np.asarray(operand.astype(dtype).astype(np.float32))
    if dtype == "bool":
        return np.asarray(operand > 0)  # of a scalar, NumPy makes no array
    # times 3: of normal draws, most would be 0 or 1 in size; a mask is no number for them
    return np.asarray(np.rint(np.clip(operand, -99, 99) * 3), dtype)


@cache
def _defined(name: str, dtype: str) -> bool:
    """What the op's first case says: empty cases, and those of one number, prove nothing."""
    op = ops.get(name)
    if dtype == "bool" and op.flops is not ops.free:
        return False  # truth values are moved, never reckoned with
    case = op.cases[0]
    probe = Probe(name, draw(case, (0,)), case.attributes)
    arrays = probe.arrays().values()
    operands = tuple(_as(array, dtype) for array in arrays)
    return meaningful(replace(probe, operands=operands), probe)


def meaningful(found: Probe, probe: Probe) -> bool:
    """Whether an op is defined on a type.

    Its reference gives the type that the rules promise, and the numbers that it gives for
    floats.
    """
    pairs = zip(found.operands, probe.operands, strict=True)
    operands = tuple(_wide(new, old) for new, old in pairs)
    wide = replace(found, operands=operands)
    arrays = found.arrays().values()
    types = [Type(array.shape, str(array.dtype)) for array in arrays]
    try:
        # what is not defined may divide by 0 on the way
        with np.errstate(all="ignore"):
            due = ops.infer(found.op, types, found.attributes)
            came, exact = found.reference(np.float64), wide.reference(np.float64)
    except (TypeError, ValueError):
        return False
    return all(
        str(a.dtype) == type_.dtype and np.array_equal(a, b)
        for a, b, type_ in zip(came, exact, due, strict=True)
    )


def _wide(new: Operand, old: Operand) -> Operand:
    """What stands for a float, as a float again: indices and conditions stay as they are."""
    was_float = isinstance(old, np.ndarray) and old.dtype.kind == "f"
    return np.asarray(new, np.float64) if was_float else new
