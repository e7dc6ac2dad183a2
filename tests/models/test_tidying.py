"""A tidied graph gives the same bits, from fewer and smaller calls."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from backends.base import Settings
from backends.numpy.program import NumpyProgram
from models.builder import Builder
from models.gradient import gradient
from models.graph import Graph
from models.tidying import tidied
from models.value import Value

Write = Callable[[Value, Value], Value]


def of(write: Write) -> Graph:
    """A graph of x (batch, 3, 4) and a row (4,)."""
    g = Builder("wasteful")
    x, row = g.input("x", ("batch", 3, 4)), g.input("row", (4,))
    g.output("y", write(x, row))
    return g.finish()


def run(graph: Graph) -> np.ndarray:
    draw = np.random.default_rng(0)
    feeds = {
        "x": draw.normal(size=(2, 3, 4)).astype(np.float32),
        "row": draw.normal(size=4).astype(np.float32),
    }
    found = NumpyProgram(graph, Settings())(feeds)["y"]
    assert isinstance(found, np.ndarray)
    return found


def spread(x: Value, row: Value) -> Value:
    return row.broadcast_to(x.shape)


WASTE: dict[str, tuple[Write, dict[str, int]]] = {
    "spread before a tensor that has all axes": (
        lambda x, row: spread(x, row) * x,
        {"multiply": 1},
    ),
    "spread before a number and a tensor": (
        lambda x, row: spread(x, row) * 2.0 + x,
        {"multiply": 1, "add": 1},
    ),
    "two that are spread, and nothing else": (
        lambda x, row: spread(x, row) * spread(x, row.relu()),
        {"relu": 1, "multiply": 1, "broadcast_to": 1},
    ),
    "spread twice": (
        lambda x, row: row.broadcast_to((3, 4)).broadcast_to(x.shape) + x,
        {"add": 1},
    ),
    "one call twice": (
        lambda x, row: x.tanh() * x.tanh(),
        {"tanh": 1, "multiply": 1},
    ),
    "calls that are one when their operands are": (
        lambda x, row: (x.tanh() + row).relu() - (x.tanh() + row).relu(),
        {"tanh": 1, "add": 1, "relu": 1, "subtract": 1},
    ),
    "turned there and back": (
        lambda x, row: x.permute_dims((2, 0, 1)).permute_dims((1, 2, 0)) + row,
        {"add": 1},
    ),
    "turned twice": (
        lambda x, row: x.permute_dims((2, 0, 1)).permute_dims((2, 0, 1)).tanh(),
        {"permute_dims": 1, "tanh": 1},
    ),
}
DUE: dict[str, tuple[Write, dict[str, int]]] = {
    "a shape that a product needs": (
        lambda x, row: x.concat(spread(x, row), axis=0),
        {"broadcast_to": 1},
    ),
    "calls of other attributes": (
        lambda x, row: x.sum(axis=1, keepdims=True) - x.sum(axis=2, keepdims=True),
        {"sum": 2},
    ),
    # 1 and 1.0 are equal to Python, and so are they and True
    "the same number otherwise typed": (
        lambda x, row: (x + 1) * (x + 1.0),
        {"add": 2},
    ),
}


@pytest.mark.parametrize("name", WASTE)
def test_waste_goes_and_every_bit_stays(name: str) -> None:
    write, due = WASTE[name]
    graph = of(write)
    clean = tidied(graph)
    assert clean.census() == due
    assert clean.types[clean.outputs["y"]] == graph.types[graph.outputs["y"]]
    np.testing.assert_array_equal(run(clean), run(graph))


@pytest.mark.parametrize("name", DUE)
def test_what_is_needed_stays(name: str) -> None:
    write, due = DUE[name]
    graph = of(write)
    clean = tidied(graph)
    found = clean.census()
    assert {op: found[op] for op in due} == due
    np.testing.assert_array_equal(run(clean), run(graph))


def test_names_that_go_out_lead_to_what_is_left() -> None:
    g = Builder("named")
    x = g.input("x", ("batch", 3))
    g.output("one", x.tanh())
    g.output("other", x.tanh())
    g.label("inner", x.tanh())
    clean = tidied(g.finish())
    assert len(clean.nodes) == 1
    assert clean.outputs["one"] == clean.outputs["other"] == clean.labels["inner"]


def test_the_gradient_of_a_norm_passes_over_memory_a_few_times() -> None:
    g = Builder("norm")
    x = g.input("x", ("batch", 64)).linear(64, name="fc")
    y = x.layer_norm(eps=1e-5, name="norm")
    g.output("loss", (y * y).sum(axis=(0, 1), keepdims=False))
    graph = gradient(g.finish())
    wide = [
        node
        for node in graph.nodes
        if node.outputs[0].shape == x.shape and node.op != "matmul"
    ]
    # 24 before the graph was tidied
    assert len(wide) <= 16
