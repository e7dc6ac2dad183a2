"""Whether float32 products keep their digits on CUDA."""

from __future__ import annotations

import numpy as np

from bench.semantics.of_op import Input
from bench.semantics.probes._tf32 import near_one, probe

ONES = np.ones((64, 64), np.float32)
# a bit that TF32 drops, and one that bfloat16 drops
PROBE = probe(
    "matmul",
    Input("matmul", (near_one(12, 64, 64), ONES)),
    Input("matmul", (near_one(9, 64, 64), ONES)),
)
