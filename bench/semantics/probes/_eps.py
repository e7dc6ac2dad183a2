"""Norms by what stands beside their root."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from bench.semantics.variants import Variant
from models import ops

Array = np.ndarray
EPS = 2e-3  # asked for: of the size of a variance, and no framework's own
SMALL = 0.03  # deviation of inputs


def drawn(*shape: int, scale: float = 1.0) -> Array:
    """The same numbers for each shape."""
    numbers = np.random.default_rng(5).normal(size=shape) * scale
    return numbers.astype(np.float32)


def own(op: str, sources: dict[float, str]) -> Iterator[Variant]:
    """Variants that have an eps of their own, whatever is asked for."""
    for eps, source in sources.items():
        yield Variant(
            f"own_{eps:.0e}".replace("e-0", "e-"),
            f"eps is {eps:g}, whatever is asked for",
            source,
            _fixed(op, eps),
        )
    left_out = _fixed(op, 0.0)
    yield Variant("left_out", "no eps at all", "a port that forgot it", left_out)


def _fixed(op: str, eps: float) -> Callable[..., Any]:
    def gives(*operands: Array, **attributes: Any) -> Any:
        found = ops.get(op).reference(*operands, **{**attributes, "eps": eps})
        # of several results the first is the normal one
        return found[0] if isinstance(found, tuple) else found

    return gives
