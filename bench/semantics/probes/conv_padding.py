"""What a convolution sees beyond the ends, and on which side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bench.semantics.of_op import Input, OpProbe
from bench.semantics.probes._eps import drawn
from bench.semantics.variants import Variant
from models import ops

Array = np.ndarray
Ints = tuple[int, ...]


def beside(x: Array, before: int, after: int, **mode: Any) -> Array:
    """Longer along the last axis."""
    widths = [(0, 0)] * (x.ndim - 1)
    return np.pad(x, [*widths, (before, after)], **mode)


def same(length: int, reach: int, stride: int) -> tuple[int, int]:
    """Before and after, as TensorFlow's SAME has it: the odd one stands at the end."""
    steps = -(-length // stride)
    total = max((steps - 1) * stride + reach - length, 0)
    return total // 2, total - total // 2


def _same(
    x: Array, weight: Array, *, stride: Ints, padding: Ints, **rest: Any
) -> Array:
    ends = same(x.shape[-1], weight.shape[-1], stride[0])
    padded = beside(x, *ends)
    none = (0,) * len(padding)
    return ops.get("conv").reference(
        padded, weight, stride=stride, padding=none, **rest
    )


def _filled(mode: Any) -> Callable[..., Array]:
    def gives(x: Array, weight: Array, *, padding: Ints, **rest: Any) -> Array:
        padded = beside(x, padding[0], padding[0], mode=mode)
        none = (0,) * len(padding)
        return ops.get("conv").reference(padded, weight, padding=none, **rest)

    return gives


# an even length and a stride: SAME has the same shape, and begins one later
NUMBERS = {"stride": (2,), "dilation": (1,), "padding": (1,)}
PROBE = OpProbe(
    about="padding of convolutions",
    inputs=(Input("conv", (drawn(2, 2, 6), drawn(3, 2, 3)), NUMBERS),),
    variants=(
        Variant("symmetric", "zeros, as many on both sides", "torch; ONNX by its pads"),
        Variant(
            "same", "zeros, the odd one at the end", "SAME of TF, Keras, JAX", _same
        ),
        Variant("edge", "the outermost again", "torch's replicate", _filled("edge")),
        Variant(
            "reflect", "mirrored at the ends", "torch's reflect", _filled("reflect")
        ),
        Variant("wrap", "from the other end", "torch's circular", _filled("wrap")),
    ),
)
