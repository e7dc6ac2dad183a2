"""What the momentum of batch norm is a share of."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.semantics.of_op import OpProbe
from bench.semantics.probes._batch import STEP
from bench.semantics.variants import Variant

Array = np.ndarray


def _of_running(x: Array, *rows: Array, momentum: float, **_: Any) -> Array:
    mean = rows[2]
    return mean * momentum + x.mean(0) * (1 - momentum)


def _replaced(x: Array, *rows: Array, **_: Any) -> Array:
    return x.mean(0)


def _unmoved(x: Array, *rows: Array, **_: Any) -> Array:
    return rows[2]


PROBE = OpProbe(
    about="what the momentum of batch norm is a share of",
    inputs=(STEP,),
    result=1,
    variants=(
        Variant("of_batch", "(1 - m) running + m batch", "torch"),
        Variant(
            "of_running",
            "m running + (1 - m) batch",
            "Keras, TF1, Flax, ONNX",
            _of_running,
        ),
        Variant("replaced", "batch", "statistics of the last batch", _replaced),
        Variant("unmoved", "running", "graphs traced in eval mode", _unmoved),
    ),
)
