"""y = x mask / (1 - rate), mask 1 with probability 1 - rate (Srivastava et al., 2014);
drop_path drops whole samples (Huang et al., 2016).

The mask is a noise input: parity feeds it, training lets the framework draw it.
"""

from __future__ import annotations

import numpy as np

from models.dims import Shape
from models.ops import Case, Op, per_element
from models.ops.elementwise import broadcast
from models.value import Value, emit


def dropout(x: Value, *, rate: float, name: str) -> Value:
    """Drop single elements in training; rate 0 adds nothing to the graph."""
    if rate == 0:
        return x
    mask = x.graph.noise(f"{name}.mask", x.shape, kind="bernoulli", number=1 - rate)
    return emit("dropout", x, mask, rate=rate)


def drop_path(x: Value, *, rate: float, name: str) -> Value:
    """Drop whole rows of axis 0 in training; rate 0 adds nothing to the graph."""
    if rate == 0:
        return x
    mask = x.graph.noise(
        f"{name}.mask",
        (x.shape[0], *(1,) * (len(x.shape) - 1)),
        kind="bernoulli",
        number=1 - rate,
    )
    return emit("dropout", x, mask, rate=rate)


def shape(x: Shape, mask: Shape, *, rate: float) -> Shape:
    if not 0 < rate < 1 or broadcast(x, mask) != x:
        raise ValueError(
            f"rate must lie between 0 and 1 and the mask must broadcast to x; rate {rate}"
        )
    return x


def reference(x: np.ndarray, mask: np.ndarray, *, rate: float) -> np.ndarray:
    return x * mask / (1 - rate)


def body(x: Value, mask: Value, *, rate: float) -> Value:
    return x * mask / (1 - rate)


CASES = (
    Case(((4, 3), (4, 3)), {"rate": 0.25}),
    Case(((2, 3, 5), (2, 1, 1)), {"rate": 0.5}),
)
OPS = {
    "dropout": Op(
        shape, reference, CASES, per_element(2), method=dropout, body=body, group="random"
    )
}
METHODS = {"drop_path": drop_path}
