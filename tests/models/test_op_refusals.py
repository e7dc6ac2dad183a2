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
    "clipped truth": (
        lambda x: x.astype("bool").clip(low=0, high=1),
        "clip: clip takes numbers, not truth values; use astype",
    ),
}


@pytest.mark.parametrize("mistake", REFUSED)
def test_an_op_refuses_what_means_nothing_to_it(mistake: str) -> None:
    call, said = REFUSED[mistake]
    x = Builder("spec").input("x", ("batch", 3), dtype="int64")
    with pytest.raises(SpecError, match=re.escape(said)) as caught:
        call(x)
    assert str(caught.value).startswith("tests/models/test_op_refusals.py:")
    assert "\n" not in str(caught.value)
