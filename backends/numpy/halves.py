"""Mixed precision as rounding: what float32 NumPy gives where results keep fewer digits.

A yardstick, nothing to run models in: it tells how rough a half may be. Products, and what
follows its inputs, end in the half; sums and powers stay as they are (`Op.precision`, after
torch.autocast). The range stays float32's, as loss scaling sees to it elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from backends.kernels import Kernel
from models import ops

# bits of the significand, the hidden one counted
DIGITS = {"bf16": 8, "fp16": 11}
# The same with sums whose partial sums are of the half too, as TensorFlow's and XLA's are on a
# CPU: the gradient of a bias is a sum over all rows.
SUMS = {half: f"{half} sums" for half in DIGITS}
# what is called a precision -> bits of the significand, and whether sums are of the half
WAYS = {
    **{half: (digits, False) for half, digits in DIGITS.items()},
    **{SUMS[half]: (digits, True) for half, digits in DIGITS.items()},
}


def rounding(kernels: Mapping[str, Kernel], precision: str) -> dict[str, Kernel]:
    """The table with results rounded to the half, but for ops that run in float32."""
    digits, sums = WAYS[precision]
    found: dict[str, Kernel] = {}
    for name, kernel in kernels.items():
        rounds = ops.get(name).precision
        if rounds == "full":
            found[name] = kernel
        else:
            found[name] = _rounded(kernel, digits, operands=rounds == "product")
    if sums:
        found["sum"] = _summed(digits)
    return found


def rounded(value: Any, digits: int) -> Any:
    """A float array with so many bits of significand; whatever else comes, as it is."""
    if not isinstance(value, np.ndarray | np.floating) or value.dtype.kind != "f":
        return value
    significand, exponent = np.frexp(value)
    kept = np.round(significand * 2.0**digits) / 2.0**digits
    return np.asarray(np.ldexp(kept, exponent), value.dtype)


def _summed(digits: int) -> Kernel:
    """A sum made row by row, each time rounded."""

    def run(x: np.ndarray, *, axis: tuple[int, ...], keepdims: bool) -> np.ndarray:
        kept = [size for i, size in enumerate(x.shape) if i not in axis]
        count = math.prod(x.shape[i] for i in axis)
        rows = np.moveaxis(x, axis, range(len(axis))).reshape(count, *kept)
        found = np.zeros(kept, x.dtype)
        for row in rows:
            found = rounded(found + row, digits)
        return np.expand_dims(found, axis) if keepdims else found

    return run


def _rounded(kernel: Kernel, digits: int, *, operands: bool) -> Kernel:
    def run(*given: Any, **attributes: Any) -> Any:
        if operands:
            given = tuple(rounded(one, digits) for one in given)
        results = kernel(*given, **attributes)
        if isinstance(results, tuple):
            return tuple(rounded(one, digits) for one in results)
        return rounded(results, digits)

    return run
