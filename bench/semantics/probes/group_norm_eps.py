"""Where eps stands in group norm, and which variance it has."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bench.semantics.of_op import Input, OpProbe
from bench.semantics.probes._eps import EPS, SMALL, drawn, own
from bench.semantics.variants import Variant

Array = np.ndarray


def _with(less: int, *, outside: bool) -> Callable[..., Array]:
    def gives(
        x: Array, weight: Array, bias: Array, *, groups: int, eps: float
    ) -> Array:
        grouped = x.reshape(x.shape[0], groups, -1)
        spread = grouped.std(-1, ddof=less, keepdims=True)
        root = spread + eps if outside else np.sqrt(spread**2 + eps)
        normal = (grouped - grouped.mean(-1, keepdims=True)) / root
        return normal.reshape(x.shape) * weight[:, None] + bias[:, None]

    return gives


OPERANDS = (drawn(2, 4, 3, scale=SMALL), drawn(4), drawn(4) / 4)
OWN = {1e-3: "Keras", 1e-5: "torch", 1e-6: "Flax"}
PROBE = OpProbe(
    about="place of eps and variance in group norm",
    inputs=(Input("group_norm", OPERANDS, {"groups": 2, "eps": EPS}),),
    variants=(
        Variant("inside", "(x - m) / sqrt(v + eps), v biased", "Wu and He 2018; torch"),
        Variant(
            "outside",
            "(x - m) / (sqrt(v) + eps)",
            "ports by hand",
            _with(0, outside=True),
        ),
        Variant(
            "unbiased",
            "v over n - 1",
            "ports by tensor.var()",
            _with(1, outside=False),
        ),
        *own("group_norm", OWN),
    ),
)
