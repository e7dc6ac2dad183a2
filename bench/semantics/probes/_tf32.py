"""Products whose operands are cut: TF32 has 10 binary digits behind the first, bfloat16 has 7."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bench.semantics.of_op import Input, OpProbe
from bench.semantics.variants import Variant
from models import ops

Array = np.ndarray
KEPT = {"tf32": 10, "bf16": 7}
WHO = {
    "tf32": "tensor cores of CUDA, on by default in cuDNN",
    "bf16": "torch's matmul precision medium",
}


def cut(x: Array, digits: int) -> Array:
    """Rounded to so many binary digits behind the first."""
    share, power = np.frexp(x)
    scale = 2.0 ** (digits + 1)
    return np.ldexp(np.rint(share * scale) / scale, power)


def near_one(digits: int, *shape: int) -> Array:
    """1 and a bit that comes so many digits later, everywhere."""
    return np.full(shape, 1 + 2.0**-digits, np.float32)


def _cut_product(op: str, digits: int) -> Callable[..., Array]:
    def gives(x: Array, weight: Array, *rest: Array, **attributes: Any) -> Array:
        operands = (cut(x, digits), cut(weight, digits), *rest)
        return ops.get(op).reference(*operands, **attributes)

    return gives


def probe(op: str, *inputs: Input) -> OpProbe:
    """Of an op that is a product; the adapter is to have switched TF32 off."""
    return OpProbe(
        about=f"digits of {op} on CUDA",
        inputs=inputs,
        device="cuda",
        variants=(
            Variant(
                "float32", "operands whole", "torch.backends.cuda.matmul, XLA highest"
            ),
            *(
                Variant(
                    name,
                    f"operands of {digits + 1} binary digits",
                    WHO[name],
                    _cut_product(op, digits),
                )
                for name, digits in KEPT.items()
            ),
        ),
    )
