"""JAX: a graph becomes a pure function `apply(params, inputs)` of jax.numpy calls, for jit,
grad, vmap and export; optax trains it.
"""

from __future__ import annotations

from backends.base import Backend

REQUIRES: tuple[str, ...] = ("jax", "optax")
EXTRA = "jax"


def load() -> Backend:
    """Make the backend."""
    from backends.jax.backend import JaxBackend

    return JaxBackend()
