"""In which order equal elements come, upwards and downwards."""

from __future__ import annotations

import numpy as np

from bench.semantics.of_op import Input, OpProbe
from bench.semantics.variants import Variant

Array = np.ndarray


def _turned(x: Array, *, axis: int, descending: bool) -> Array:
    order = np.argsort(x, axis, kind="stable")
    return order[::-1] if descending else order


def _backwards(x: Array, *, axis: int, descending: bool) -> Array:
    last = len(x) - 1
    order = np.argsort(-x[::-1] if descending else x[::-1], kind="stable")
    return last - order


def _sorted(*, descending: bool) -> Input:
    return Input("argsort", (X,), {"axis": 0, "descending": descending})


X = np.array([2, 1, 2, 1, 2, 0], np.float32)
PROBE = OpProbe(
    about="equal elements in an order",
    inputs=(_sorted(descending=False), _sorted(descending=True)),
    variants=(
        Variant("stable", "as they came, both ways", "torch's stable, TF's stable"),
        Variant(
            "turned", "downwards the last comes first", "flip of an order", _turned
        ),
        Variant("backwards", "the last comes first, both ways", "unstable", _backwards),
    ),
)
