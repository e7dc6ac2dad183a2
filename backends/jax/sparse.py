"""The product of a sparse matrix and a dense array."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from jax import Array
from jax.experimental.sparse import BCSR

Residuals = tuple[Array, Array, Array, Array]


@partial(jax.custom_vjp, nondiff_argnums=(4,))
def product(
    x: Array,
    values: Array,
    rows: Array,
    columns: Array,
    length: int,
) -> Array:
    """Row by row, which is some fifty times as fast as JAX's sums by coordinates on the CPU.

    The gradient is written out: JAX would take that of the coordinates.
    """
    order = jnp.argsort(rows, stable=True)
    # where each row begins, and where the last one ends
    starts = jnp.searchsorted(rows[order], jnp.arange(length + 1, dtype=rows.dtype))
    moved = jnp.moveaxis(x, -2, 0)
    shape = (length, moved.shape[0])
    matrix = BCSR((values[order], columns[order], starts), shape=shape)
    out = matrix @ moved.reshape(moved.shape[0], -1)
    return jnp.moveaxis(out.reshape(length, *moved.shape[1:]), 0, -2)


def _forward(
    x: Array,
    values: Array,
    rows: Array,
    columns: Array,
    length: int,
) -> tuple[Array, Residuals]:
    return product(x, values, rows, columns, length), (x, values, rows, columns)


def _backward(
    length: int,
    kept: Residuals,
    grad: Array,
) -> tuple[Array, Array, None, None]:
    x, values, rows, columns = kept
    # transposed: rows and columns change places
    to_x = product(grad, values, columns, rows, x.shape[-2])
    terms = jnp.take(grad, rows, -2) * jnp.take(x, columns, -2)
    others = tuple(i for i in range(x.ndim) if i != x.ndim - 2)
    return to_x, jnp.sum(terms, others), None, None


product.defvjp(_forward, _backward)
