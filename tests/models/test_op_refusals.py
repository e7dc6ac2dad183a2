"""What single ops refuse beside wrong shapes: types and attributes that mean nothing to them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from models.builder import Builder
from models.errors import SpecError
from models.value import Value

# a call on whole numbers, (batch, 3) int64, and what is said of it
REFUSED: dict[str, tuple[Callable[[Value], Any], str]] = {
    "floor of integers": (
        lambda x: x.floor(),
        "floor: floor takes floats, not int64",
    ),
    "fractions for integers": (
        lambda x: x.clip(low=0.5, high=1),
        "clip: low 0.5 and high 1 must be whole numbers for int64",
    ),
    "bounds the wrong way": (
        lambda x: x.clip(low=2, high=1),
        "clip: low 2 must not be above high 1",
    ),
    "a bound that is no number": (
        lambda x: x.astype("float32").clip(low=float("nan"), high=1.0),
        "clip: low nan must not be above high 1.0",
    ),
    "truth in order": (
        lambda x: x.astype("bool").sort(axis=1, descending=False),
        "sort: truth values have no order; use astype",
    ),
    "the largest truth": (
        lambda x: x.astype("bool").argmax(axis=1, keepdims=False),
        "argmax: truth values have no order; use astype",
    ),
    "summed truth": (
        lambda x: x.astype("bool").cumsum(axis=1),
        "cumsum: truth values have no sum; use astype",
    ),
    "groups that do not divide": (
        lambda x: x.astype("float32").group_norm(groups=2, eps=1e-5, name="n"),
        "group_norm: 2 groups do not divide 3 channels",
    ),
    "no groups": (
        lambda x: x.astype("float32").group_norm(groups=0, eps=1e-5, name="n"),
        "group_norm: 0 groups do not divide 3 channels",
    ),
    "pooled integers": (
        lambda x: x.reshape(("batch", 1, 3)).max_pool1d(
            kernel=2, stride=1, padding=0, dilation=1
        ),
        "max_pool: max_pool takes floats, not int64",
    ),
    "padding beyond half of the kernel": (
        lambda x: x.reshape(("batch", 1, 3)).max_pool1d(
            kernel=3, stride=1, padding=2, dilation=1
        ),
        "max_pool: padding (2,) must be at most half of kernel (3,)",
    ),
    "a stride of none": (
        lambda x: x.reshape(("batch", 1, 3)).max_pool1d(
            kernel=3, stride=0, padding=1, dilation=1
        ),
        "max_pool: stride (0,) must be 1 or more",
    ),
    "windows of nothing": (
        lambda x: pixels(x).conv2d(
            4, kernel=0, stride=1, dilation=1, padding=0, bias=True, name="c"
        ),
        "conv: kernel (0, 0) must be 1 or more",
    ),
    "less than no padding": (
        lambda x: pixels(x).conv2d(
            4, kernel=1, stride=1, dilation=1, padding=-1, bias=True, name="c"
        ),
        "conv: padding (-1, -1) must be 0 or more",
    ),
    "taps in one place": (
        lambda x: pixels(x).conv2d(
            4, kernel=2, stride=1, dilation=0, padding=1, bias=True, name="c"
        ),
        "conv: dilation (0, 0) must be 1 or more",
    ),
    "more than a stride at the end": (
        lambda x: pixels(x).conv_transpose2d(
            4, kernel=4, stride=2, padding=1, output_padding=2, bias=False, name="c"
        ),
        "conv_transpose2d: output_padding 2 must be 0 or more, and below stride 2",
    ),
    "clipped truth": (
        lambda x: x.astype("bool").clip(low=0, high=1),
        "clip: clip takes numbers, not truth values; use astype",
    ),
}


def pixels(x: Value) -> Value:
    """(batch, 3) as an image of one row."""
    return x.astype("float32").reshape(("batch", 1, 1, 3))


@pytest.mark.parametrize("mistake", REFUSED)
def test_an_op_refuses_what_means_nothing_to_it(mistake: str) -> None:
    call, said = REFUSED[mistake]
    x = Builder("spec").input("x", ("batch", 3), dtype="int64")
    with pytest.raises(SpecError, match=re.escape(said)) as caught:
        call(x)
    assert str(caught.value).startswith("tests/models/test_op_refusals.py:")
    assert "\n" not in str(caught.value)
