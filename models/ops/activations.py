"""Activations as compositions.

relu: max(x, 0), gradient 0 at 0. leaky_relu: x where x > 0, else slope x. sigmoid: 1 / (1 +
exp(-x)). gelu: x Phi(x), exactly with erf (`approximate="none"`) or by tanh(sqrt(2/pi) (x +
0.044715 x^3)) (`"tanh"`), as torch.nn.functional.gelu names them (Hendrycks and Gimpel,
2016). softmax: exp(x - max) / sum(exp(x - max)) over one axis.
"""

from __future__ import annotations

import math

import numpy as np

from models.dims import Shape
from models.ops import Case, Op, axis_of, per_element, positive
from models.ops.elementwise import erf64
from models.value import Value, emit

_C = math.sqrt(2 / math.pi)


def relu(x: Value) -> Value:
    """max(x, 0)."""
    return emit("relu", x)


def leaky_relu(x: Value, *, slope: float) -> Value:
    """x, times `slope` below 0."""
    return emit("leaky_relu", x, slope=slope)


def sigmoid(x: Value) -> Value:
    """1 / (1 + exp(-x))."""
    return emit("sigmoid", x)


def gelu(x: Value, *, approximate: str) -> Value:
    """x Phi(x); approximate is "none" (erf) or "tanh"."""
    return emit("gelu", x, approximate=approximate)


def softmax(x: Value, *, axis: int) -> Value:
    """Weights that sum to 1 along `axis`."""
    return emit("softmax", x, axis=positive(axis, len(x.shape)))


def _same(x: Shape) -> Shape:
    return x


def _leaky_shape(x: Shape, *, slope: float) -> Shape:
    return x


def _gelu_shape(x: Shape, *, approximate: str) -> Shape:
    if approximate not in ("none", "tanh"):
        raise ValueError(f'approximate must be "none" or "tanh", not {approximate!r}')
    return x


def _softmax_shape(x: Shape, *, axis: int) -> Shape:
    axis_of(axis, len(x))
    return x


def _relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


def _leaky(x: np.ndarray, *, slope: float) -> np.ndarray:
    return np.where(x > 0, x, slope * x)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    # the same function, without overflow
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)), x.dtype)


def _gelu(x: np.ndarray, *, approximate: str) -> np.ndarray:
    if approximate == "tanh":
        return 0.5 * x * (1 + np.tanh(_C * (x + 0.044715 * x**3)))
    return (0.5 * x * (1 + (erf64(x / math.sqrt(2)) if x.size else x))).astype(x.dtype)


def _softmax(x: np.ndarray, *, axis: int) -> np.ndarray:
    weights = np.exp(x - x.max(axis, keepdims=True))
    return weights / weights.sum(axis, keepdims=True)


def _relu_body(x: Value) -> Value:
    # whole numbers, which integers have too
    return emit("where", emit("greater", x, 0), x, 0)


def _leaky_body(x: Value, *, slope: float) -> Value:
    return emit("where", emit("greater", x, 0.0), x, x * slope)


def _sigmoid_body(x: Value) -> Value:
    return 0.5 * (emit("tanh", x * 0.5) + 1.0)


def _gelu_body(x: Value, *, approximate: str) -> Value:
    if approximate == "tanh":
        return 0.5 * x * (emit("tanh", _C * (x + 0.044715 * (x * x * x))) + 1.0)
    return 0.5 * x * (emit("erf", x * math.sqrt(0.5)) + 1.0)


def _softmax_body(x: Value, *, axis: int) -> Value:
    weights = emit("exp", x - emit("stop_gradient", x.max(axis=axis, keepdims=True)))
    return weights / weights.sum(axis=axis, keepdims=True)


_SHAPES = ((2, 3), (4,), (2, 1, 3), (0, 3))
_CASES = tuple(Case((s,), {}, ("apart",)) for s in _SHAPES)
OPS = {
    "relu": Op(_same, _relu, _CASES, per_element(1), method=relu, body=_relu_body),
    "leaky_relu": Op(
        _leaky_shape,
        _leaky,
        tuple(Case((s,), {"slope": k}, ("apart",)) for s in _SHAPES for k in (0.2, 0.01)),
        per_element(2),
        method=leaky_relu,
        body=_leaky_body,
    ),
    "sigmoid": Op(
        _same, _sigmoid, _CASES, per_element(4), method=sigmoid, body=_sigmoid_body
    ),
    "gelu": Op(
        _gelu_shape,
        _gelu,
        tuple(Case((s,), {"approximate": a}) for s in _SHAPES for a in ("none", "tanh")),
        per_element(8),
        gelu,
        _gelu_body,
    ),
    "softmax": Op(
        _softmax_shape,
        _softmax,
        tuple(
            Case((s,), {"axis": a})
            for s, a in (
                ((2, 3), 1),
                ((2, 3), 0),
                ((2, 4, 3), 1),
                ((5,), 0),
                ((2, 1), 1),
                ((0, 3), 1),
            )
        ),
        per_element(5),
        method=softmax,
        body=_softmax_body,
        precision="full",
    ),
}
