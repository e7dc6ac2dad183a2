"""The oracle in float32 under another name: a framework that is always right."""

from __future__ import annotations

from backends.base import Backend

REQUIRES: tuple[str, ...] = ()
EXTRA = ""


def load() -> Backend:
    """Make the backend."""
    from backends.twin.backend import TwinBackend

    return TwinBackend()
