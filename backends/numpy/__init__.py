"""The oracle: float64 NumPy, forward by each op's `reference`, backward by the gradient graph."""

from __future__ import annotations

from backends.base import Backend

REQUIRES: tuple[str, ...] = ()
EXTRA = ""
PACKAGES = ("numpy",)


def load() -> Backend:
    """Make the backend."""
    from backends.numpy.backend import NumpyBackend

    return NumpyBackend()
