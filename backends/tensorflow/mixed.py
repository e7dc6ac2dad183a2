"""Mixed precision as torch.autocast has it, over a table of kernels.

Keras casts whole layers, and our model is one of many ops. Each op's class stands in its
file: products are computed in half, sums and powers in float32, and the rest as it comes.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import wraps
from typing import Any

import tensorflow as tf

from backends.kernels import Kernel
from models import ops


def mixed(kernels: Mapping[str, Kernel], half: tf.DType) -> dict[str, Kernel]:
    """The table with operands cast; weights stay float32 and are cast where they are used."""
    types = {"product": half, "full": tf.float32, "follow": None}
    return {
        name: _casting(kernel, types[ops.get(name).precision])
        for name, kernel in kernels.items()
    }


def _casting(kernel: Kernel, dtype: tf.DType | None) -> Kernel:
    """A kernel whose float operands are cast; None casts to float32 where they differ.

    jax.numpy and PyTorch promote by themselves, TensorFlow refuses two types.
    """

    @wraps(kernel)
    def cast(*operands: Any, **attributes: Any) -> Any:
        floats = {operand.dtype for operand in operands if _is_float(operand)}
        target = dtype or (tf.float32 if len(floats) > 1 else None)
        if target is None:
            return kernel(*operands, **attributes)
        given = [tf.cast(x, target) if _is_float(x) else x for x in operands]
        return kernel(*given, **attributes)

    return cast


def _is_float(operand: Any) -> bool:
    return tf.is_tensor(operand) and operand.dtype.is_floating
