"""JAX: a graph becomes a pure function `apply(params, inputs)` of jax.numpy calls.

It is ready for jit, grad, vmap and export; optax trains it.
"""

from __future__ import annotations

from backends.base import Backend

REQUIRES: tuple[str, ...] = ("jax", "optax")
EXTRA = "jax"
PACKAGES = ("jax", "jaxlib", "optax")  # jaxlib holds the compiler


def load() -> Backend:
    """Make the backend."""
    from backends.jax.backend import JaxBackend

    return JaxBackend()
