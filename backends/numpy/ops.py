"""Kernels of the oracle: the references of the op files, in one working precision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from backends.kernels import Kernel
from models import ops
from models.graph import FLOATS

GAPS: dict[str, str] = {}


Working = type[np.floating[Any]]


def kernels(working: Working) -> Mapping[str, Kernel]:
    """Every op; every nominal float type means the working precision."""

    # an oracle that rounded where the graph says float32 would be no better than float32
    def astype(x: np.ndarray, *, dtype: str) -> np.ndarray:
        return x.astype(working if dtype in FLOATS else dtype)

    references = {name: op.reference for name, op in ops.table().items()}
    return {**references, "astype": astype}
