"""y = max(1 - x, 0), of a margin that only training has."""

from __future__ import annotations

import numpy as np

from models.dims import Shape
from models.ops import Op, per_element
from models.ops._cases import case
from models.value import Value, emit


def hinge(x: Value) -> Value:
    """What is missing to 1."""
    return emit("hinge", x)


def shape(x: Shape) -> Shape:
    return x


def reference(x: np.ndarray) -> np.ndarray:
    return np.maximum(1 - x, 0)


def body(x: Value) -> Value:
    return (1.0 - x).relu()


def kinks(x: np.ndarray) -> np.ndarray:
    return 1 - x


OPS = {
    "hinge": Op(
        shape=shape,
        reference=reference,
        cases=(case((2, 3), draws=("apart",)),),
        flops=per_element(2),
        method=hinge,
        body=body,
        kinks=kinks,
        inference="no margin",
    )
}
