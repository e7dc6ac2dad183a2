"""Batches of the ladder keep off kinks, where rounding would tell the slope."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from bench.exam.draws import draw
from bench.parity import kinks
from models import Builder, Graph, ops
from models.value import Value, emit

ON_IT = np.array([[1.0, -2.0, 1e-9]], np.float32)
OFF_IT = np.array([[1.0, -2.0, 0.5]], np.float32)
NEARER = np.array([[1.0, -2.0, 1e-8]], np.float32)


def bent() -> Graph:
    g = Builder("bent")
    x = g.input("x", ("batch", 3))
    g.output("loss", (x * 2.0).relu().sum(axis=(0, 1), keepdims=False))
    return g.finish()


def drawing(*arrays: np.ndarray) -> Iterator[dict[str, np.ndarray]]:
    return ({"x": array} for array in arrays)


def away(*arrays: np.ndarray) -> np.ndarray:
    several = drawing(*arrays)
    return kinks.away(bent(), {}, {"batch": 1}, lambda: next(several))["x"]


def test_the_nearest_is_a_share_of_the_root_mean_square() -> None:
    found = kinks.nearest(bent(), {}, {"x": ON_IT})
    assert found == pytest.approx(1e-9 / np.sqrt(5 / 3), rel=1e-6)


def test_a_batch_on_a_kink_is_drawn_again() -> None:
    assert away(ON_IT, OFF_IT) is OFF_IT


def test_one_that_keeps_off_is_the_first_and_only() -> None:
    assert away(OFF_IT) is OFF_IT


def test_where_all_are_near_it_is_the_furthest() -> None:
    assert away(ON_IT, NEARER, *[ON_IT] * 6) is NEARER


def test_what_is_exactly_zero_is_so_to_everybody() -> None:
    zeros = np.zeros((1, 3), np.float32)
    assert kinks.nearest(bent(), {}, {"x": zeros}) == np.inf


def test_of_very_many_entries_some_are_always_near(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kinks, "MANY", 2)
    assert away(ON_IT) is ON_IT


def test_a_graph_without_kinks_is_drawn_for_once() -> None:
    g = Builder("smooth")
    g.output("loss", g.input("x", ("batch", 3)).exp().sum(axis=(0, 1), keepdims=False))
    several = drawing(ON_IT)
    found = kinks.away(g.finish(), {}, {"batch": 1}, lambda: next(several))
    assert found["x"] is ON_IT


Call = Callable[[Value], Value]
AT = 2e-9  # how far off the kinks the rows below are


def graph_of(call: Call) -> Graph:
    """A call of what is computed from a row of three."""
    g = Builder("called")
    g.output("out", call(g.input("x", (1, 3)) * 1.0))
    return g.finish()


@pytest.mark.parametrize(
    ("call", "row"),
    [
        (lambda x: emit("abs", x), (1, -2, AT)),
        (lambda x: emit("leaky_relu", x, slope=0.1), (1, -2, AT)),
        (lambda x: emit("sign", x), (1, -2, AT)),
        (lambda x: emit("floor", x), (1.5, 0.5, 1 + AT)),
        (lambda x: emit("clip", x, low=-1.0, high=1.0), (0, 0.5, 1 + AT)),
        (lambda x: emit("clip", x, low=-1.0, high=1.0), (0, 0.5, AT - 1)),
        (lambda x: emit("maximum", x, 1.0), (0, 2, 1 + AT)),
        (lambda x: emit("minimum", 1.0, x), (0, 2, 1 + AT)),
        (lambda x: emit("maximum", x, x * x), (0.5, 2, 1 + AT)),
        (lambda x: emit("greater", x, 1.0), (0, 2, 1 + AT)),
        (lambda x: x.max(axis=1, keepdims=False), (0, 1, 1 + AT)),
        (lambda x: x.max(axis=(0, 1), keepdims=True), (0, 1, 1 + AT)),
        (lambda x: x.min(axis=1, keepdims=False), (1, 1 + AT, 3)),
        (lambda x: x.sort(axis=1, descending=True), (1, 3, 1 + AT)),
        (lambda x: x.argmax(axis=1, keepdims=False), (1, 3, 3 + AT)),
        (
            lambda x: x.reshape((1, 1, 3)).max_pool1d(
                kernel=3, stride=1, padding=1, dilation=1
            ),
            (0, 1, 1 + AT),
        ),
    ],
)
def test_every_op_that_has_kinks_is_asked(call: Call, row: tuple[float, ...]) -> None:
    near = kinks.nearest(graph_of(call), {}, {"x": np.array([row], np.float64)})
    assert 0.1 * AT < near < 10 * AT


@pytest.mark.parametrize(
    "call",
    [
        lambda x: x.max(axis=1, keepdims=False),
        lambda x: x.sort(axis=1, descending=False),
        lambda x: emit("maximum", x, 0.0),
    ],
)
def test_ties_that_are_exact_are_so_to_everybody(call: Call) -> None:
    zeros = np.zeros((1, 3), np.float32)
    assert kinks.nearest(graph_of(call), {}, {"x": zeros}) == np.inf


def test_a_weight_may_be_the_other_side() -> None:
    g = Builder("weighed")
    bound = g.param("bound", (3,), init=("zeros", 0.0))
    g.output("out", emit("maximum", g.input("x", ("batch", 3)) * 1.0, bound))
    found = kinks.nearest(g.finish(), {"bound": ON_IT[0] + np.float32(1)}, {"x": ON_IT})
    assert found > 0.1


def test_what_is_given_or_whole_is_rounded_by_nobody() -> None:
    g = Builder("given")
    x = g.input("x", ("batch", 3))
    g.output("bent", x.relu())
    whole = (x * 1.0).astype("int64")
    g.output("whole", emit("greater", whole, whole + 1))
    assert kinks.kinked(g.finish()) == []


@pytest.mark.parametrize("name", [n for n, op in ops.table().items() if op.kinks])
def test_what_the_exam_draws_apart_is_off_the_kinks(name: str) -> None:
    """The file's two statements on where its kinks are, its cases and its rule, agree."""
    op = ops.get(name)
    for i, case in enumerate(op.cases):
        assert op.kinks is not None
        found = op.kinks(*draw(case, [i]), **case.attributes)
        assert not found.size or np.abs(found).min() > 1e-3, case
