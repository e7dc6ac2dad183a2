"""Convolutions with weights of their own: what a model writes, over the ops of conv.py.

Weights are named, laid out and, where no `init` is given, initialised as in torch.nn: uniform
within 1 / sqrt(fan), the fan being the second axis of the weight times its kernel.
"""

from __future__ import annotations

import math

from models.dims import fixed
from models.errors import SpecError
from models.value import Value, author_line, emit


def conv1d(
    x: Value,
    width: int,
    *,
    kernel: int,
    stride: int,
    dilation: int,
    padding: int,
    bias: bool,
    name: str,
    init: tuple[str, float] | None = None,
) -> Value:
    """Convolution over the last axis of x, with weights of its own.

    x is (batch, channels, time); weights are initialised as torch.nn.Conv1d does.
    """
    weight = (width, _channels(x), kernel)
    rows = _weights(x, weight, width if bias else 0, name, init)
    # one number for each spatial axis
    return emit(
        "conv", x, *rows, stride=(stride,), dilation=(dilation,), padding=(padding,)
    )


def conv2d(
    x: Value,
    width: int,
    *,
    kernel: int,
    stride: int,
    dilation: int,
    padding: int,
    bias: bool,
    name: str,
    init: tuple[str, float] | None = None,
    bias_init: tuple[str, float] | None = None,
) -> Value:
    """Convolution over the last two axes of x with a square kernel, and weights of its own.

    x is (batch, channels, height, width); weights are initialised as torch.nn.Conv2d does.
    """
    weight = (width, _channels(x), kernel, kernel)
    rows = _weights(x, weight, width if bias else 0, name, init, bias_init)
    space = {"stride": stride, "dilation": dilation, "padding": padding}
    return emit("conv", x, *rows, **{key: (n, n) for key, n in space.items()})


def conv_transpose2d(
    x: Value,
    width: int,
    *,
    kernel: int,
    stride: int,
    padding: int,
    output_padding: int,
    bias: bool,
    name: str,
    init: tuple[str, float] | None = None,
) -> Value:
    """The transpose of a convolution over two axes: torch.nn.ConvTranspose2d.

    x is (batch, channels, height, width), the weight (channels, width, kernel, kernel). A
    length n becomes (n - 1) stride - 2 padding + kernel + output_padding.
    Raises SpecError where no stride is as long as output_padding.
    """
    if not 0 <= output_padding < max(1, stride):
        raise SpecError(
            f"{author_line()}: conv_transpose2d: output_padding {output_padding} must be 0 or"
            f" more, and below stride {stride}"
        )
    weight = (_channels(x), width, kernel, kernel)
    taps, *row = _weights(x, weight, width if bias else 0, name, init)
    lengths = [
        (n - 1) * stride - 2 * padding + kernel + output_padding for n in x.shape[2:]
    ]
    out = emit(
        "conv_transpose",
        x,
        taps,
        stride=(stride, stride),
        dilation=(1, 1),
        padding=(padding, padding),
        length=tuple(lengths),
    )
    return out + row[0].reshape((1, width, 1, 1)) if row else out


def _channels(x: Value) -> int:
    # weights have lengths that are known: a symbolic axis fails here
    return fixed(x.shape[1])


def _weights(
    x: Value,
    weight: tuple[int, ...],
    bias: int,
    name: str,
    init: tuple[str, float] | None,
    bias_init: tuple[str, float] | None = None,
) -> list[Value]:
    """The weight, and a bias of some length unless that is 0."""
    # of no taps there is no fan: the rules of the op refuse it by its name
    fan = max(1, math.prod(weight[1:]))
    usual = ("uniform", fan**-0.5)
    rows = [x.graph.param(f"{name}.weight", weight, init=init or usual)]
    if bias:
        rows.append(x.graph.param(f"{name}.bias", (bias,), init=bias_init or usual))
    return rows
