"""The oracle: float64 NumPy, forward from the `reference` of each op, backward from the
gradient graph.
"""

from __future__ import annotations

from backends.base import Backend

REQUIRES: tuple[str, ...] = ()
EXTRA = ""


def load() -> Backend:
    """Make the backend."""
    from backends.numpy.backend import NumpyBackend

    return NumpyBackend()
