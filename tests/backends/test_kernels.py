"""Kernels that take halves as float32 and round once."""

from __future__ import annotations

import numpy as np
import pytest

import models  # noqa: F401  # registers bfloat16 with NumPy
from backends import kernels


def astype(x: np.ndarray, *, dtype: str) -> np.ndarray:
    return x.astype(dtype)


def rough(x: np.ndarray) -> np.ndarray:
    """A sum that is rounded after each addition, as in a framework without care."""
    return np.cumsum(x, dtype=x.dtype)[-1:]


@pytest.mark.parametrize("half", ["float16", "bfloat16"])
def test_a_sum_of_halves_is_rounded_once(half: str) -> None:
    x = np.full(5000, 1.0, np.float32).astype(half)
    # where ones are too small to be added any more, the sum stands still
    assert float(rough(x)[0]) < 5000
    summed = kernels.in_float32(rough, astype)(x)
    assert summed.dtype == x.dtype
    assert float(summed[0]) == float(np.float32(5000).astype(half))


def test_other_types_pass_as_they_are() -> None:
    seen: list[str] = []

    def kernel(*operands: np.ndarray) -> np.ndarray:
        seen.extend(str(x.dtype) for x in operands)
        return operands[0] > 0

    wide = kernels.in_float32(kernel, astype)
    half, index = np.ones(2, np.float16), np.ones(2, np.int64)
    assert wide(half, index).dtype == np.bool_
    assert wide(index).dtype == np.bool_
    assert seen == ["float32", "int64", "int64"]


def test_it_is_a_kernel_of_the_module_that_wrote_it() -> None:
    assert kernels.in_float32(rough, astype).__module__ == __name__
