"""What makes a kernel of a native TensorFlow call: operands alike, ties shared, axes as given.

And whether XLA compiles it, which has other kernels.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

import tensorflow as tf
from tensorflow import Tensor
from tensorflow.python.framework.ops import get_default_graph
from tensorflow.python.ops.control_flow_util import GraphOrParentsInXlaContext

from backends.kernels import Kernel

Operand = Any  # a tensor, or a number
Axes = tuple[int, ...]


def compiled() -> bool:
    """Whether XLA compiles what is being traced. TensorFlow says it in a private place alone."""
    return bool(GraphOrParentsInXlaContext(get_default_graph()))


def alike(a: Operand, b: Operand) -> tuple[Tensor, Tensor]:
    """Both operands in one dtype: that of the tensor whose neighbour is a number or a length.

    The language lets nothing else differ.
    """
    if tf.is_tensor(a) and tf.is_tensor(b):
        # a scalar of another dtype is a length, whichever side it stands on
        if a.shape.rank == 0 and a.dtype != b.dtype:
            return tf.cast(a, b.dtype), b
        return a, tf.cast(b, a.dtype)
    dtype = a.dtype if tf.is_tensor(a) else b.dtype
    return tf.convert_to_tensor(a, dtype), tf.convert_to_tensor(b, dtype)


def binary(native: Kernel) -> Kernel:
    """A native call of two operands, one of which may be a number."""

    @wraps(native)
    def kernel(a: Operand, b: Operand) -> Tensor:
        return native(*alike(a, b))

    return kernel


def shared(native: Kernel) -> Kernel:
    """Half of the gradient to each side of a tie, as the language has it.

    TensorFlow gives all of it to the first.
    """

    def kernel(a: Operand, b: Operand) -> Tensor:
        a, b = alike(a, b)
        if not a.dtype.is_floating:  # no gradient, and no half of an integer
            return native(a, b)
        return tf.where(tf.equal(a, b), a * 0.5 + b * 0.5, native(a, b))

    return kernel


def reduction(native: Kernel) -> Kernel:
    """A native reduction over a tuple of axes; over none of them it is the identity."""

    @wraps(native)
    def kernel(
        x: Tensor,
        *,
        axis: Axes,
        keepdims: bool,
    ) -> Tensor:
        # TensorFlow takes an empty tuple for all axes
        return native(x, axis, keepdims) if axis else x

    return kernel
