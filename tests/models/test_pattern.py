"""Axis patterns against plain NumPy, and what is said of patterns that do not fit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.base import Settings
from backends.numpy.program import NumpyProgram
from models.builder import Builder
from models.dims import Shape, symbol
from models.errors import SpecError
from models.pattern import plan
from tests.asserts import assert_close
from tests.strategies import Rearrangement, rearrangements, shapes

BATCH = symbol("batch")
FP64 = Settings(precision="fp64")


def numbered(shape: tuple[int, ...]) -> np.ndarray:
    """Every element another number, so that a wrong order shows."""
    return np.arange(float(np.prod(shape))).reshape(shape)


def emitted(built: Builder, x: np.ndarray) -> np.ndarray:
    program = NumpyProgram(built.finish(), FP64)
    return program({"x": x})["y"]


@given(rearrangements())
def test_a_pattern_is_reshape_permute_reshape(asked: Rearrangement) -> None:
    g = Builder("pattern")
    x = g.input("x", asked.shape)
    g.output("y", x.rearrange(asked.pattern, **asked.sizes))
    feed = numbered(asked.shape)
    moved = feed.reshape(asked.split).transpose(asked.order)
    due = moved.reshape(asked.merged)
    assert_close(emitted(g, feed), due, rtol=0, what=asked.pattern)


@given(rearrangements())
def test_a_plan_moves_no_more_axes_than_the_pattern_names(asked: Rearrangement) -> None:
    made = plan(asked.pattern, asked.shape, asked.sizes)
    assert made.merged == asked.merged
    assert len(made.order) <= len(asked.order)
    pairs = zip(made.order, made.order[1:], strict=False)
    # none follows its own neighbour: such a pair would have been one axis
    assert all(before + 1 != after for before, after in pairs)


@given(shapes(low=1), st.data())
def test_permute_dims_and_reshape_follow_numpy(
    shape: tuple[int, ...], data: st.DataObject
) -> None:
    order = tuple(data.draw(st.permutations(range(len(shape)))))
    last = shape[order[-1]]
    g = Builder("moves")
    moved = g.input("x", shape).permute_dims(order)
    g.output("y", moved.reshape((-1, last)))
    feed = numbered(shape)
    due = feed.transpose(order).reshape(-1, last)
    assert_close(emitted(g, feed), due, rtol=0, what=f"{shape} by {order}")


def test_symbolic_axes_pass_through() -> None:
    g = Builder("heads")
    x = g.input("x", ("batch", "frames", 17, 24))
    # b and t merge into a product of two symbols
    heads = x.rearrange("b t j (s h d) -> s (b t) h j d", s=3, h=4)
    assert str(heads.type) == "(3, batch*frames, 4, 17, 2) float32"
    g.output("y", heads)
    feed = numbered((2, 5, 17, 24))
    split = feed.reshape(2, 5, 17, 3, 4, 2)
    # s b t h j d, then b and t as one
    due = split.transpose(3, 0, 1, 4, 2, 5).reshape(3, 10, 4, 17, 2)
    assert_close(emitted(g, feed), due, rtol=0, what="heads")


def test_a_pattern_that_changes_nothing_adds_no_node() -> None:
    # not even a reshape to its own shape: in an export that is a node
    x = Builder("same").input("x", ("batch", 4))
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
        (
            "b (h d) -> b h d",
            (2, 6),
            {"h": 3, "d": 3},
            "has 9 elements, the axis has 6",
        ),
        ("b c", (2, 3), {}, "must read 'axes -> axes'"),
        ("b c -> b c -> c b", (2, 3), {}, "must read 'axes -> axes'"),
        # einops' commas are no part of this language
        ("b, c -> c b", (2, 3), {}, "must read 'axes -> axes'"),
        ("(b c -> c b", (2, 3), {}, "unbalanced parentheses"),
        ("(b t) c -> b t c", (BATCH, 3), {"t": 5}, "without a remainder"),
    ],
)
def test_a_pattern_that_does_not_fit_says_why(
    pattern: str, shape: Shape, sizes: dict[str, int], said: str
) -> None:
    with pytest.raises(ValueError) as caught:
        plan(pattern, shape, sizes)
    assert said in str(caught.value)


def test_the_author_is_told_where() -> None:
    x = Builder("wrong").input("x", (2, 7))
    line = r"tests/models/test_pattern\.py:\d+: rearrange: "
    said = line + r".*7 is not divisible by 2.*got \(2, 7\) float32"
    with pytest.raises(SpecError, match=said):
        x.rearrange("b (h d) -> b h d", h=2)
