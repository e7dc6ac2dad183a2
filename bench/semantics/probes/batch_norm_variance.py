"""Which variance of a batch goes into the running one."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.semantics.of_op import OpProbe
from bench.semantics.probes._batch import STEP
from bench.semantics.variants import Variant

Array = np.ndarray


def _biased(x: Array, *rows: Array, momentum: float, **_: Any) -> Array:
    *_rest, var = rows
    return var * (1 - momentum) + x.var(0) * momentum


def _unmoved(x: Array, *rows: Array, **_: Any) -> Array:
    return rows[-1]


PROBE = OpProbe(
    about="variance of a batch that goes into the running one",
    inputs=(STEP,),
    result=2,
    variants=(
        Variant("unbiased", "over n - 1", "torch; Ioffe and Szegedy 2015, algorithm 2"),
        Variant(
            "biased", "over n", "Keras 3, Flax, ONNX BatchNormalization-15", _biased
        ),
        Variant("unmoved", "it stays", "graphs traced in eval mode", _unmoved),
    ),
)
