"""Mixed precision as torch.autocast has it, over a table of kernels.

JAX has no autocast of its own. Each op's class stands in its file: products are computed in
half, sums and powers in float32, and the rest in the wider of its inputs, which is what
jax.numpy does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp

from backends.kernels import Kernel
from models import ops


def mixed(kernels: Mapping[str, Kernel], half: Any) -> dict[str, Kernel]:
    """The table with operands cast; weights stay float32 and are cast where they are used."""
    types = {"product": half, "full": jnp.float32, "follow": None}
    found: dict[str, Kernel] = {}
    for name, kernel in kernels.items():
        dtype = types[ops.get(name).precision]
        found[name] = kernel if dtype is None else _casting(kernel, dtype)
    return found


def _casting(kernel: Kernel, dtype: Any) -> Kernel:
    def cast(*operands: Any, **attributes: Any) -> Any:
        given = [_as(operand, dtype) for operand in operands]
        return kernel(*given, **attributes)

    return cast


def _as(operand: Any, dtype: Any) -> Any:
    if not hasattr(operand, "dtype"):
        return operand  # a number takes the type of its neighbour
    # integers are indices or counts
    is_float = jnp.issubdtype(operand.dtype, jnp.floating)
    return operand.astype(dtype) if is_float else operand
