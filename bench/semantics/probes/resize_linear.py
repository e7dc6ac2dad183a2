"""Where elements stand that an axis is resized between."""

from __future__ import annotations

import numpy as np

from bench.semantics.of_op import Input, OpProbe
from bench.semantics.probes._eps import drawn
from bench.semantics.variants import Variant

Array = np.ndarray


def _between(x: Array, places: Array) -> Array:
    """x (rows, n) at places of its last axis, between two elements."""
    last = x.shape[1] - 1
    held = np.clip(places, 0, last)
    low = np.floor(held).astype(int)
    beyond = held - low
    return x[:, low] * (1 - beyond) + x[:, np.minimum(low + 1, last)] * beyond


def _corners(x: Array, *, axis: int, length: int, mode: str) -> Array:
    return _between(x, np.arange(length) * (x.shape[1] - 1) / (length - 1))


def _asymmetric(x: Array, *, axis: int, length: int, mode: str) -> Array:
    return _between(x, np.arange(length) * x.shape[1] / length)


def _smoothed(x: Array, *, axis: int, length: int, mode: str) -> Array:
    scale = x.shape[1] / length
    # narrower than an element it is the plain one
    width = max(scale, 1.0)
    centres = (np.arange(length) + 0.5) * scale - 0.5
    off = np.abs(centres[:, None] - np.arange(x.shape[1])) / width
    shares = np.maximum(1 - off, 0)
    return x @ (shares / shares.sum(1, keepdims=True)).T


def _to(length: int) -> dict[str, int | str]:
    return {"axis": 1, "length": length, "mode": "linear"}


PROBE = OpProbe(
    about="alignment of linear resizing",
    inputs=(
        Input("resize", (drawn(2, 4),), _to(7)),
        Input("resize", (drawn(2, 7),), _to(3)),
    ),
    variants=(
        Variant("half_pixel", "at (i + 1/2) n / m - 1/2", "torch's default, TF2, ONNX"),
        Variant(
            "align_corners", "at i (n-1) / (m-1)", "torch's option, Keras 1", _corners
        ),
        Variant("asymmetric", "at i n / m", "TF1's default", _asymmetric),
        Variant(
            "antialiased",
            "half_pixel, over wider windows where it shrinks",
            "jax.image.resize, Pillow",
            _smoothed,
        ),
    ),
)
