"""What is left of a number that dropout keeps."""

from __future__ import annotations

import numpy as np

from bench.semantics.of_op import Input, OpProbe
from bench.semantics.probes._eps import drawn
from bench.semantics.variants import Variant

Array = np.ndarray


def _unscaled(x: Array, mask: Array, *, rate: float) -> Array:
    return x * mask


def _by_rate(x: Array, mask: Array, *, rate: float) -> Array:
    return x * mask / rate


def _complement(x: Array, mask: Array, *, rate: float) -> Array:
    return x * (1 - mask) / (1 - rate)


MASK = np.tile(np.array([1, 0, 1, 1], np.float32), (3, 1))
PROBE = OpProbe(
    about="scaling of what dropout keeps",
    inputs=(Input("dropout", (drawn(3, 4), MASK), {"rate": 0.25}),),
    variants=(
        Variant("inverted", "x mask / (1 - rate)", "torch, Keras, Flax, ONNX"),
        Variant(
            "unscaled", "x mask", "Srivastava et al. 2014; Caffe's test", _unscaled
        ),
        Variant("by_rate", "x mask / rate", "TF1's keep_prob for a rate", _by_rate),
        Variant(
            "complement", "x (1 - mask) / (1 - rate)", "1 for dropped", _complement
        ),
    ),
)
