"""Graph: JSON round trip, checks that catch a doctored node, printing, outputs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import models
from models.builder import Builder
from models.errors import BadInput, SpecError
from models.graph import Graph, Node, Type, check, from_json


def small() -> Graph:
    g = Builder("small")
    x = g.input("x", ("batch", 4))
    table = g.constant("table", np.arange(4.0))
    h = (x * table).linear(3, name="fc")
    g.label("hidden", h)
    # noise from dropout, state from batch_norm: every kind of declaration is there
    h = h.dropout(rate=0.5, name="drop")
    h = h.batch_norm(eps=1e-5, momentum=0.1, train=True, name="bn")
    part = h.slice(axis=1, start=0, stop=2, step=1)
    g.output("y", part)
    g.output("loss", h.mean(axis=(0, 1), keepdims=False))
    return g.finish()


def assert_same(came: Graph, due: Graph) -> None:
    """Equal in every field; constants as arrays, which == compares element by element."""
    assert came.constants.keys() == due.constants.keys()
    for name, array in due.constants.items():
        np.testing.assert_array_equal(came.constants[name], array, strict=True)
    assert replace(came, constants={}) == replace(due, constants={})
    assert str(came) == str(due)


def test_the_json_gives_an_equal_graph_back() -> None:
    graph = small()
    read = from_json(graph.to_json())
    assert_same(read, graph)
    assert read.constants["table"].dtype == np.float32


@pytest.mark.parametrize("name", models.networks())
@pytest.mark.parametrize("half", ["train", "infer"])
def test_every_zoo_graph_survives_json(name: str, half: str) -> None:
    graph = getattr(models.build(name, preset="small"), half)
    assert_same(from_json(graph.to_json()), graph)


def test_every_kind_of_number_survives_json() -> None:
    """Types that JSON has no word for: halves, truth values, what is not finite."""
    g = Builder("numbers")
    x = g.input("x", ("batch",), dtype="bfloat16")
    table = np.array([0.5]).astype("bfloat16")
    half = g.constant("half", table)
    mask = g.constant("mask", np.array([True]))
    extremes = [np.inf, -np.inf, np.nan, -0.0]
    far = g.constant("far", np.array(extremes, np.float16))
    g.output("y", mask.where(x, half))
    lowest = float("-inf")
    g.output("z", far.pad(axis=0, before=1, after=0, value=lowest))
    graph = g.finish()
    read = from_json(graph.to_json())
    # NumPy's own comparison does not know bfloat16
    for name, array in graph.constants.items():
        assert read.constants[name].dtype == array.dtype
        assert read.constants[name].tobytes() == array.tobytes()
    assert str(read) == str(graph)


def doctored(graph: Graph, at: str, /, **changes: Any) -> Graph:
    """The graph with fields of the nodes of one op changed."""
    nodes = list(graph.nodes)
    for place, node in enumerate(nodes):
        if node.op == at:
            nodes[place] = replace(node, **changes)
    return replace(graph, nodes=tuple(nodes))


def test_a_node_with_a_wrong_shape_is_caught() -> None:
    said = r"linear_\d+ = linear\(.*the op table says \(batch, 3\) float32"
    square = Type((4, 4))
    with pytest.raises(SpecError, match=said):
        check(doctored(small(), "linear", outputs=(square,)))


def test_a_node_with_a_wrong_dtype_is_caught() -> None:
    linear = next(node for node in small().nodes if node.op == "linear")
    whole = Type(linear.outputs[0].shape, "int64")
    with pytest.raises(SpecError, match="the op table says"):
        check(doctored(small(), "linear", outputs=(whole,)))


def test_a_node_that_reads_what_is_not_there_is_caught() -> None:
    inputs = ("ghost", "fc.weight", "fc.bias")
    with pytest.raises(SpecError, match="reads ghost, which nothing before it makes"):
        check(doctored(small(), "linear", inputs=inputs))


def test_nodes_out_of_order_are_caught() -> None:
    graph = small()
    # node order is execution order: a graph is not sorted for its author
    with pytest.raises(SpecError, match="which nothing before it makes"):
        check(replace(graph, nodes=graph.nodes[::-1]))


def test_an_unknown_op_is_caught_with_its_neighbours() -> None:
    with pytest.raises(BadInput, match="unknown op 'linaer': did you mean linear"):
        check(doctored(small(), "linear", op="linaer"))


def test_an_output_that_nothing_makes_is_caught() -> None:
    with pytest.raises(SpecError, match="outputs ghost are made by no node"):
        check(replace(small(), outputs={"y": "ghost"}))


def test_a_doctored_file_is_caught_when_read() -> None:
    text = small().to_json()
    changed = text.replace('["batch", 3]', '["batch", 5]', 1)
    assert changed != text, "the shape of the linear layer's result is in it"
    with pytest.raises(SpecError):
        from_json(changed)


def test_the_print_shows_every_part() -> None:
    lines = str(small()).splitlines()
    assert lines[0] == "graph small"
    assert "  input x: (batch, 4) float32" in lines
    assert "  noise drop.mask: (batch, 3) float32 bernoulli 0.5" in lines
    assert "  param fc.weight: (3, 4) float32" in lines
    assert "  state bn.running_mean: (3) float32" in lines
    assert "  constant table: (4,) float32" in lines
    call = "  linear_2 = linear(multiply_1, fc.weight, fc.bias)  # (batch, 3) float32"
    # the line number is that of `small` above
    node = f"{call}  tests/models/test_graph.py:"
    for start in (node, "  output loss = ", "  update bn.running_var = "):
        assert any(line.startswith(start) for line in lines), start


def test_questions_asked_of_a_graph() -> None:
    graph = small()
    assert graph.axes() == ("batch",)
    # running statistics are stored, and not trained
    assert graph.trainable() == ("fc.weight", "fc.bias", "bn.weight", "bn.bias")
    assert graph.parameter_count() == 12 + 3 + 3 + 3
    census = graph.census()
    assert census["batch_norm_train"] == 1
    # most frequent first
    counts = list(census.values())
    assert counts == sorted(counts, reverse=True)


def test_outputs_can_be_labels_and_inner_values() -> None:
    graph = small()
    asked = graph.with_outputs("hidden", "multiply_1")
    assert asked.outputs == {"hidden": "linear_2", "multiply_1": "multiply_1"}
    said = "no output, label or value hiden; outputs and labels: hidden, y, loss"
    with pytest.raises(SpecError, match=said):
        graph.with_outputs("hiden")


def test_a_graph_is_frozen() -> None:
    with pytest.raises(AttributeError):
        # a pass makes a new graph; a program may hold this one
        small().name = "other"  # type: ignore[misc]  # that is the point
    assert isinstance(small().nodes, tuple)
    assert isinstance(small().nodes[0], Node)
