"""Mistakes in a spec are found where they are written.

Each message names this file, the line, both shapes and what was due.
"""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from models import ops
from models.builder import Builder
from models.dims import symbol
from models.errors import BadInput, Missing, PosePortError, SpecError, UnknownName
from models.graph import Type
from models.ops import _elsewhere
from models.value import Value, emit, emit_all

Mistake = Callable[[Builder, Value], Any]

# what is written about x, (batch, 3, 4) float32, and parts of what must be said of it
MISTAKES: dict[str, tuple[Mistake, tuple[str, ...]]] = {
    "broadcast": (
        lambda g, x: x + g.input("y", (5,)),
        (
            "add",
            "do not broadcast: 4 against 5",
            "(batch, 3, 4) float32",
            "(5) float32",
        ),
    ),
    "symbols differ": (
        lambda g, x: x + g.input("y", ("frames", 1, 1)),
        ("batch against frames",),
    ),
    "matmul": (
        lambda g, x: x @ g.input("y", (5, 2)),
        ("matmul", "(batch, 3, 4) float32, (5, 2) float32"),
    ),
    "axis": (
        lambda g, x: x.softmax(axis=3),
        ("softmax", "axis 3 does not exist in rank 3; use -3 to 2", "(batch, 3, 4)"),
    ),
    "reduction axis": (
        lambda g, x: x.sum(axis=(0, 7), keepdims=False),
        ("sum", "axis 7 does not exist"),
    ),
    "axis twice": (
        lambda g, x: x.sum(axis=(1, -2), keepdims=False),
        ("names an axis twice",),
    ),
    "reshape": (
        lambda g, x: x.reshape(("batch", 13)),
        ("reshape", "12*batch", "13*batch"),
    ),
    "permute": (
        lambda g, x: x.permute_dims((0, 1, 1)),
        ("must name each of the 3 axes once",),
    ),
    "split": (
        lambda g, x: x.split(3, axis=2),
        ("axis 2 of length 4 does not split into 3 equal parts",),
    ),
    "concat": (
        lambda g, x: x.concat(g.input("y", ("batch", 2, 5)), axis=1),
        ("all axes but axis 1 must agree", "(batch, 2, 5)"),
    ),
    "slice": (
        lambda g, x: x.slice(axis=2, start=1, stop=6, step=1),
        ("slice 1:6:1 must lie within 0:4",),
    ),
    "squeeze": (
        lambda g, x: x.squeeze(axis=1),
        ("axis 1 has length 3 and cannot be squeezed",),
    ),
    "unstack": (
        lambda g, x: x.unstack(axis=0),
        ("axis 0 of length batch cannot be unstacked",),
    ),
    "pad": (
        lambda g, x: x.pad(axis=1, before=-1, after=0, value=0.0),
        ("must not be negative",),
    ),
    "broadcast_to": (
        lambda g, x: x.broadcast_to((3, 4)),
        ("cannot be broadcast to (3, 4)",),
    ),
    "roll": (
        lambda g, x: x.roll(shift=1, axis=0),
        ("numeric length on axis 0, which is batch",),
    ),
    "take": (
        lambda g, x: x.take(g.input("i", (2, 2), dtype="int64"), axis=1),
        ("index of rank 1",),
    ),
    "index dtype": (
        lambda g, x: x.take(g.input("i", (2,)), axis=1),
        ("the index must be int64 or int32, not float32",),
    ),
    "dtypes": (
        lambda g, x: x + g.input("n", (4,), dtype="int64"),
        ("dtypes differ (float32, int64)", "use astype"),
    ),
    "where": (
        lambda g, x: x.where(x, x),
        ("where takes a bool condition", "not float32"),
    ),
    "where without a tensor": (
        lambda g, x: g.input("c", (2,), dtype="bool").where(0.0, 1.0),
        ("where takes a bool condition",),
    ),
    "gelu": (
        lambda g, x: x.gelu(approximate="erf"),
        ('must be "none" or "tanh", not \'erf\'',),
    ),
    "astype": (lambda g, x: x.astype("float8"), ("'float8' is none of",)),
    "conv": (
        lambda g, x: x.conv1d(
            2, kernel=5, stride=1, dilation=1, padding=0, bias=False, name="c"
        ),
        ("length 4", "kernel's reach 5"),
    ),
    "attention": (
        lambda g, x: x.attention(
            x.slice(axis=2, start=0, stop=2, step=1), x, scale=1.0
        ),
        ("attention needs query",),
    ),
    "dropout": (
        lambda g, x: x.dropout(rate=1.5, name="d"),
        ("rate must lie between 0 and 1", "1.5"),
    ),
    "times": (
        lambda g, x: x.tile(times=0, axis=1),
        ("times must be 1 or more, not 0",),
    ),
    "pattern": (
        lambda g, x: x.rearrange("b (h d) c -> b h d c", h=2),
        ("3 is not divisible by 2", "(batch, 3, 4)"),
    ),
    "another graph": (
        lambda g, x: x + Builder("other").input("y", (4,)),
        ("y belongs to another graph than spec",),
    ),
}


# anything that is no tensor, number or axis length; text would be read as a value's name
STRANGERS: dict[str, Any] = {
    "text": "x",
    "nothing": None,
    "array": np.zeros(4),
    "list": [1.0],
    "type": Type((4,)),
    "complex": 1j,
}
OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}
# methods of one other tensor, and those that take it with more
BINARY = (
    "add",
    "divide",
    "equal",
    "greater",
    "greater_equal",
    "less",
    "less_equal",
    "logical_and",
    "logical_or",
    "matmul",
    "maximum",
    "minimum",
    "multiply",
    "not_equal",
    "subtract",
)
OTHERS: dict[str, Callable[[Value, Any], Any]] = {
    "matrix product": lambda x, y: x @ y,
    "key": lambda x, y: x.attention(y, x, scale=1.0),
    "value": lambda x, y: x.attention(x, y, scale=1.0),
    "concat": lambda x, y: x.concat(y, axis=0),
    "stack": lambda x, y: x.stack(x, y, axis=0),
    "take": lambda x, y: x.take(y, axis=1),
    "take_along_axis": lambda x, y: x.take_along_axis(y, axis=1),
    "scatter_add": lambda x, y: x.scatter_add(y, axis=1, length=3),
    "where": lambda x, y: x.where(y, x),
    "where, last": lambda x, y: x.where(x, y),
    "emit": lambda x, y: emit("subtract", y, x),
    "emit_all": lambda x, y: emit_all("add", x, y),
}
every_stranger = pytest.mark.parametrize("stranger", STRANGERS)


def refused(
    call: Callable[[Any, Any], Any], *, stranger: str, first: bool = False
) -> None:
    """A call with something that is no operand, on either side."""
    x = Builder("spec").input("x", ("batch", 3, 4))
    other = STRANGERS[stranger]
    with pytest.raises(SpecError) as caught:
        call(other, x) if first else call(x, other)
    text = str(caught.value)
    assert text.startswith("tests/models/test_errors.py:")
    assert "\n" not in text
    kind = type(other).__name__
    assert f"an operand is a Value, a number or an axis length, not {kind};" in text


@every_stranger
@pytest.mark.parametrize("first", [True, False], ids=["left", "right"])
@pytest.mark.parametrize("sign", OPERATORS)
def test_an_operator_takes_values_numbers_and_lengths(
    sign: str, first: bool, stranger: str
) -> None:
    refused(OPERATORS[sign], stranger=stranger, first=first)


@every_stranger
@pytest.mark.parametrize("method", BINARY)
def test_a_method_takes_values_numbers_and_lengths(method: str, stranger: str) -> None:
    refused(lambda x, y: getattr(x, method)(y), stranger=stranger)


@every_stranger
@pytest.mark.parametrize("call", OTHERS)
def test_every_operand_of_a_call_is_looked_at(call: str, stranger: str) -> None:
    refused(OTHERS[call], stranger=stranger)


def test_text_is_not_read_as_the_name_of_a_value() -> None:
    g = Builder("spec")
    x = g.input("x", (2,))
    g.input("j", (2,))
    with pytest.raises(SpecError, match="not str; .*; got \\(2\\) float32, 'j'"):
        x + "j"  # type: ignore[operator]


NUMBERS = (2, 2.0, True, np.float32(2), np.int64(2), symbol("batch"))


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("sign", OPERATORS)
def test_numbers_and_lengths_are_operands(sign: str, number: Any) -> None:
    x = Builder("spec").input("x", ("batch",))
    apply = OPERATORS[sign]
    for value in (apply(x, number), apply(number, x)):
        value.graph.output(value.name, value)
    graph = x.graph.finish()
    for node in graph.nodes:
        (written,) = [operand for operand in node.inputs if operand != "x"]
        assert written == number
        # NumPy's own scalars could not be written into JSON
        assert not isinstance(written, np.generic)


def test_an_op_without_a_value_belongs_to_no_graph() -> None:
    with pytest.raises(
        SpecError, match="py:\\d+: add: at least one operand must be a Value"
    ):
        emit("add", 1.0, 2.0)


@pytest.mark.parametrize(
    ("exponent", "said"),
    [
        ("2", "exponent must be float, not '2'"),
        (None, "exponent must be float, not None"),
    ],
)
def test_an_exponent_is_a_number(exponent: Any, said: str) -> None:
    x = Builder("spec").input("x", (2,))
    with pytest.raises(SpecError, match=said):
        x**exponent


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_names_this_file_this_line_and_the_shapes(name: str) -> None:
    # the line is that of the lambda in the table
    mistake, said = MISTAKES[name]
    g = Builder("spec")
    with pytest.raises(SpecError) as caught:
        mistake(g, g.input("x", ("batch", 3, 4)))
    text = str(caught.value)
    line = inspect.getsourcelines(mistake)[1]
    assert text.startswith(f"tests/models/test_errors.py:{line}: "), text
    assert "\n" not in text
    for part in said:
        assert part in text


def test_a_failed_line_leaves_no_node_behind() -> None:
    g = Builder("spec")
    x = g.input("x", (2, 3))
    # as in a notebook, where the next line is run all the same
    with pytest.raises(SpecError):
        x.softmax(axis=5)
    g.output("y", x.relu())
    assert [node.op for node in g.finish().nodes] == ["relu"]


def test_an_unknown_method_lists_the_ops() -> None:
    x = Builder("spec").input("x", (2,))
    said = "Value has no method 'lineer'; ops: .*linear"
    with pytest.raises(AttributeError, match=said):
        x.lineer(3)


def test_the_language_has_no_silent_defaults() -> None:
    """eps, momentum, axis and approximation differ between frameworks.

    Leaving one out must not work.
    """
    x = Builder("spec").input("x", (2, 3, 4))
    for incomplete in (
        lambda: x.layer_norm(name="n"),
        lambda: x.softmax(),
        lambda: x.gelu(),
        lambda: x.sum(axis=1),
        lambda: x.batch_norm(train=True, eps=1e-5, name="b"),
        lambda: x.conv1d(3, kernel=1, name="c"),
        lambda: x.leaky_relu(),
    ):
        with pytest.raises(TypeError, match="missing"):
            incomplete()


def test_unknown_names_give_the_nearest_and_the_list() -> None:
    with pytest.raises(UnknownName) as caught:
        ops.get("sofmax")
    text = str(caught.value)
    assert text.startswith("unknown op 'sofmax': did you mean softmax")
    assert "known: abs, add, argmax" in text
    # nothing is near
    assert "did you mean" not in str(UnknownName("op", "zzzz", ["add"]))


@pytest.mark.parametrize(
    ("elsewhere", "here"),
    [
        ("transpose", "permute_dims"),
        ("Sub", "subtract"),
        ("index_select", "take"),
        ("ConvTranspose2d", "conv_transpose"),
    ],
)
def test_what_an_op_is_called_elsewhere_is_known(elsewhere: str, here: str) -> None:
    with pytest.raises(UnknownName, match=f"did you mean {here}[?]"):
        ops.get(elsewhere)


def test_no_name_from_elsewhere_is_one_of_ours_and_each_leads_to_one() -> None:
    assert not set(_elsewhere.NAMES) & set(ops.table())
    assert set(_elsewhere.NAMES.values()) <= set(ops.table())
    # as they are looked up
    assert all(_elsewhere.here(name) for name in _elsewhere.NAMES)


def test_the_tree() -> None:
    assert issubclass(SpecError, BadInput)
    assert issubclass(UnknownName, BadInput)
    # a library's user catches ValueError without knowing PosePort's names
    assert issubclass(BadInput, ValueError)
    assert issubclass(BadInput, PosePortError)
    # another exit code: what was asked for is right, and not here
    assert issubclass(Missing, PosePortError)
    assert not issubclass(Missing, BadInput)


def test_a_constant_of_an_unknown_kind_is_refused_by_the_first_op() -> None:
    g = Builder("spec")
    # an integer table is legal by itself: indices are such
    table = g.constant("table", np.array([1, 2], np.int64))
    with pytest.raises(SpecError, match="dtypes differ"):
        g.input("x", (2,)) * table


@pytest.mark.parametrize("kind", [PosePortError, BadInput, SpecError, Missing])
def test_a_message_is_one_line_whatever_a_name_holds(kind: type[PosePortError]) -> None:
    told = str(kind("a\nb\r\x1b[31m\u2028.jpg: \ud800; é and 骨 stay"))
    assert told == r"a\nb\r\x1b[31m\u2028.jpg: \ud800; é and 骨 stay"
    # one message in another is not written anew
    assert str(kind(told)) == told
