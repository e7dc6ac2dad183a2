"""JAX: a graph becomes a pure function `apply(params, inputs)` of jax.numpy calls.

It is ready for jit, grad, vmap and export; optax trains it.
"""

from __future__ import annotations

import os

from backends.base import SCRATCH, Backend

REQUIRES: tuple[str, ...] = ("jax", "optax")
EXTRA = "jax"
PACKAGES = ("jax", "jaxlib", "optax")  # jaxlib holds the compiler


def load() -> Backend:
    """Make the backend.

    JAX reads these variables once, when it is imported; what the user has set stays.
    """
    # a program that is made twice is compiled once: XLA takes most of a ladder's time
    if scratch := os.environ.get(SCRATCH):
        os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", scratch)
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    from backends.jax.backend import JaxBackend

    return JaxBackend()
