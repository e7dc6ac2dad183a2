"""Whether float32 convolutions keep their digits on CUDA: cuDNN has a switch of its own."""

from __future__ import annotations

import numpy as np

from bench.semantics.of_op import Input
from bench.semantics.probes._tf32 import near_one, probe

ONES = np.ones((32, 32, 3, 3), np.float32)
NUMBERS = {"stride": (1, 1), "dilation": (1, 1), "padding": (0, 0)}
PROBE = probe(
    "conv",
    Input("conv", (near_one(12, 2, 32, 16, 16), ONES), NUMBERS),
    Input("conv", (near_one(9, 2, 32, 16, 16), ONES), NUMBERS),
)
