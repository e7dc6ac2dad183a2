"""Graph: JSON round trip, checks that catch a doctored node, printing, outputs."""

from __future__ import annotations

from dataclasses import replace

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
    h = g.label("hidden", (x * table).linear(3, name="fc"))
    h = h.dropout(rate=0.5, name="drop").batch_norm(
        eps=1e-5, momentum=0.1, train=True, name="bn"
    )
    g.output("y", h.slice(axis=1, start=0, stop=2, step=1))
    g.output("loss", h.mean(axis=(0, 1), keepdims=False))
    return g.finish()


def same(a: Graph, b: Graph) -> bool:
    """Equal in every field; constants compared as arrays."""
    tables = {name: array.tolist() for name, array in a.constants.items()} == {
        name: array.tolist() for name, array in b.constants.items()
    }
    return (
        tables and replace(a, constants={}) == replace(b, constants={}) and str(a) == str(b)
    )


def test_the_json_gives_an_equal_graph_back() -> None:
    graph = small()
    assert same(from_json(graph.to_json()), graph)
    assert from_json(graph.to_json()).constants["table"].dtype == np.float32


@pytest.mark.parametrize("name", models.names())
@pytest.mark.parametrize("half", ["train", "infer"])
def test_every_zoo_graph_survives_json(name: str, half: str) -> None:
    graph = getattr(models.build(name, preset="small"), half)
    assert same(from_json(graph.to_json()), graph)


def doctored(graph: Graph, at: str, /, **changes: object) -> Graph:
    """The graph with the nodes of one op changed."""
    # fields of Node
    nodes = tuple(
        replace(node, **changes) if node.op == at else node for node in graph.nodes
    )  # type: ignore[arg-type]
    return replace(graph, nodes=nodes)


def test_a_node_with_a_wrong_shape_is_caught() -> None:
    with pytest.raises(
        SpecError, match=r"linear_\d+ = linear\(.*the op table says \(batch, 3\) float32"
    ):
        check(doctored(small(), "linear", outputs=(Type((4, 4)),)))


def test_a_node_with_a_wrong_dtype_is_caught() -> None:
    shape = next(node.outputs[0].shape for node in small().nodes if node.op == "linear")
    with pytest.raises(SpecError, match="the op table says"):
        check(doctored(small(), "linear", outputs=(Type(shape, "int64"),)))


def test_a_node_that_reads_what_is_not_there_is_caught() -> None:
    with pytest.raises(SpecError, match="reads ghost, which nothing before it makes"):
        check(doctored(small(), "linear", inputs=("ghost", "fc.weight", "fc.bias")))


def test_nodes_out_of_order_are_caught() -> None:
    graph = small()
    with pytest.raises(SpecError, match="which nothing before it makes"):
        check(replace(graph, nodes=graph.nodes[::-1]))


def test_an_unknown_op_is_caught_with_its_neighbours() -> None:
    with pytest.raises(BadInput, match="unknown op 'linaer': did you mean linear"):
        check(doctored(small(), "linear", op="linaer"))


def test_an_output_that_nothing_makes_is_caught() -> None:
    with pytest.raises(SpecError, match="outputs ghost are made by no node"):
        check(replace(small(), outputs={"y": "ghost"}))


def test_a_doctored_file_is_caught_when_read() -> None:
    text = small().to_json().replace('["batch", 3]', '["batch", 5]', 1)
    assert text != small().to_json()
    with pytest.raises(ValueError):
        from_json(text)


def test_the_print_shows_every_part() -> None:
    lines = str(small()).splitlines()
    assert lines[0] == "graph small"
    assert "  input x: (batch, 4) float32" in lines
    assert "  noise drop.mask: (batch, 3) float32 bernoulli 0.5" in lines
    assert "  param fc.weight: (3, 4) float32" in lines
    assert "  state bn.running_mean: (3) float32" in lines
    assert "  constant table: (4,) float32" in lines
    assert any(
        line.startswith(
            "  linear_2 = linear(multiply_1, fc.weight, fc.bias)  # (batch, 3) float32 "
            " tests/models/test_graph.py:"
        )
        for line in lines
    )
    assert any(line.startswith("  output loss = ") for line in lines)
    assert any(line.startswith("  update bn.running_var = ") for line in lines)


def test_questions_asked_of_a_graph() -> None:
    graph = small()
    assert graph.axes() == ("batch",)
    assert graph.trainable() == ("fc.weight", "fc.bias", "bn.weight", "bn.bias")
    assert graph.parameter_count() == 12 + 3 + 3 + 3
    assert graph.census()["batch_norm_train"] == 1 and list(
        graph.census().values()
    ) == sorted(graph.census().values(), reverse=True)


def test_outputs_can_be_labels_and_inner_values() -> None:
    graph = small()
    assert graph.with_outputs("hidden", "multiply_1").outputs == {
        "hidden": "linear_2",
        "multiply_1": "multiply_1",
    }
    with pytest.raises(
        SpecError,
        match="no output, label or value hiden; outputs and labels: hidden, y, loss",
    ):
        graph.with_outputs("hiden")


def test_a_graph_is_frozen() -> None:
    with pytest.raises(AttributeError):
        small().name = "other"  # type: ignore[misc]  # that is the point
    assert isinstance(small().nodes, tuple) and isinstance(small().nodes[0], Node)
