"""How tensors lie: axis lengths, the order of axes, and the layouts that TensorFlow computes in.

The language has channels on axis 1 and filters as (out, in, *kernel); TensorFlow convolves
on the CPU with channels last, and takes filters as (*kernel, in, out).
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from tensorflow import Tensor


def length(x: Tensor, axis: int) -> Any:
    """An axis length: a number where tracing knows it, else a scalar."""
    known = x.shape[axis]
    return tf.shape(x)[axis] if known is None else known


def last(x: Tensor, axis: int) -> Tensor:
    """`axis` exchanged with the last one; twice gives x back."""
    order = list(range(x.shape.rank))
    order[axis], order[-1] = order[-1], order[axis]
    return tf.transpose(x, order)


def crop(
    x: Tensor,
    axis: int,
    start: Any,
    stop: Any,
) -> Tensor:
    """What lies from `start` to before `stop` on one axis."""
    return x[(*(slice(None),) * axis, slice(start, stop))]


def row(values: Tensor, like: Tensor) -> Tensor:
    """(channels,) -> (1, channels, 1, ...), to meet axis 1."""
    return tf.reshape(values, (1, -1, *(1,) * (like.shape.rank - 2)))


def channels_last(x: Tensor) -> Tensor:
    """(batch, channels, *space) -> (batch, *space, channels)."""
    return tf.transpose(x, (0, *range(2, x.shape.rank), 1))


def channels_first(x: Tensor) -> Tensor:
    """(batch, *space, channels) -> (batch, channels, *space)."""
    if x.shape[-1] == 1:
        # TensorFlow 2.21 loses a transposition behind a padded convolution of three axes, as
        # it changes no element's place
        return tf.expand_dims(tf.squeeze(x, [-1]), 1)
    return tf.transpose(x, (0, x.shape.rank - 1, *range(1, x.shape.rank - 1)))


def filters(weight: Tensor) -> Tensor:
    """(out, in, *kernel) -> (*kernel, in, out)."""
    return tf.transpose(weight, (*range(2, weight.shape.rank), 1, 0))


def dilated(weight: Tensor, dilation: tuple[int, ...]) -> Tensor:
    """Zeros between the taps, which is what dilation means.

    TensorFlow does not dilate and stride at once, and on the CPU has no dilated gradient.
    """
    for axis, step in enumerate(dilation, start=2):
        before, taps, after = (
            weight.shape[:axis],
            weight.shape[axis],
            weight.shape[axis + 1 :],
        )
        # an axis of its own behind each tap takes the zeros, and is folded into the taps
        spread = tf.expand_dims(weight, axis + 1)
        widths = [
            [0, step - 1 if i == axis + 1 else 0] for i in range(spread.shape.rank)
        ]
        spread = tf.reshape(tf.pad(spread, widths), (*before, taps * step, *after))
        # no zeros behind the last tap
        weight = crop(spread, axis, 0, (taps - 1) * step + 1)
    return weight


def doubled(x: Tensor) -> Tensor:
    """A second channel of zeros behind a single one.

    Of a single one, TensorFlow 2.21 takes windows from wrong places, where the last axis is
    strided and has room for one window alone.
    """
    ends = [[0, 1 if axis == 1 else 0] for axis in range(x.shape.rank)]
    return tf.pad(x, ends)
