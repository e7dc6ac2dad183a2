"""y = x^3."""

from __future__ import annotations

import numpy as np

from models.dims import Shape
from models.ops import Op, per_element
from models.ops._cases import case
from models.value import Value, emit


def cube(x: Value) -> Value:
    """Third power."""
    return emit("cube", x)


def shape(x: Shape) -> Shape:
    return x


def reference(x: np.ndarray) -> np.ndarray:
    return x * x * x


def body(x: Value) -> Value:
    return x * x * x


OPS = {
    "cube": Op(
        shape=shape,
        reference=reference,
        cases=(case((2, 3)), case((4,))),
        flops=per_element(2),
        method=cube,
        body=body,
    )
}
