"""Builder and Value: what is written down is what the graph holds."""

from __future__ import annotations

import numpy as np
import pytest

from models.builder import Builder
from models.dims import symbol
from models.errors import SpecError
from models.graph import Noise, Param, Type, from_json
from models.value import Value

HERE = r"tests/models/test_builder\.py:\d+: "


def two_layers() -> Builder:
    g = Builder("two_layers")
    x = g.input("x", ("batch", 3))
    with g.scope("body"):
        x = x.linear(4, name="up").relu()
    x = x.linear(2, name="down", bias=False)
    g.output("y", x)
    return g


def test_axes_named_by_text_are_symbols() -> None:
    x = Builder("g").input("x", ("batch", "frames", 17))
    assert x.shape == (symbol("batch"), symbol("frames"), 17)
    assert x.dtype == "float32"
    assert repr(x) == "x: (batch, frames, 17) float32"


def test_parameters_are_named_by_scope() -> None:
    graph = two_layers().finish()
    assert list(graph.params) == ["body.up.weight", "body.up.bias", "down.weight"]
    # (out, in), and within 1/sqrt(in), as PyTorch starts a linear layer
    due = Param(Type((4, 3)), ("uniform", 3**-0.5))
    assert graph.params["body.up.weight"] == due
    assert graph.parameter_count() == 12 + 4 + 8


def test_nodes_are_in_the_order_they_were_written() -> None:
    graph = two_layers().finish()
    first, second, third = graph.nodes
    assert [first.op, second.op, third.op] == ["linear", "relu", "linear"]
    assert second.inputs == (first.name,)
    assert graph.outputs == {"y": third.name}


def test_a_parameter_asked_for_twice_is_shared() -> None:
    g = Builder("shared")
    zeros = ("zeros", 0.0)
    first = g.param("w", (2, 2), init=zeros)
    again = g.param("w", (2, 2), init=zeros)
    assert first.name == again.name
    said = (
        HERE
        + r"parameter w is \(2, 2\) float32 already and cannot be \(2, 3\) float32; rename"
    )
    with pytest.raises(SpecError, match=said):
        g.param("w", (2, 3), init=zeros)


def test_a_constant_asked_for_twice_is_shared() -> None:
    g = Builder("shared")
    # bits are compared, so that NaN is equal to itself
    table = np.array([0.0, np.nan, -1.0])
    first = g.constant("table", table)
    # stored as float32, the nominal type, so both are one table
    again = g.constant("table", table.astype(np.float32))
    assert first.name == again.name
    g.output("y", first + again)
    assert list(g.finish().constants) == ["table"]


@pytest.mark.parametrize(
    "other",
    [
        np.zeros(2),
        np.zeros((3, 1)),
        np.zeros(3, np.int64),
        np.array([0.0, 0.0, 1.0]),
        np.array([0.0, 0.0, -0.0]),  # the same numbers, other bits
    ],
    ids=["length", "rank", "dtype", "number", "sign of zero"],
)
def test_another_table_of_the_same_name_is_refused(other: np.ndarray) -> None:
    g = Builder("shared")
    g.constant("table", np.zeros(3))
    said = r"constant table is another table already, \(3,\) float32; rename one$"
    with pytest.raises(SpecError, match=HERE + said):
        g.constant("table", other)


def test_a_constant_is_a_copy() -> None:
    g = Builder("copied")
    table = np.zeros(2, np.float32)
    g.output("y", g.constant("table", table) + 1.0)
    table[:] = 7.0
    kept = g.finish().constants["table"]
    assert kept.tolist() == [0.0, 0.0]


def test_scopes_close_even_when_the_inside_fails() -> None:
    g = Builder("scopes")
    # as in a notebook: the next cell must not find itself in the scope
    with pytest.raises(RuntimeError), g.scope("outer"):
        raise RuntimeError
    w = g.param("w", (1,), init=("ones", 0.0))
    assert w.name == "w"


@pytest.mark.parametrize("name", ["nonlocal", "lambda.weight", "block.class.bias"])
def test_a_word_of_python_is_no_name(name: str) -> None:
    g = Builder("words")
    with pytest.raises(
        SpecError, match=f"{HERE}the name {name} holds .* word of Python"
    ):
        g.param(name, (1,), init=("ones", 0.0))


def test_a_name_is_given_once() -> None:
    g = Builder("names")
    g.input("x", (2,))
    with pytest.raises(SpecError, match=HERE + "the name x is taken in graph names"):
        g.input("x", (3,))
    # inputs, parameters, noise, constants and results share one table of names
    with pytest.raises(SpecError, match=HERE + "the name x is taken"):
        g.constant("x", np.zeros(2))


def test_a_declaration_of_an_unknown_kind_is_refused_where_it_is_written() -> None:
    g = Builder("kinds")
    with pytest.raises(
        SpecError, match=HERE + "input x has dtype 'float8', which is none of"
    ):
        g.input("x", (2,), dtype="float8")
    with pytest.raises(
        SpecError, match=HERE + r"parameter w has the length 2\.5, which is no"
    ):
        g.param("w", (2.5,), init=("zeros", 0.0))  # type: ignore[arg-type]
    with pytest.raises(SpecError, match=HERE + "noise n has the length -1"):
        g.noise("n", (-1,), kind="normal", number=1.0)
    with pytest.raises(SpecError, match=HERE + "constant c has dtype 'uint8'"):
        g.constant("c", np.zeros(2, np.uint8))


def test_noise_takes_the_next_free_name() -> None:
    g = Builder("noise")
    x = g.input("x", ("batch", 3))
    # one layer called twice: two draws, and no mistake
    x.dropout(rate=0.25, name="drop")
    x.dropout(rate=0.25, name="drop")
    g.output("y", x)
    # bernoulli p is the probability of a 1, of what is kept
    due = Noise(x.type, "bernoulli", 0.75)
    assert g.finish().noise == {"drop.mask": due, "drop.mask_2": due}


def test_a_rate_of_zero_adds_nothing() -> None:
    x = Builder("g").input("x", ("batch", 3))
    assert x.dropout(rate=0, name="drop") is x
    assert x.drop_path(rate=0, name="path") is x


def test_drop_path_masks_whole_samples() -> None:
    g = Builder("path")
    x = g.input("x", ("batch", 5, 3))
    g.output("y", x.drop_path(rate=0.5, name="path"))
    mask = g.finish().noise["path.mask"]
    assert mask.type.shape == (symbol("batch"), 1, 1)


def test_constants_are_stored_as_the_nominal_float() -> None:
    g = Builder("table")
    table = g.constant("adjacency", np.eye(3))
    index = g.constant("order", np.array([2, 0, 1]))
    assert (table.dtype, index.dtype) == ("float32", "int64")


def test_operators_are_elementwise_ops() -> None:
    g = Builder("operators")
    x = g.input("x", (2, 3))
    y = g.input("y", (3,))
    made = [
        (x + y, "add"),
        (1.0 + x, "add"),
        (x - y, "subtract"),
        (1.0 - x, "subtract"),
        (x * y, "multiply"),
        (2.0 * x, "multiply"),
        (x / y, "divide"),
        (1.0 / x, "divide"),
        (x**2.0, "pow"),
        (x**0.5, "sqrt"),
        (-x, "negative"),
        (x @ x.permute_dims((1, 0)), "matmul"),
    ]
    for value, _ in made:
        assert isinstance(value, Value)
        g.output(value.name, value)
    ops = {node.name: node.op for node in g.finish().nodes}
    for value, due in made:
        assert ops[value.name] == due


def test_literals_keep_their_side() -> None:
    g = Builder("sides")
    x = g.input("x", (2,))
    g.output("y", (1.0 - x) / 2.0)
    subtract, divide = g.finish().nodes
    assert subtract.inputs == (1.0, "x")
    assert divide.inputs == (subtract.name, 2.0)


def test_several_results_have_names_of_their_own() -> None:
    g = Builder("parts")
    x = g.input("x", (6, 2))
    parts = x.split(3, axis=0)
    # the node's own name for the first, so that a single result is found by it
    assert [part.name for part in parts] == ["split_1", "split_1:1", "split_1:2"]
    assert all(part.shape == (2, 2) for part in parts)


@pytest.mark.parametrize(
    ("parts", "length"),
    [
        (1, 4),
        (4, 4),
    ],
)
def test_one_result_of_many_is_still_a_tuple(parts: int, length: int) -> None:
    x = Builder("parts").input("x", (length,))
    assert len(x.split(parts, axis=0)) == parts


def test_labels_are_asked_for_later() -> None:
    g = Builder("labels")
    x = g.input("x", (2,))
    hidden = g.label("hidden", x.relu())
    g.output("y", hidden * 2.0)
    asked = g.finish().with_outputs("hidden")
    assert asked.outputs == {"hidden": hidden.name}


def test_batch_norm_in_a_train_graph_updates_its_state() -> None:
    g = Builder("norm")
    x = g.input("x", ("batch", 3))
    g.output("y", x.batch_norm(eps=1e-5, momentum=0.1, train=True, name="bn"))
    graph = g.finish()
    # the counter has no part in the result: PyTorch's checkpoints hold it
    kept = {"bn.running_mean", "bn.running_var", "bn.num_batches_tracked"}
    assert set(graph.state) == kept
    assert graph.trainable() == ("bn.weight", "bn.bias")
    assert graph.params["bn.num_batches_tracked"].type == Type((), "int64")


@pytest.mark.parametrize("what", ["output", "label"])
def test_a_value_of_another_graph_is_no_output(what: str) -> None:
    g, other = Builder("one"), Builder("other")
    g.input("x", (2,))
    stranger = other.input("x", (3,))
    with pytest.raises(SpecError, match=r"a value of graph one was due, x: \(3\)"):
        getattr(g, what)("y", stranger)
    with pytest.raises(SpecError, match="a value of graph one was due, int came"):
        getattr(g, what)("y", 3)


def test_attributes_are_numbers_of_pythons_own() -> None:
    g = Builder("numpy")
    x = g.input("x", (2, 3))
    g.output("y", x.leaky_relu(slope=np.float32(0.5)).softmax(axis=np.int64(1)))
    assert from_json(g.finish().to_json()).outputs.keys() == {"y"}
