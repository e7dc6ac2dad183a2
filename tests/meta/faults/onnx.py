"""Faulty kernels in ONNX nodes.

Training runs through the gradient graph of primitives, so a wrong gradient is planted in
one of those.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backends.onnx import ops

NAME = "onnx"
OPSET = 23  # the first with a node of its own for each of these
PLANTED = {"gradient_cut": "less_equal"}  # where it is not the op to blame


def gelu(w: Any, x: str, *, approximate: str) -> str:
    return str(w.node("Gelu", x, approximate="tanh"))


def layer_norm(w: Any, x: str, weight: str, bias: str, *, eps: float) -> str:
    return str(w.node("LayerNormalization", x, weight, bias, axis=-1, epsilon=1e-3))


def attention(w: Any, query: str, key: str, value: str, *, scale: float) -> str:
    return ops.attention(w, query, key, value, scale=2 * scale)


def linear(w: Any, x: str, weight: str, *bias: str) -> str:
    rows, columns = w.type(weight).shape
    # a transposed weight fits where it is square; elsewhere the fault must show too
    if rows == columns:
        wrong = w.node("Transpose", weight, perm=(1, 0))
    else:
        wrong = w.node("Mul", weight, w.constant(np.float32(1.1)))
    product = w.node("MatMul", x, w.node("Transpose", wrong, perm=(1, 0)))
    return str(w.node("Add", product, *bias) if bias else product)


def softmax(w: Any, x: str, *, axis: int) -> str:
    last = len(w.type(x).shape) - 1
    return str(w.node("Softmax", x, axis=last - 1 if axis == last and last else axis))


def _batch_norm_train(
    w: Any, *operands: str, eps: float, momentum: float
) -> tuple[str, ...]:
    """ONNX's own node, which keeps the biased variance.

    It calls the share of the old statistics the momentum.
    """
    asked = {"epsilon": eps, "momentum": momentum, "training_mode": 1}
    return tuple(w.several("BatchNormalization", *operands, results=3, **asked))


def momentum_swapped(
    w: Any, *operands: str, eps: float, momentum: float
) -> tuple[str, ...]:
    return _batch_norm_train(w, *operands, eps=eps, momentum=momentum)


def variance_biased(
    w: Any, *operands: str, eps: float, momentum: float
) -> tuple[str, ...]:
    return _batch_norm_train(w, *operands, eps=eps, momentum=1 - momentum)


def batch_norm(w: Any, *operands: str, eps: float) -> str:
    return str(w.node("BatchNormalization", *operands, epsilon=0.1))


def gradient_cut(w: Any, a: str, b: str) -> str:
    """Always, and the gradient of relu asks that of 0."""
    return str(w.node("LessOrEqual", w.node("Neg", w.node("Abs", a)), w.node("Abs", a)))
