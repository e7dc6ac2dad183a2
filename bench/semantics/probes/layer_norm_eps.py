"""Where eps stands in layer norm, and which variance it has."""

from __future__ import annotations

import numpy as np

from bench.semantics.of_op import Input, OpProbe
from bench.semantics.probes._eps import EPS, SMALL, drawn, own
from bench.semantics.variants import Variant

Array = np.ndarray


def _outside(x: Array, weight: Array, bias: Array, *, eps: float) -> Array:
    return (x - x.mean(-1, keepdims=True)) / (_deviation(x, 0) + eps) * weight + bias


def _unbiased(x: Array, weight: Array, bias: Array, *, eps: float) -> Array:
    root = np.sqrt(_deviation(x, 1) ** 2 + eps)
    return (x - x.mean(-1, keepdims=True)) / root * weight + bias


def _both(x: Array, weight: Array, bias: Array, *, eps: float) -> Array:
    return (x - x.mean(-1, keepdims=True)) / (_deviation(x, 1) + eps) * weight + bias


def _deviation(x: Array, less: int) -> Array:
    return np.asarray(x.std(-1, ddof=less, keepdims=True))


OPERANDS = (drawn(3, 5, scale=SMALL), drawn(5), drawn(5) / 4)
OWN = {1e-3: "Keras", 1e-5: "torch", 1e-6: "Flax"}
PROBE = OpProbe(
    about="place of eps and variance in layer norm",
    inputs=(Input("layer_norm", OPERANDS, {"eps": EPS}),),
    variants=(
        Variant("inside", "(x - m) / sqrt(v + eps), v biased", "Ba et al. 2016; torch"),
        Variant("outside", "(x - m) / (sqrt(v) + eps)", "ports by hand", _outside),
        Variant("unbiased", "v over n - 1", "ports by tensor.var()", _unbiased),
        Variant(
            "unbiased_outside",
            "(x - m) / (sqrt(v) + eps), v over n - 1",
            "The Annotated Transformer; P-STMO",
            _both,
        ),
        *own("layer_norm", OWN),
    ),
)
