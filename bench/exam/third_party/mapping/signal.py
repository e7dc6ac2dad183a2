"""Fourier transforms as products with tables of cosines and sines.

Complex numbers lie in a last axis of length 2 (real, imaginary); 1 where they are real.
"""

from __future__ import annotations

import numpy as np

from bench.exam.third_party.mapping.call import Call, lengths, rank
from models.value import Value


def dft(call: Call) -> Value:
    """Sum of x[n] exp(-2 pi i k n / N) along an axis; the inverse turns the other way and
    divides by N.
    """
    x = call.x()
    axis = (
        int(call.static(2))
        if call.has(2)
        else call.attribute("axis", -2 if call.opset >= 20 else 1)
    ) % rank(x)
    inverse, onesided = (
        bool(call.attribute("inverse", 0)),
        bool(call.attribute("onesided", 0)),
    )
    half = inverse and onesided
    length = (
        call.ints(1)[0]
        if call.has(1)
        else 2 * (lengths(x)[axis] - 1)
        if half
        else lengths(x)[axis]
    )
    x = _fitted(x, axis, length // 2 + 1 if half else length)
    order = (*(i for i in range(rank(x) - 1) if i != axis), axis, rank(x) - 1)
    out = transform(call, x.permute_dims(order), length, inverse=inverse, onesided=onesided)
    return out.permute_dims(tuple(np.argsort(order).tolist()))


def _fitted(x: Value, axis: int, length: int) -> Value:
    """Cut, or padded with zeros, to a length."""
    now = lengths(x)[axis]
    if length <= now:
        return x.slice(axis=axis, start=0, stop=length, step=1)
    return x.pad(axis=axis, before=0, after=length - now, value=0.0)


def transform(call: Call, x: Value, length: int, *, inverse: bool, onesided: bool) -> Value:
    """Along the second-last axis, N = `length`.

    A one-sided result is the first half; of a one-sided inverse the argument is.
    """
    given, made = lengths(x)[-2], length // 2 + 1 if onesided and not inverse else length
    weights = np.full(given, 1 / length if inverse else 1.0)
    if inverse and onesided:
        # the other half is the conjugate
        weights *= [1 if k == 0 or 2 * k == length else 2 for k in range(given)]
    angle = 2 * np.pi * np.outer(np.arange(given), np.arange(made)) / length
    cosine, sine = (f(angle) * weights[:, None] for f in (np.cos, np.sin))
    turn = 1 if inverse else -1
    real = _part(call, x, (cosine, -turn * sine))
    return (
        real
        if inverse and onesided
        else real.concat(_part(call, x, (turn * sine, cosine)), axis=-1)
    )


def _part(call: Call, x: Value, tables: tuple[np.ndarray, np.ndarray]) -> Value:
    """Real part times the first table plus imaginary part, if there is one, times the
    second: (..., made, 1).
    """
    parts = [part.squeeze(axis=-1) for part in x.split(lengths(x)[-1], axis=-1)]
    rows = [
        part.expand_dims(axis=-2) @ call.constant(table, x)
        for part, table in zip(parts, tables, strict=False)
    ]
    total = rows[0] + rows[1] if len(rows) > 1 else rows[0]
    return total.squeeze(axis=-2).expand_dims(axis=-1)


def stft(call: Call) -> Value:
    """Transforms of windows of a signal (batch, length, 1 or 2), a step apart."""
    x, step = call.x(), int(call.static(1))
    width = int(call.static(3)) if call.has(3) else lengths(call.x(2))[0]
    starts = np.arange(0, lengths(x)[1] - width + 1, step)
    places = starts[:, None] + np.arange(width)
    frames = x.take(call.constant(places.ravel()), axis=1).reshape(
        (lengths(x)[0], len(starts), width, lengths(x)[2])
    )
    frames = frames * call.x(2).expand_dims(axis=1) if call.has(2) else frames
    return transform(
        call, frames, width, inverse=False, onesided=bool(call.attribute("onesided", 1))
    )


MAP = {"DFT": dft, "STFT": stft}
