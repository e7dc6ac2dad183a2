"""Fourier transforms as products with tables of cosines and sines.

Complex numbers lie in a last axis of length 2 (real, imaginary); 1 where they are real.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.exam.third_party.mapping.call import (
    Call,
    cut,
    lengths,
    rank,
    total,
    undone,
    zeros,
)
from models.value import Value

# DFT took its axis as an attribute, which was the second by default, before it took it as an
# input, which is the last one of the signal by default.
AXIS_AS_INPUT = 20
FORWARD, BACKWARD = -1, 1  # the sign of the angle, which way a transform turns


@dataclass(frozen=True)
class Transform:
    """N numbers to N frequencies, or back.

    Of a real signal, one side is all there is to know: frequency N - k is the conjugate of
    k.
    """

    length: int  # N
    inverse: bool
    onesided: bool

    @property
    def half(self) -> int:
        """Frequencies of one side: 0 to N / 2, both included."""
        return self.length // 2 + 1

    @property
    def given(self) -> int:
        """How long the axis is before it."""
        return self.half if self.onesided and self.inverse else self.length

    @property
    def made(self) -> int:
        """How long the axis is after it."""
        return self.half if self.onesided and not self.inverse else self.length

    def weights(self) -> np.ndarray:
        """What each given number counts for, (given,)."""
        if not self.inverse:
            return np.ones(self.given)
        weights = np.full(self.given, 1 / self.length)
        if self.onesided:
            # Each frequency stands for its conjugate too, but for those that are their own:
            # 0, and N / 2 where N is even.
            own = [k == 0 or 2 * k == self.length for k in range(self.given)]
            weights *= np.where(own, 1, 2)
        return weights

    def tables(self) -> tuple[np.ndarray, np.ndarray]:
        """Weighted cosines and sines of 2 pi k n / N, (given, made) each."""
        places = np.outer(np.arange(self.given), np.arange(self.made))
        angle = 2 * np.pi * places / self.length
        weights = self.weights()[:, None]
        return np.cos(angle) * weights, np.sin(angle) * weights


def dft(call: Call) -> Value:
    """Sum of x[n] exp(-2 pi i k n / N) along an axis.

    The inverse turns the other way and divides by N.
    """
    x, axis = call.x(), _axis(call)
    inverse = call.flag("inverse")
    onesided = call.flag("onesided")
    length = lengths(x)[axis]
    if call.has(1):
        length = call.ints(1)[0]
    elif inverse and onesided:
        length = 2 * (length - 1)  # what has N / 2 + 1 frequencies, N even
    transform = Transform(length, inverse, onesided)
    x = _fitted(x, axis, transform.given)
    # the axis moves to where `transformed` wants it, before that of complex numbers
    complex_axis = rank(x) - 1
    others = (i for i in range(complex_axis) if i != axis)
    order = (*others, axis, complex_axis)
    out = transformed(call, x.permute_dims(order), transform)
    return out.permute_dims(undone(order))


def _axis(call: Call) -> int:
    """Which axis is transformed, counted from the start."""
    if call.has(2):
        return int(call.static(2)) % rank(call.x())
    return call.axis(-2 if call.opset >= AXIS_AS_INPUT else 1)


def _fitted(x: Value, axis: int, length: int) -> Value:
    """Cut, or padded with zeros, to a length."""
    now = lengths(x)[axis]
    if length <= now:
        return cut(x, axis, 0, length)
    return zeros(x, axis, 0, length - now)


def transformed(call: Call, x: Value, transform: Transform) -> Value:
    """Along the second-last axis.

    (a + bi)(cos + i sin) is (a cos - b sin) + (a sin + b cos) i; where it turns forward,
    sin is negative.
    """
    cosine, sine = transform.tables()
    turn = BACKWARD if transform.inverse else FORWARD
    real = _part(call, x, (cosine, -turn * sine))
    if transform.inverse and transform.onesided:
        # the signal is real: what its conjugates add cancels the other part
        return real
    return real.concat(_part(call, x, (turn * sine, cosine)), axis=-1)


def _part(
    call: Call,
    x: Value,
    tables: tuple[np.ndarray, np.ndarray],
) -> Value:
    """Real part times the first table plus imaginary part times the second.

    Where there is an imaginary part; (..., made, 1).
    """
    rows = []
    parts = x.split(lengths(x)[-1], axis=-1)
    # not strict: a real signal has one part only
    for part, table in zip(parts, tables, strict=False):
        row = part.squeeze(axis=-1).expand_dims(axis=-2)  # (..., 1, given)
        rows.append(row @ call.constant(table, x))
    return total(rows, "add").squeeze(axis=-2).expand_dims(axis=-1)


def stft(call: Call) -> Value:
    """Transforms of frames of a signal (batch, length, 1 or 2), a step apart."""
    x = call.x()
    step = int(call.static(1))
    # The width is said, or it is that of the window function.
    if call.has(3):
        width = int(call.static(3))
    else:
        width = lengths(call.x(2))[0]
    batch, length, parts = lengths(x)
    starts = np.arange(0, length - width + 1, step)  # of the frames that fit whole
    places = starts[:, None] + np.arange(width)
    frames = x.take(call.constant(places.ravel()), axis=1)
    frames = frames.reshape((batch, len(starts), width, parts))
    if call.has(2):
        frames = frames * call.x(2).expand_dims(axis=1)
    onesided = call.flag("onesided", default=True)
    return transformed(call, frames, Transform(width, inverse=False, onesided=onesided))


MAP = {"DFT": dft, "STFT": stft}
