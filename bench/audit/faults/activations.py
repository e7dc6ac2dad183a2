"""Activations that are another function, or the right one for some numbers alone."""

from __future__ import annotations

from bench.audit.faults._made import kernel
from models.value import Value, emit

KIND = "kernel"


def _fast_gelu(x: Value, *, approximate: str) -> Value:
    return x * (x * 1.702).sigmoid()


def _gelu_of_halves(x: Value, *, approximate: str) -> Value | None:
    """As GPUs' fused kernels have it: near enough in float32's tests, and biased."""
    if approximate == "tanh" or x.dtype == "float32":
        return None
    return x.gelu(approximate="tanh")


def _other_axis(x: Value, *, axis: int) -> Value | None:
    return x.softmax(axis=axis - 1) if len(x.shape) > 1 else None


def _plain_softmax(x: Value, *, axis: int) -> Value:
    weights = x.exp()
    return weights / weights.sum(axis=axis, keepdims=True)


def _hard_sigmoid(x: Value) -> Value:
    line = x * 0.2 + 0.5
    return line.maximum(0.0).minimum(1.0)


FAULTS = (
    kernel(
        "gelu",
        "tanh form for the exact one",
        lambda x, approximate: x.gelu(approximate="tanh"),
        model="poseformer",
    ),
    kernel(
        "gelu",
        "exact form for the tanh one",
        lambda x, approximate: x.gelu(approximate="none"),
    ),
    kernel("gelu", "x sigmoid(1.702 x)", _fast_gelu, model="motionbert"),
    kernel("gelu", "tanh form in halves alone", _gelu_of_halves),
    kernel(
        "gelu",
        "1e-4 too large",
        lambda x, approximate: x.gelu(approximate=approximate) * 1.0001,
        model="poseformer",
    ),
    kernel("softmax", "over the axis before", _other_axis, model="motionbert"),
    kernel("softmax", "largest logit not taken off", _plain_softmax),
    kernel(
        "softmax",
        "logits 1 % too large",
        lambda x, axis: (x * 1.01).softmax(axis=axis),
        model="motionbert",
    ),
    kernel(
        "softmax",
        "over one axis of length 1 gives 0",
        lambda x, axis: x * 0.0 if x.shape[axis] == 1 else None,
    ),
    kernel(
        "relu",
        "leaks 1 % below 0",
        lambda x: x.leaky_relu(slope=0.01),
        model="simple_baseline",
    ),
    kernel("relu", "cut off at 6", lambda x: x.relu().minimum(6.0)),
    kernel(
        "dropout",
        "survivors not scaled",
        lambda x, mask, rate: x * mask,
        model="simple_baseline",
    ),
    kernel(
        "dropout",
        "mask turned",
        lambda x, mask, rate: x * (1.0 - mask) / (1 - rate),
        model="videopose3d",
    ),
    kernel("relu", "the absolute value", lambda x: x.abs(), model="videopose3d"),
    kernel(
        "leaky_relu", "slope 0.01 always", lambda x, slope: x.leaky_relu(slope=0.01)
    ),
    kernel("sigmoid", "straight lines", _hard_sigmoid),
    kernel(
        "sigmoid", "0 below -2", lambda x: x.sigmoid() * x.greater(-2.0).astype(x.dtype)
    ),
    kernel(
        "tanh",
        "straight and cut off",
        lambda x: x.maximum(-1.0).minimum(1.0),
        model="motionbert",
    ),
    kernel(
        "tanh",
        "right above 0 alone",
        lambda x: emit("where", x.greater(0.0), x.tanh(), x),
        model="motionbert",
    ),
)
