"""One training step of batch norm, asked by the probes of its three results."""

from __future__ import annotations

import numpy as np

from bench.semantics.of_op import Input
from bench.semantics.probes._eps import drawn

# few rows, by which variances over n and over n - 1 differ; a momentum that is no half
ROWS = (drawn(3), drawn(3) / 4, drawn(3) * 2, np.array([1.0, 2.0, 0.5], np.float32))
STEP = Input("batch_norm_train", (drawn(4, 3), *ROWS), {"eps": 1e-3, "momentum": 0.2})
