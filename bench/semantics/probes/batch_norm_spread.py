"""By which variance a batch is normalised in training."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.semantics.of_op import OpProbe
from bench.semantics.probes._batch import STEP
from bench.semantics.variants import Variant
from models import ops

Array = np.ndarray


def _unbiased(x: Array, *rows: Array, eps: float, **_: Any) -> Array:
    weight, bias, _mean, _var = rows
    return (x - x.mean(0)) / np.sqrt(x.var(0, ddof=1) + eps) * weight + bias


def _running(x: Array, *rows: Array, eps: float, **_: Any) -> Array:
    return ops.get("batch_norm").reference(x, *rows, eps=eps)


PROBE = OpProbe(
    about="variance that a batch is normalised by in training",
    inputs=(STEP,),
    variants=(
        Variant(
            "biased", "of the batch, over n", "Ioffe and Szegedy 2015; torch, Keras"
        ),
        Variant("unbiased", "of the batch, over n - 1", "ports by hand", _unbiased),
        Variant("running", "the running one", "graphs traced in eval mode", _running),
    ),
)
