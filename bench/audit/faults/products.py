"""Matrix products, attention and convolutions: operands turned, taps moved, terms left out."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.audit.faults._made import earlier, kernel, later
from models.dims import fixed
from models.value import Value, emit

KIND = "kernel"
Ints = tuple[int, ...]


def _swap(x: Value) -> Value:
    """The last two axes exchanged."""
    last = len(x.shape) - 1
    return x.permute_dims((*range(last - 1), last, last - 1))


def _linear(x: Value, weight: Value, *bias: Value) -> Value:
    return emit("linear", x, weight, *bias)


def _turned(x: Value, weight: Value, *bias: Value) -> Value | None:
    if weight.shape[0] != weight.shape[1]:
        return None
    return _linear(x, _swap(weight), *bias)


def _shortened(x: Value, weight: Value, *bias: Value) -> Value | None:
    """A loop over blocks of four that forgets what is left over."""
    inner = fixed(weight.shape[1])
    whole = inner - inner % 4
    if whole in (0, inner):
        return None
    x = x.slice(axis=-1, start=0, stop=whole, step=1)
    return _linear(x, weight.slice(axis=1, start=0, stop=whole, step=1), *bias)


def _attention(query: Value, key: Value, value: Value, *, scale: float) -> Value:
    return emit("attention", query, key, value, scale=scale)


def _own_scale(query: Value, key: Value, value: Value, *, scale: float) -> Value:
    width = fixed(query.shape[-1])
    return _attention(query, key, value, scale=width**-0.5)


def _plain_softmax(query: Value, key: Value, value: Value, *, scale: float) -> Value:
    weights = (query @ _swap(key) * scale).exp()
    return weights / weights.sum(axis=-1, keepdims=True) @ value


def _over_queries(query: Value, key: Value, value: Value, *, scale: float) -> Value:
    return (query @ _swap(key) * scale).softmax(axis=-2) @ value


def _exchanged(query: Value, key: Value, value: Value, *, scale: float) -> Value | None:
    if key.shape != value.shape:
        return None
    return _attention(query, value, key, scale=scale)


def _causal(query: Value, key: Value, value: Value, *, scale: float) -> Value | None:
    rows, columns = query.shape[-2], key.shape[-2]
    if not (isinstance(rows, int) and isinstance(columns, int)):
        return None  # a mask of an open length is no table
    mask = np.triu(np.full((rows, columns), -1e4), 1).astype(query.dtype)
    table = query.graph.constant(f"causal_{rows}_{columns}_{query.dtype}", mask)
    return (query @ _swap(key) * scale + table).softmax(axis=-1) @ value


def _right_turned(a: Value, b: Value) -> Value | None:
    if len(b.shape) < 2 or b.shape[-1] != b.shape[-2]:
        return None
    return a @ _swap(b)


def _first_alone(a: Value, b: Value) -> Value | None:
    """Of a batch of right factors the first, for all of the batch."""
    if len(b.shape) < 3 or not b.shape[0]:
        return None
    first = b.slice(axis=0, start=0, stop=1, step=1)
    return a @ (first + b * 0.0)


def _conv(x: Value, weight: Value, *bias: Value, **layer: Ints) -> Value:
    return emit("conv", x, weight, *bias, **layer)


def _spatial(x: Value) -> range:
    return range(2, len(x.shape))


def _flipped(weight: Value) -> Value:
    for axis in _spatial(weight):
        weight = weight.flip(axis=axis)
    return weight


def _reversed(x: Value, weight: Value, *bias: Value, **layer: Ints) -> Value:
    """What mathematics calls a convolution."""
    return _conv(x, _flipped(weight), *bias, **layer)


def _near_taps(x: Value, weight: Value, *bias: Value, **layer: Ints) -> Value | None:
    """Taps side by side, where some frames apart were asked for."""
    if set(layer["dilation"]) == {1}:
        return None
    due = _conv(x, weight, *bias, **layer).shape
    dense = {**layer, "dilation": (1,) * len(layer["dilation"])}
    out = _conv(x, weight, *bias, **dense)
    for axis in _spatial(x):
        out = out.slice(axis=axis, start=0, stop=due[axis], step=1)
    return out


def _padded(
    x: Value, weight: Value, *bias: Value, shift: int, value: float, **layer: Any
) -> Value | None:
    """Padded by hand: `shift` more on the left than on the right, with some number."""
    if not any(layer["padding"]):
        return None
    for axis, padding in zip(_spatial(x), layer["padding"], strict=True):
        before, after = padding + shift, padding - shift
        x = x.pad(axis=axis, before=before, after=after, value=value)
    return _conv(x, weight, *bias, **{**layer, "padding": (0,) * len(layer["padding"])})


def _across(name: str) -> Any:
    """An attribute of two axes in reverse, its result cut or padded to what is due."""

    def wrong(x: Value, weight: Value, *bias: Value, **layer: Ints) -> Value | None:
        if len(set(layer[name])) < 2:
            return None
        due = _conv(x, weight, *bias, **layer).shape
        turned = layer[name][::-1]
        reach = [
            (fixed(k) - 1) * d + 1
            for k, d in zip(
                weight.shape[2:], {**layer, name: turned}["dilation"], strict=True
            )
        ]
        if any(fixed(n) < r for n, r in zip(x.shape[2:], reach, strict=True)):
            return None  # no longer fits
        out = _conv(x, weight, *bias, **{**layer, name: turned})
        for axis in _spatial(x):
            came, wanted = fixed(out.shape[axis]), fixed(due[axis])
            out = out.pad(axis=axis, before=0, after=max(0, wanted - came), value=0.0)
            out = out.slice(axis=axis, start=0, stop=wanted, step=1)
        return out

    return wrong


def _kernel_turned(
    x: Value, weight: Value, *bias: Value, **layer: Ints
) -> Value | None:
    if len(weight.shape) != 4 or weight.shape[2] != weight.shape[3]:
        return None
    return _conv(x, _swap(weight), *bias, **layer)


def _late(x: Value, weight: Value, *bias: Value, **layer: Ints) -> Value | None:
    """With strides, begun one frame late."""
    if set(layer["stride"]) == {1}:
        return None
    last = len(x.shape) - 1
    return _conv(earlier(x, last), weight, *bias, **layer)


def _back(x: Value, weight: Value, **layer: Any) -> Value:
    return emit("conv_transpose", x, weight, **layer)


def _back_moved(x: Value, weight: Value, **layer: Any) -> Value:
    return later(_back(x, weight, **layer), len(x.shape) - 1)


FAULTS = (
    kernel(
        "linear",
        "weight transposed where square",
        _turned,
        model="simple_baseline",
    ),
    kernel(
        "linear",
        "bias lost",
        lambda x, weight, *bias: _linear(x, weight),
        model="motionbert",
    ),
    kernel(
        "linear",
        "bias added twice",
        lambda x, weight, *bias: _linear(x, weight, *[row + row for row in bias]),
        model="simple_baseline",
    ),
    kernel(
        "linear",
        "1e-4 too large",
        lambda *x: _linear(*x) * 1.0001,
        model="simple_baseline",
    ),
    kernel(
        "linear",
        "right up to rank 3 alone",
        lambda x, *rest: _linear(x, *rest) * 1.01 if len(x.shape) > 3 else None,
        model="motionbert",
    ),
    kernel(
        "linear",
        "inner axis cut to a multiple of 4",
        _shortened,
        model="simple_baseline",
    ),
    kernel(
        "linear",
        "5 % too large in halves",
        lambda x, *rest: _linear(x, *rest) * 1.05 if x.dtype != "float32" else None,
    ),
    kernel(
        "attention",
        "scale doubled",
        lambda *x, scale: _attention(*x, scale=2 * scale),
        model="poseformer",
    ),
    kernel("attention", "scale always 1 / sqrt(width)", _own_scale),
    kernel("attention", "largest logit not taken off", _plain_softmax),
    kernel("attention", "softmax over the queries", _over_queries, model="motionbert"),
    kernel("attention", "key and value exchanged", _exchanged, model="poseformer"),
    kernel("attention", "causal", _causal, model="poseformer"),
    kernel("matmul", "right factor transposed where square", _right_turned),
    kernel("matmul", "first of a batch of right factors", _first_alone),
    kernel("matmul", "1e-4 too large", lambda a, b: emit("matmul", a, b) * 1.0001),
    kernel("conv", "taps in reverse", _reversed, model="videopose3d"),
    kernel("conv", "taps side by side for dilated", _near_taps, model="videopose3d"),
    kernel("conv", "begun one frame late with strides", _late, model="videopose3d"),
    kernel(
        "conv",
        "padding on the left alone",
        lambda *x, **layer: (
            _padded(*x, shift=max(layer["padding"], default=0), value=0.0, **layer)
            if len(set(layer["padding"])) == 1
            else None
        ),
    ),
    kernel(
        "conv",
        "padded with 1",
        lambda *x, **layer: _padded(*x, shift=0, value=1.0, **layer),
    ),
    kernel("conv", "kernel transposed where square", _kernel_turned),
    kernel("conv", "dilations of two axes exchanged", _across("dilation")),
    kernel("conv", "paddings of two axes exchanged", _across("padding")),
    kernel(
        "linear",
        "1 % too large from 200 inputs on",
        lambda x, weight, *bias: (
            _linear(x, weight, *bias) * 1.01 if fixed(weight.shape[1]) >= 200 else None
        ),
        model="simple_baseline as tiny",
    ),
    kernel(
        "linear",
        "1 % too large for vectors",
        lambda x, *rest: _linear(x, *rest) * 1.01 if len(x.shape) < 2 else None,
    ),
    kernel(
        "attention",
        "right for as many queries as keys alone",
        lambda query, key, value, scale: (
            _attention(query, key, value, scale=scale) * 1.01
            if query.shape[-2] != key.shape[-2]
            else None
        ),
    ),
    kernel(
        "matmul",
        "1 % too large where the left one has fewer axes",
        lambda a, b: (
            emit("matmul", a, b) * 1.01 if len(a.shape) < len(b.shape) else None
        ),
    ),
    kernel(
        "conv",
        "bias lost",
        lambda x, weight, *bias, **layer: _conv(x, weight, **layer),
        model="videopose3d",
    ),
    kernel(
        "conv_transpose",
        "taps in reverse",
        lambda x, weight, **layer: _back(x, _flipped(weight), **layer),
    ),
    kernel("conv_transpose", "one place late", _back_moved),
)
