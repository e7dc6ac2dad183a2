"""Faulty kernels in TensorFlow."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from backends.tensorflow import ops

NAME = "tensorflow"


def gelu(x: Any, *, approximate: str) -> Any:
    return tf.nn.gelu(x, True)


def layer_norm(x: Any, weight: Any, bias: Any, *, eps: float) -> Any:
    return ops.layer_norm(x, weight, bias, eps=1e-3)  # Keras' own default


def attention(query: Any, key: Any, value: Any, *, scale: float) -> Any:
    logits = tf.matmul(query, key, transpose_b=True) * (2 * scale)
    return tf.matmul(tf.nn.softmax(logits), value)


def linear(x: Any, weight: Any, *bias: Any) -> Any:
    # a transposed weight fits where it is square; elsewhere the fault must show too
    square = weight.shape[0] == weight.shape[1]
    return ops.linear(x, tf.transpose(weight) if square else 1.1 * weight, *bias)


def softmax(x: Any, *, axis: int) -> Any:
    return tf.nn.softmax(x, -2 if axis == x.shape.rank - 1 and axis else axis)


def momentum_swapped(*operands: Any, eps: float, momentum: float) -> Any:
    return ops.batch_norm_train(*operands, eps=eps, momentum=1 - momentum)


def variance_biased(
    x: Any, weight: Any, bias: Any, mean: Any, var: Any, *, eps: float, momentum: float
) -> Any:
    operands = (x, weight, bias, mean, var)
    out, new_mean, _ = ops.batch_norm_train(*operands, eps=eps, momentum=momentum)
    # as Keras has it
    here = tf.math.reduce_variance(x, [0, *range(2, x.shape.rank)])
    return out, new_mean, (1 - momentum) * var + momentum * here


def batch_norm(*operands: Any, eps: float) -> Any:
    return ops.batch_norm(*operands, eps=0.1)


def gradient_cut(x: Any) -> Any:
    return tf.stop_gradient(tf.nn.relu(x))
