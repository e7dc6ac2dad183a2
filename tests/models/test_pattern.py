"""Axis patterns against plain NumPy, and what is said of patterns that do not fit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.base import Settings
from backends.numpy.program import NumpyProgram
from models.builder import Builder
from models.dims import symbol
from models.errors import SpecError
from models.pattern import plan
from tests.asserts import assert_close
from tests.strategies import Rearrangement, rearrangements, shapes

BATCH = symbol("batch")


def emitted(built: Builder, x: np.ndarray) -> np.ndarray:
    return NumpyProgram(built.finish(), Settings(precision="fp64"))({"x": x})["y"]


@given(rearrangements())
def test_a_pattern_is_reshape_permute_reshape(asked: Rearrangement) -> None:
    x = np.arange(float(np.prod(asked.shape))).reshape(asked.shape)
    g = Builder("pattern")
    g.output("y", g.input("x", asked.shape).rearrange(asked.pattern, **asked.sizes))
    due = x.reshape(asked.split).transpose(asked.order).reshape(asked.merged)
    assert_close(emitted(g, x), due, rtol=0, what=asked.pattern)


@given(rearrangements())
def test_a_plan_moves_no_more_axes_than_the_pattern_names(asked: Rearrangement) -> None:
    made = plan(asked.pattern, asked.shape, asked.sizes)
    assert made.merged == asked.merged
    assert len(made.order) <= len(asked.order)
    kept = all(a + 1 != b for a, b in zip(made.order, made.order[1:], strict=False))
    assert kept, "neighbours that stay neighbours move as one axis"


@given(shapes(low=1), st.data())
def test_permute_dims_and_reshape_follow_numpy(
    shape: tuple[int, ...], data: st.DataObject
) -> None:
    order = tuple(data.draw(st.permutations(range(len(shape)))))
    x = np.arange(float(np.prod(shape))).reshape(shape)
    g = Builder("moves")
    g.output("y", g.input("x", shape).permute_dims(order).reshape((-1, shape[order[-1]])))
    assert_close(
        emitted(g, x),
        x.transpose(order).reshape(-1, shape[order[-1]]),
        rtol=0,
        what=f"{shape} by {order}",
    )


def test_symbolic_axes_pass_through() -> None:
    g = Builder("heads")
    x = g.input("x", ("batch", "frames", 17, 24)).rearrange(
        "b t j (s h d) -> s (b t) h j d", s=3, h=4
    )
    assert str(x.type) == "(3, batch*frames, 4, 17, 2) float32"
    g.output("y", x)
    feed = np.arange(2 * 5 * 17 * 24.0).reshape(2, 5, 17, 24)
    due = (
        feed.reshape(2, 5, 17, 3, 4, 2).transpose(3, 0, 1, 4, 2, 5).reshape(3, 10, 4, 17, 2)
    )
    assert_close(emitted(g, feed), due, rtol=0, what="heads")


def test_a_pattern_that_changes_nothing_adds_no_node() -> None:
    g = Builder("same")
    x = g.input("x", ("batch", 4))
    assert x.rearrange("b c -> b c") is x


@pytest.mark.parametrize(
    ("pattern", "shape", "sizes", "said"),
    [
        ("b c -> b", (2, 3), {}, "the same axes once on each side"),
        ("b b -> b b", (2, 3), {}, "the same axes once on each side"),
        ("b c -> c b", (2, 3, 4), {}, "has 2 axes on its left, the tensor has 3"),
        ("b c -> c b", (2, 3), {"d": 2}, "has no axis d"),
        ("b (h d) -> b h d", (2, 6), {}, "all but one of h, d"),
        ("b (h d) -> b h d", (2, 6), {"h": 4}, "6 is not divisible by 4"),
        ("b (h d) -> b h d", (2, 6), {"h": 0}, "6 is not divisible by 0"),
        ("b (h d) -> b h d", (2, 6), {"h": 3, "d": 3}, "has 9 elements, the axis has 6"),
        ("b c", (2, 3), {}, "must read 'axes -> axes'"),
        ("b c -> b c -> c b", (2, 3), {}, "must read 'axes -> axes'"),
        ("b, c -> c b", (2, 3), {}, "must read 'axes -> axes'"),
        ("(b c -> c b", (2, 3), {}, "unbalanced parentheses"),
        ("(b t) c -> b t c", (BATCH, 3), {"t": 5}, "without a remainder"),
    ],
)
def test_a_pattern_that_does_not_fit_says_why(
    pattern: str, shape: tuple[int, ...], sizes: dict[str, int], said: str
) -> None:
    with pytest.raises(ValueError) as caught:
        plan(pattern, shape, sizes)
    assert said in str(caught.value)


def test_the_author_is_told_where() -> None:
    x = Builder("wrong").input("x", (2, 7))
    with pytest.raises(
        SpecError,
        match=(
            r"tests/models/test_pattern\.py:\d+: rearrange: .*7 is not divisible by 2.*got"
            r" \(2, 7\) float32"
        ),
    ):
        x.rearrange("b (h d) -> b h d", h=2)
