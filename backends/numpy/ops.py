"""Kernels of the oracle: the references of the op files, in one working precision."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from models import ops
from models.graph import FLOATS

GAPS: dict[str, str] = {}


def kernels(working: type[np.floating[Any]]) -> Mapping[str, Callable[..., Any]]:
    """Every op; every nominal float type means the working precision."""

    def astype(x: np.ndarray, *, dtype: str) -> np.ndarray:
        return x.astype(working if dtype in FLOATS else dtype)

    return {name: op.reference for name, op in ops.table().items()} | {"astype": astype}
