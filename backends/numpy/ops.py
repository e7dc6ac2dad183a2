"""Kernels of the oracle: the references of the op files, in one working precision."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from models import ops

GAPS: dict[str, str] = {}


def kernels(working: type[np.floating[Any]]) -> Mapping[str, Callable[..., Any]]:
    """Every op; the nominal float32 means the working precision."""

    def astype(x: np.ndarray, *, dtype: str) -> np.ndarray:
        return x.astype(working if dtype == "float32" else dtype)

    return {name: op.reference for name, op in ops.table().items()} | {"astype": astype}
