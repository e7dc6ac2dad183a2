"""Activations as compositions.

relu: max(x, 0), gradient 0 at 0. leaky_relu: x where x > 0, else slope x.
sigmoid: 1 / (1 + exp(-x)). softmax: exp(x - max) / sum(exp(x - max)) over one axis.
gelu: x Phi(x), exactly with erf (`approximate="none"`) or by tanh(sqrt(2/pi) (x + 0.044715
x^3)) (`"tanh"`), as torch.nn.functional.gelu names them (Hendrycks and Gimpel, 2016).
"""

from __future__ import annotations

import math

import numpy as np

from models.dims import Shape
from models.ops import Array, Op, per_element, unchanged
from models.ops._axes import axis_of, positive
from models.ops._cases import along, case
from models.ops.elementwise import erf64
from models.value import Value, emit

# of the tanh form: it makes the slope at 0 that of Phi
_C = math.sqrt(2 / math.pi)
_CUBIC = 0.044715  # fitted by Hendrycks and Gimpel


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
    at = positive(axis, len(x.shape))
    return emit("softmax", x, axis=at)


def _leaky_shape(x: Shape, *, slope: float) -> Shape:
    return x


def _gelu_shape(x: Shape, *, approximate: str) -> Shape:
    if approximate not in ("none", "tanh"):
        raise ValueError(f'approximate must be "none" or "tanh", not {approximate!r}')
    return x


def _softmax_shape(x: Shape, *, axis: int) -> Shape:
    axis_of(axis, len(x))
    return x


def _bend(x: Array, **attributes: float) -> Array:
    return x


def _relu(x: Array) -> Array:
    return np.maximum(x, 0)


def _leaky(x: Array, *, slope: float) -> Array:
    return np.where(x > 0, x, slope * x)


def _sigmoid(x: Array) -> Array:
    # the same function as with exp, without overflow
    half = 0.5 * (1 + np.tanh(0.5 * x))
    return np.asarray(half, x.dtype)


def _gelu(x: Array, *, approximate: str) -> Array:
    if approximate == "tanh":
        bent = _C * (x + _CUBIC * x**3)
        return 0.5 * x * (1 + np.tanh(bent))
    # np.vectorize, which erf64 is made with, takes no empty array
    erf = erf64(x / math.sqrt(2)) if x.size else x
    return (0.5 * x * (1 + erf)).astype(x.dtype)


def _softmax(x: Array, *, axis: int) -> Array:
    # the largest logit goes first, or exp overflows
    weights = np.exp(x - x.max(axis, keepdims=True))
    return weights / weights.sum(axis, keepdims=True)


def _relu_body(x: Value) -> Value:
    # A whole number for 0, which integers have too. `less_equal` gives gradient 0 at 0, and is
    # not true of NaN, which so stays.
    return emit("where", emit("less_equal", x, 0), 0, x)


def _leaky_body(x: Value, *, slope: float) -> Value:
    return emit("where", emit("greater", x, 0.0), x, x * slope)


def _sigmoid_body(x: Value) -> Value:
    return 0.5 * (emit("tanh", x * 0.5) + 1.0)


def _gelu_body(x: Value, *, approximate: str) -> Value:
    if approximate == "tanh":
        return 0.5 * x * (emit("tanh", _C * (x + _CUBIC * (x * x * x))) + 1.0)
    return 0.5 * x * (emit("erf", x * math.sqrt(0.5)) + 1.0)


def _softmax_body(x: Value, *, axis: int) -> Value:
    # The shift cancels in the quotient. Without stop_gradient its gradient would be computed
    # too, and cancel only up to rounding.
    largest = emit("stop_gradient", x.max(axis=axis, keepdims=True))
    weights = emit("exp", x - largest)
    return weights / weights.sum(axis=axis, keepdims=True)


_SHAPES = (
    (2, 3),
    (4,),
    (2, 1, 3),
    (0, 3),
)
# apart: no input within a finite difference of the kink at 0
_CASES = tuple(case(shape, draws=("apart",)) for shape in _SHAPES)
_LEAKY = tuple(
    case(shape, slope=slope, draws=("apart",))
    for shape in _SHAPES
    for slope in (0.2, 0.01)  # the defaults of TensorFlow and of PyTorch
)
_GELU = tuple(
    case(shape, approximate=approximate)
    for shape in _SHAPES
    for approximate in ("none", "tanh")
)
_SOFTMAX = (
    case((2, 3), axis=1),
    case((3, 4), axis=1, draws=("masked",)),
    case((2, 1), axis=1),  # all weights are 1, all gradients 0
    case((2, 3), axis=0),
    case((2, 4, 3), axis=1),
    case((5,), axis=0),
    case((0, 3), axis=1),
)
OPS = {
    "relu": Op(
        shape=unchanged,
        reference=_relu,
        cases=_CASES,
        flops=per_element(1),
        method=relu,
        kinks=_bend,
        body=_relu_body,
    ),
    "leaky_relu": Op(
        shape=_leaky_shape,
        reference=_leaky,
        cases=_LEAKY,
        flops=per_element(2),
        method=leaky_relu,
        kinks=_bend,
        body=_leaky_body,
    ),
    "sigmoid": Op(
        shape=unchanged,
        reference=_sigmoid,
        cases=_CASES,
        flops=per_element(4),
        method=sigmoid,
        body=_sigmoid_body,
    ),
    "gelu": Op(
        shape=_gelu_shape,
        reference=_gelu,
        cases=_GELU,
        flops=per_element(8),
        method=gelu,
        body=_gelu_body,
    ),
    "softmax": Op(
        shape=_softmax_shape,
        reference=_softmax,
        cases=_SOFTMAX,
        # largest, difference, exp, sum, quotient
        flops=per_element(5),
        method=softmax,
        body=_softmax_body,
        precision="full",
        random=along,
        axes=("axis",),
    ),
}
