"""NumPy that rounds otherwise: up or down by dice, or to a half after each operation.

Yardsticks, as is float32: how far honest computations of the same numbers may lie apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from backends.base import Arrays
from backends.emit import function
from backends.kernels import Kernel
from backends.numpy.ops import kernels
from models import ops
from models.graph import Graph

Kernels = Mapping[str, Kernel]
Change = Callable[[np.ndarray], np.ndarray]
Run = Callable[[Arrays, Arrays], dict[str, np.ndarray]]

# Throws of the dice, numbered from 1. Where one number is asked, three may all be lucky: in 40
# exams of 230 gradients each, two honest ones were beyond four times the largest of three.
DICE = 5
# Of a number in float64: less than half of float32's spacing, so that what float32 holds
# stays as it is, and whatever lies between falls to either side.
SHAKE = 2.0**-25 * 0.99
# Odd, so that multiplication by it mixes the bits of a number (Knuth's, of 64 bits).
MIX = 6364136223846793005
DIGITS = {"float16": 11, "bfloat16": 8}  # of the significand, in bits


def realised(graph: Graph, table: Kernels) -> Run:
    """Outputs of a graph by parameters and feeds, over some kernels."""
    run = function(graph, table)

    def outputs(params: Arrays, feeds: Arrays) -> dict[str, np.ndarray]:
        # a sum over all axes is a NumPy scalar, no array
        found, _ = run(params, feeds, graph.constants)
        return {name: np.asarray(value) for name, value in found.items()}

    return outputs


def shaken(arrays: Arrays, seed: int) -> dict[str, np.ndarray]:
    """Floats in float64 and one rounding of float32 away, for the runs with dice.

    Numbers of a few digits are left alone, as they are in a call beside them: a tie between
    the two would be gone.
    """
    if not 1 <= seed <= DICE:
        return dict(arrays)
    return {
        name: _moved(array, seed) if array.dtype.kind == "f" else array
        for name, array in arrays.items()
    }


def dice(seed: int) -> Kernels:
    """Kernels in float64 whose results are rounded to float32 up or down."""
    return {
        # what only moves numbers rounds none
        name: kernel if ops.get(name).flops is ops.free else _diced(kernel, seed)
        for name, kernel in kernels(np.float64).items()
    }


def growing() -> Kernels:
    """Kernels in float32 whose sums grow element by element: NumPy's own go pair by pair.

    Where exact numbers cancel, all the rounding there is lies within the sum.
    """
    plain = kernels(np.float32)
    return {**plain, "sum": _growing(plain["sum"], "float32")}


def halves(dtype: str) -> list[Kernels]:
    """Kernels in float32 whose results are rounded to a half, in several ways.

    That is how a framework computes that fuses nothing and has no wider type inside: to the
    nearest, up or down by dice as where parts of an op come in another order, and with sums
    that grow element by element.
    """

    def nearest(x: np.ndarray) -> np.ndarray:
        return x.astype(dtype).astype(np.float32)

    def by_dice(x: np.ndarray) -> np.ndarray:
        shake = SHAKE * 2.0 ** (24 - DIGITS[dtype])
        return nearest(x * np.float32(1 + shake * _signs(x, DICE)))

    plain = _rounding(nearest)
    growing = {
        "sum": _growing(plain["sum"], dtype),
        "scatter_add": _in(plain["scatter_add"], dtype),
    }
    return [plain, _rounding(by_dice), {**plain, **growing}]


def _rounding(change: Change) -> dict[str, Kernel]:
    """Each result changed, and each number that is written into a call."""

    def taken(given: Any) -> Any:
        number = isinstance(given, int | float) and not isinstance(given, bool)
        return change(np.asarray(given, np.float32)) if number else given

    def around(kernel: Kernel) -> Kernel:
        changed = _each(kernel, change)
        return lambda *given, **attributes: changed(*map(taken, given), **attributes)

    return {name: around(kernel) for name, kernel in kernels(np.float32).items()}


def _growing(kernel: Kernel, dtype: str) -> Kernel:
    """A sum that is rounded to a type after each element."""

    def run(x: np.ndarray, *, axis: tuple[int, ...], keepdims: bool) -> np.ndarray:
        whole = kernel(x, axis=axis, keepdims=keepdims)
        if not axis or not x.size:
            return whole
        # the axes that are summed become one, which comes last
        last = np.moveaxis(x, axis, range(-len(axis), 0))
        flat = last.reshape(*last.shape[: x.ndim - len(axis)], -1).astype(dtype)
        total = np.add.accumulate(flat, axis=-1, dtype=flat.dtype)[..., -1]
        return np.asarray(total, np.float32).reshape(whole.shape)

    return run


def _in(kernel: Kernel, dtype: str) -> Kernel:
    """A kernel on arrays of a half, in which it adds one by one."""

    def run(x: np.ndarray, *given: Any, **attributes: Any) -> np.ndarray:
        return np.asarray(kernel(x.astype(dtype), *given, **attributes), np.float32)

    return run


def _diced(kernel: Kernel, seed: int) -> Kernel:
    return _each(kernel, lambda x: _held(x * (1 + SHAKE * _signs(x, seed))))


def _each(kernel: Kernel, change: Change) -> Kernel:
    """The kernel with something done to each of its float results."""

    def run(*given: Any, **attributes: Any) -> Any:
        results = kernel(*given, **attributes)
        if isinstance(results, tuple):
            return tuple(map(one, results))
        return one(results)

    def one(result: Any) -> Any:
        array = np.asarray(result)
        return change(array) if array.dtype.kind == "f" else array

    return run


def _signs(x: np.ndarray, seed: int) -> np.ndarray:
    """1 or -1 by the bits of each number: equal ones stay equal, and ties stay ties."""
    bits = np.asarray(x, np.float64).view(np.int64)
    factor = np.int64((MIX * (2 * seed + 1)) % 2**63)
    mixed = (bits ^ (bits >> 29)) * factor
    return 1.0 - 2.0 * ((mixed >> 40) & 1)


def _moved(array: np.ndarray, seed: int) -> np.ndarray:
    wide = np.asarray(array, np.float64)
    # twice the rounding of a result: what float32 holds already is to move
    moved = _held(wide * (1 + 2 * SHAKE * _signs(wide, seed)))
    bits = np.ascontiguousarray(array, np.float32).view(np.uint32).reshape(array.shape)
    return np.where(bits & 0xFFFF == 0, wide, moved)


def _held(x: np.ndarray) -> np.ndarray:
    """What float32 holds, in float64."""
    return x.astype(np.float32).astype(np.float64)
