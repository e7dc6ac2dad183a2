"""Faulty kernels in JAX."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from backends.jax import ops

NAME = "jax"


def gelu(x: Any, *, approximate: str) -> Any:
    return jax.nn.gelu(x)  # its own default is tanh


def layer_norm(x: Any, weight: Any, bias: Any, *, eps: float) -> Any:
    # Keras' own default
    return jax.nn.standardize(x, -1, epsilon=1e-3) * weight + bias


def attention(query: Any, key: Any, value: Any, *, scale: float) -> Any:
    return jax.nn.softmax(query @ jnp.swapaxes(key, -1, -2) * (2 * scale), -1) @ value


def linear(x: Any, weight: Any, bias: Any = 0.0) -> Any:
    # a transposed weight fits where it is square; elsewhere the fault must show too
    square = weight.shape[0] == weight.shape[1]
    return x @ (weight if square else 1.1 * weight.T) + bias


def softmax(x: Any, *, axis: int) -> Any:
    return jax.nn.softmax(x, -2 if axis == x.ndim - 1 and x.ndim > 1 else axis)


def momentum_swapped(*operands: Any, eps: float, momentum: float) -> Any:
    return ops.batch_norm_train(*operands, eps=eps, momentum=1 - momentum)


def variance_biased(
    x: Any, weight: Any, bias: Any, mean: Any, var: Any, *, eps: float, momentum: float
) -> Any:
    operands = (x, weight, bias, mean, var)
    out, new_mean, _ = ops.batch_norm_train(*operands, eps=eps, momentum=momentum)
    # jnp.var divides by n
    here = jnp.var(x, (0, *range(2, x.ndim)))
    return out, new_mean, (1 - momentum) * var + momentum * here


def batch_norm(*operands: Any, eps: float) -> Any:
    return ops.batch_norm(*operands, eps=0.1)


def gradient_cut(x: Any) -> Any:
    return lax.stop_gradient(jax.nn.relu(x))
