"""Ops whose numbers are right, and whose gradient is another."""

from __future__ import annotations

from typing import Any

from bench.audit.faults._made import gradient, kernel, later
from models.value import Value, emit, emit_all

KIND = "gradient"
Ints = tuple[int, ...]


def _cut(x: Value) -> Value:
    """As a constant."""
    return emit("stop_gradient", x)


def _linear(x: Value, weight: Value, *bias: Value) -> Value:
    return emit("linear", x, weight, *bias)


def _attention(query: Value, key: Value, value: Value, *, scale: float) -> Value:
    return emit("attention", query, key, value, scale=scale)


def _conv(x: Value, weight: Value, *bias: Value, **layer: Ints) -> Value:
    return emit("conv", x, weight, *bias, **layer)


def _still_statistics(x: Value, weight: Value, bias: Value, *, eps: float) -> Value:
    mean = _cut(x.mean(axis=-1, keepdims=True))
    spread = _cut(x.var(axis=-1, keepdims=True))
    return (x - mean) / (spread + eps).sqrt() * weight + bias


def _by_constants(*operands: Value, eps: float, momentum: float) -> Value:
    """As inference has it: mean and variance of the batch do not move with it."""
    x, weight, bias, _, _ = operands
    axes = (0, *range(2, len(x.shape)))
    mean = _cut(x.mean(axis=axes, keepdims=False))
    var = _cut(x.var(axis=axes, keepdims=False))
    return emit("batch_norm", x, weight, bias, mean, var, eps=eps)


def _normed(*operands: Value, eps: float, momentum: float) -> Value:
    x, weight, bias, mean, var = operands
    # of copies: a native kernel may move the statistics where they lie
    rows = (weight, bias, mean + 0.0, var + 0.0)
    return emit_all("batch_norm_train", x, *rows, eps=eps, momentum=momentum)[0]


def _cut_gain(x: Value, weight: Value, *rest: Value, **numbers: float) -> Value:
    return _normed(x, _cut(weight), *rest, **numbers)


def _own_axis(x: Value, axis: int) -> Value:
    """Every weight by its own logit alone: the diagonal of the Jacobian."""
    weights = _cut(x.softmax(axis=axis))
    return x * weights * (1.0 - weights)


def _half_where_broadcast(a: Any, b: Any) -> Value | None:
    if not (isinstance(a, Value) and isinstance(b, Value)) or a.shape == b.shape:
        return None
    return emit("add", a, b) - 0.5 * emit("subtract", b, _cut(b))


def _left_alone(op: str) -> Any:
    """The right side as a constant."""

    def wrong(a: Any, b: Any) -> Value | None:
        if not (isinstance(a, Value) and isinstance(b, Value)):
            return None
        return emit(op, a, _cut(b))

    return wrong


def _all_ties(x: Value, *, axis: Ints, keepdims: bool) -> Value:
    """Everything that is as large gets all of it."""
    most = x.max(axis=axis, keepdims=True)
    won = emit("equal", x, most).astype(x.dtype)
    return (x * _cut(won)).sum(axis=axis, keepdims=keepdims)


def _norm_with_eps(x: Value, *, axis: int) -> Value:
    """The usual cure, which makes the gradient of short vectors too small."""
    return ((x * x).sum(axis=axis, keepdims=False) + 1e-4).sqrt()


def _norm_without_care(x: Value, *, axis: int) -> Value:
    """0 / 0 at a zero vector."""
    return (x * x).sum(axis=axis, keepdims=False).sqrt()


def _tie_to_left(a: Any, b: Any) -> Value | None:
    if not (isinstance(a, Value) and isinstance(b, Value)):
        return None
    return emit("where", emit("greater_equal", a, b), a, b)


def _tie_to_neither(a: Any, b: Any) -> Value | None:
    if not (isinstance(a, Value) and isinstance(b, Value)):
        return None
    lesser = emit("minimum", a, b)
    return emit("where", emit("equal", a, b), _cut(lesser), lesser)


def _turned(x: Value, *, axes: Ints) -> Value | None:
    """The gradient goes the same way again, not back."""
    back = tuple(axes.index(i) for i in range(len(axes)))
    if back == axes or len({str(length) for length in x.shape}) > 1:
        return None
    return emit("permute_dims", x, axes=back)


def _swapped_parts(*values: Value, axis: int) -> Value | None:
    if len({value.shape for value in values}) > 1:
        return None
    return emit("concat", *reversed(values), axis=axis)


def _one_early(
    x: Value, *, axis: int, start: Any, stop: Any, step: int
) -> Value | None:
    """The gradient falls on the element before."""
    if not isinstance(start, int) or start < 1 or stop == start:
        return None
    moved = later(x, axis)
    return emit("slice", moved, axis=axis, start=start, stop=stop, step=step)


def _some_rows(x: Value, index: Value, *, axis: int) -> Value:
    """Of an element that is taken twice, as if it were taken once."""
    return emit("take", x, index, axis=axis) * 0.5


FAULTS = (
    gradient("relu", "cut", lambda x: _cut(x), model="simple_baseline"),
    gradient("relu", "straight through", lambda x: x, model="videopose3d"),
    gradient(
        "relu",
        "1 at 0",
        lambda x: emit("where", x.greater_equal(0.0), x, x * 0.0),
    ),
    gradient(
        "relu",
        "sign turned",
        lambda x: 0.0 - x.relu(),
        model="simple_baseline",
    ),
    gradient(
        "leaky_relu",
        "slope of relu",
        lambda x, slope: x.relu(),
    ),
    gradient(
        "gelu",
        "of the tanh form",
        lambda x, approximate: x.gelu(approximate="tanh"),
        model="motionbert",
    ),
    gradient(
        "gelu",
        "right above 0 alone",
        lambda x, approximate: emit(
            "where", x.greater(0.0), x.gelu(approximate=approximate), x * 0.0
        ),
        model="poseformer",
    ),
    gradient("tanh", "1 - y", lambda x: x * (1.0 - _cut(x.tanh())), model="motionbert"),
    gradient("sigmoid", "straight through", lambda x: x),
    gradient(
        "linear",
        "weight cut",
        lambda x, weight, *bias: _linear(x, _cut(weight), *bias),
        model="simple_baseline",
    ),
    gradient(
        "linear",
        "bias cut",
        lambda x, weight, *bias: _linear(x, weight, *map(_cut, bias)),
        model="motionbert",
    ),
    gradient(
        "linear",
        "bias counted twice",
        lambda x, weight, *bias: _linear(x, weight, *[row + row for row in bias]),
        model="simple_baseline",
    ),
    gradient(
        "linear",
        "1 % too large",
        lambda *x: _linear(*x) * 1.01,
        model="simple_baseline",
    ),
    gradient(
        "linear",
        "input cut",
        lambda x, *rest: _linear(_cut(x), *rest),
        model="poseformer",
    ),
    gradient(
        "layer_norm",
        "statistics as constants",
        _still_statistics,
        model="poseformer",
    ),
    gradient(
        "layer_norm",
        "gain cut",
        lambda x, weight, bias, eps: emit("layer_norm", x, _cut(weight), bias, eps=eps),
        model="motionbert",
    ),
    gradient(
        "batch_norm_train",
        "statistics as constants",
        _by_constants,
        model="simple_baseline",
    ),
    gradient("batch_norm_train", "gain cut", _cut_gain, model="videopose3d"),
    gradient(
        "attention",
        "value alone",
        lambda query, key, value, scale: _attention(
            _cut(query), _cut(key), value, scale=scale
        ),
        model="poseformer",
    ),
    gradient(
        "attention",
        "scale forgotten",
        lambda query, key, value, scale: _attention(query, key, value, scale=1.0),
        model="motionbert",
    ),
    gradient(
        "softmax",
        "of each logit alone",
        lambda x, axis: _own_axis(x, axis),
        model="motionbert",
    ),
    gradient("softmax", "straight through", lambda x, axis: x, model="motionbert"),
    gradient("matmul", "right factor cut", _left_alone("matmul")),
    gradient(
        "matmul",
        "halved",
        lambda a, b: emit("matmul", a, b) * 0.5,
    ),
    gradient(
        "conv",
        "weight cut",
        lambda x, weight, *bias, **layer: _conv(x, _cut(weight), *bias, **layer),
        model="videopose3d",
    ),
    gradient(
        "conv",
        "input cut",
        lambda x, *rest, **layer: _conv(_cut(x), *rest, **layer),
        model="videopose3d",
    ),
    gradient(
        "conv",
        "bias cut",
        lambda x, weight, *bias, **layer: _conv(x, weight, *map(_cut, bias), **layer),
        model="videopose3d",
    ),
    gradient("multiply", "right side cut", _left_alone("multiply"), model="motionbert"),
    gradient(
        "multiply",
        "doubled",
        lambda a, b: emit("multiply", a, b) * 2.0,
        model="motionbert",
    ),
    gradient("divide", "right side cut", _left_alone("divide"), model="motionbert"),
    gradient("add", "right side cut", _left_alone("add"), model="simple_baseline"),
    gradient(
        "multiply",
        "of a square, one side",
        lambda a, b: (
            emit("multiply", a, _cut(b))
            if isinstance(a, Value) and isinstance(b, Value) and a.name == b.name
            else None
        ),
        model="motionbert",
    ),
    gradient("minimum", "of a tie to neither", _tie_to_neither),
    gradient(
        "linear",
        "0.05 % too large",
        lambda *x: _linear(*x) * 1.0005,
        model="simple_baseline",
    ),
    gradient(
        "attention",
        "key cut",
        lambda query, key, value, scale: _attention(
            query, _cut(key), value, scale=scale
        ),
        model="motionbert",
    ),
    gradient("add", "half of what is broadcast", _half_where_broadcast),
    gradient("maximum", "of a tie to the left", _tie_to_left),
    gradient("max", "of ties to each", _all_ties),
    gradient("abs", "straight through", lambda x: x),
    gradient("sqrt", "twice", lambda x: x.sqrt() * 2.0),
    gradient("exp", "1", lambda x: x),
    gradient("log", "of the absolute value of 1 more", lambda x: (x + 1.0).log()),
    gradient("erf", "by its slope at 0", lambda x: x * 1.1283792),
    gradient("sin", "sign turned", lambda x: x.sin() * -1.0),
    gradient(
        "pow", "exponent forgotten", lambda x, exponent: x.pow(exponent) / exponent
    ),
    gradient(
        "mean",
        "of a sum",
        lambda x, axis, keepdims: x.sum(axis=axis, keepdims=keepdims),
        model="simple_baseline",
    ),
    gradient("vector_norm", "root of 1e-4 more", _norm_with_eps),
    gradient("vector_norm", "no number at a zero vector", _norm_without_care),
    gradient("permute_dims", "the same way again", _turned),
    gradient("concat", "parts exchanged", _swapped_parts, model="motionbert"),
    gradient("slice", "one early", _one_early, model="motionbert"),
    gradient("take", "halved", _some_rows),
    gradient(
        "where",
        "of both branches",
        lambda condition, a, b: (
            emit("add", a, b)
            if isinstance(a, Value) and isinstance(b, Value) and a.shape == b.shape
            else None
        ),
    ),
    gradient(
        "dropout",
        "not scaled",
        lambda x, mask, rate: emit("multiply", x, mask),
        model="simple_baseline",
    ),
    gradient(
        "dropout",
        "of what was dropped, too",
        lambda x, mask, rate: x / (1 - rate) + mask * 0.0,
        model="videopose3d",
    ),
    kernel("stop_gradient", "stops nothing", lambda x: x + 0.0),
)
