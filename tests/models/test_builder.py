"""Builder and Value: what is written down is what the graph holds."""

from __future__ import annotations

import numpy as np
import pytest

from models.builder import Builder
from models.dims import symbol
from models.errors import SpecError
from models.graph import Noise, Param, Type
from models.value import Value


def two_layers() -> Builder:
    g = Builder("two_layers")
    x = g.input("x", ("batch", 3))
    with g.scope("body"):
        x = x.linear(4, name="up").relu()
    g.output("y", x.linear(2, name="down", bias=False))
    return g


def test_axes_named_by_text_are_symbols() -> None:
    x = Builder("g").input("x", ("batch", "frames", 17))
    assert x.shape == (symbol("batch"), symbol("frames"), 17)
    assert x.dtype == "float32" and repr(x) == "x: (batch, frames, 17) float32"


def test_parameters_are_named_by_scope() -> None:
    graph = two_layers().finish()
    assert list(graph.params) == ["body.up.weight", "body.up.bias", "down.weight"]
    assert graph.params["body.up.weight"] == Param(Type((4, 3)), ("uniform", 3**-0.5))
    assert graph.parameter_count() == 12 + 4 + 8


def test_nodes_are_in_the_order_they_were_written() -> None:
    graph = two_layers().finish()
    assert [node.op for node in graph.nodes] == ["linear", "relu", "linear"]
    assert graph.nodes[1].inputs == (graph.nodes[0].name,)
    assert graph.outputs == {"y": graph.nodes[2].name}


def test_a_parameter_asked_for_twice_is_shared() -> None:
    g = Builder("shared")
    first = g.param("w", (2, 2), init=("zeros", 0.0))
    again = g.param("w", (2, 2), init=("zeros", 0.0))
    assert first.name == again.name
    with pytest.raises(
        SpecError,
        match=(
            r"tests/models/test_builder\.py:\d+: parameter w is \(2, 2\) float32 already"
            r" and cannot be \(2, 3\) float32"
        ),
    ):
        g.param("w", (2, 3), init=("zeros", 0.0))


def test_scopes_close_even_when_the_inside_fails() -> None:
    g = Builder("scopes")
    with pytest.raises(RuntimeError), g.scope("outer"):
        raise RuntimeError
    assert g.param("w", (1,), init=("ones", 0.0)).name == "w"


def test_a_name_is_given_once() -> None:
    g = Builder("names")
    g.input("x", (2,))
    with pytest.raises(SpecError, match="the name x is taken in graph names"):
        g.input("x", (3,))
    with pytest.raises(SpecError, match="the name x is taken"):
        g.constant("x", np.zeros(2))


def test_noise_takes_the_next_free_name() -> None:
    g = Builder("noise")
    x = g.input("x", ("batch", 3))
    x.dropout(rate=0.25, name="drop")
    x.dropout(rate=0.25, name="drop")
    g.output("y", x)
    assert g.finish().noise == {
        name: Noise(x.type, "bernoulli", 0.75) for name in ("drop.mask", "drop.mask_2")
    }


def test_a_rate_of_zero_adds_nothing() -> None:
    x = Builder("g").input("x", ("batch", 3))
    assert x.dropout(rate=0, name="drop") is x and x.drop_path(rate=0, name="path") is x


def test_drop_path_masks_whole_samples() -> None:
    g = Builder("path")
    g.output("y", g.input("x", ("batch", 5, 3)).drop_path(rate=0.5, name="path"))
    assert g.finish().noise["path.mask"].type.shape == (symbol("batch"), 1, 1)


def test_constants_are_stored_as_the_nominal_float() -> None:
    g = Builder("table")
    table = g.constant("adjacency", np.eye(3))
    index = g.constant("order", np.array([2, 0, 1]))
    assert (table.dtype, index.dtype) == ("float32", "int64")


def test_operators_are_elementwise_ops() -> None:
    g = Builder("operators")
    x, y = g.input("x", (2, 3)), g.input("y", (3,))
    for value in (
        x + y,
        1.0 + x,
        x - y,
        1.0 - x,
        x * y,
        2.0 * x,
        x / y,
        1.0 / x,
        x**2.0,
        x**0.5,
        -x,
        x @ x.permute_dims((1, 0)),
    ):
        assert isinstance(value, Value)
    g.output("z", value)
    ops = [node.op for node in g.finish().nodes]
    twice = ["add", "subtract", "multiply", "divide"]
    assert ops == [op for op in twice for _ in range(2)] + [
        "pow",
        "sqrt",
        "negative",
        "permute_dims",
        "matmul",
    ]


def test_literals_keep_their_side() -> None:
    g = Builder("sides")
    x = g.input("x", (2,))
    g.output("y", (1.0 - x) / 2.0)
    subtract, divide = g.finish().nodes
    assert subtract.inputs == (1.0, "x") and divide.inputs == (subtract.name, 2.0)


def test_several_results_have_names_of_their_own() -> None:
    g = Builder("parts")
    parts = g.input("x", (6, 2)).split(3, axis=0)
    assert [part.name for part in parts] == ["split_1", "split_1:1", "split_1:2"]
    assert all(part.shape == (2, 2) for part in parts)


@pytest.mark.parametrize(("parts", "length"), [(1, 4), (4, 4)])
def test_one_result_of_many_is_still_a_tuple(parts: int, length: int) -> None:
    assert len(Builder("parts").input("x", (length,)).split(parts, axis=0)) == parts


def test_labels_are_asked_for_later() -> None:
    g = Builder("labels")
    hidden = g.label("hidden", g.input("x", (2,)).relu())
    g.output("y", hidden * 2.0)
    assert g.finish().with_outputs("hidden").outputs == {"hidden": hidden.name}


def test_batch_norm_in_a_train_graph_updates_its_state() -> None:
    g = Builder("norm")
    g.output(
        "y",
        g.input("x", ("batch", 3)).batch_norm(
            eps=1e-5, momentum=0.1, train=True, name="bn"
        ),
    )
    graph = g.finish()
    assert set(graph.state) == {
        "bn.running_mean",
        "bn.running_var",
        "bn.num_batches_tracked",
    }
    assert graph.trainable() == ("bn.weight", "bn.bias")
    assert graph.params["bn.num_batches_tracked"].type == Type((), "int64")
