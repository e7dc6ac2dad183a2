"""A graph from a file: whatever the file holds, it is a graph or one line of SpecError."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

import models
from models.errors import SpecError
from models.graph import Graph, from_json
from tests.models.broken import GONE, TEXT, complaint, sound, with_change

SIX = [["batch", 6], "float32"]
BIAS = [[6], "float32"]
# place in the JSON, what is written there, what is said of it
DECLARATIONS: dict[str, tuple[str, Any, str]] = {
    "unknown dtype": ("inputs/x", [[4], "float8"], "input x has dtype 'float8'"),
    "negative length": (
        "inputs/x",
        [[-4], "float32"],
        "the length -4, which is no whole",
    ),
    "truth for a length": ("inputs/x", [[True], "float32"], "true came, a length"),
    "fraction of a length": ("inputs/x", [[1.5], "float32"], "1.5 came, a length"),
    "formula of a length": (
        "inputs/x",
        [["b / 2"], "float32"],
        "made of names, integers",
    ),
    "half a formula": ("inputs/x", [["b +"], "float32"], "made of names, integers"),
    "type without a dtype": ("inputs/x", [["batch"]], "a list of 2 was due"),
    "unknown noise": (
        "noise/drop.mask",
        [SIX, "pink", 0.5],
        "noise drop.mask: kind is 'pink', which is none of bernoulli, normal, uniform",
    ),
    "noise by text": ("noise/drop.mask", [SIX, "normal", "1"], "a number was due"),
    "unknown initialiser": (
        "params/fc.bias",
        [BIAS, ["xavier", 1.0], True],
        "parameter fc.bias: initialiser is 'xavier', which is none of zeros, ones",
    ),
    "half an initialiser": ("params/fc.bias", [BIAS, ["ones"], True], "a list of 2"),
    "trained or not": (
        "params/fc.bias",
        [BIAS, ["zeros", 0], "yes"],
        "true or false was",
    ),
}
# of the constant that the first node multiplies (batch, 4) with
CONSTANTS: dict[str, tuple[Any, str]] = {
    "unknown dtype": (["uint8", [1], [1]], '"uint8" came, one of float32, float16'),
    "too short": (["float32", [4], [1.0]], "a list of 4 was due"),
    "text": (["float32", [1], ["1"]], "elements of float32 was due"),
    "nothing": (["float32", [1], [None]], "null came, elements of float32"),
    "fractions": (["int64", [1], [1.5]], "1.5 came, elements of int64"),
    "truths": (["int64", [1], [True]], "true came, elements of int64"),
    "out of range": (["int32", [1], [2**40]], "one within int32 was due"),
    "too large": (["float32", [1], [1e300]], "one within float32 was due"),
    "an axis by name": (["int32", ["batch"], [1]], "whole numbers was due"),
    "another type": (["int64", [4], [0] * 4], "dtypes differ (float32, int64)"),
    "another shape": (["float32", [3], [0.0] * 3], "do not broadcast: 4 against 3"),
}
# keys of the file itself
PARTS: dict[str, tuple[str, Any, str]] = {
    "a node without a name": (
        "nodes/gelu/name",
        GONE,
        "node 5: op, inputs, attributes",
    ),
    "a node with more": ("nodes/gelu/device", "cpu", "where, device came, name, op"),
    "operands by name": (
        "nodes/gelu/inputs",
        {"x": "x"},
        "gelu_6 = gelu, tests/models",
    ),
    "a result by its dtype": ("nodes/gelu/outputs", ["float32"], "a list of 2 was due"),
    "nodes by name": ("nodes", {}, "nodes: {} came, a list was due"),
    "a number for a node": ("nodes", [3], "node 0: 3 came, an object was due"),
    "an output by number": ("outputs/y", 3, "output y: 3 came, text was due"),
    "no state": ("state", GONE, "labels came, name, inputs, params"),
    "a version": ("version", 2, "version came, name, inputs, params"),
    "no name": ("name", None, "graph: name: null came, text was due"),
}


@pytest.mark.parametrize("name", DECLARATIONS)
def test_a_wrong_declaration_is_named(name: str) -> None:
    path, value, due = DECLARATIONS[name]
    assert due in complaint(with_change(path, value))


@pytest.mark.parametrize("name", CONSTANTS)
def test_a_wrong_constant_is_named(name: str) -> None:
    value, due = CONSTANTS[name]
    assert due in complaint(with_change("constants/table", value))


@pytest.mark.parametrize("name", PARTS)
def test_a_part_that_lacks_or_is_too_many_is_named(name: str) -> None:
    path, value, due = PARTS[name]
    assert due in complaint(with_change(path, value))


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("", "a graph in JSON was due"),
        ("{", "a graph in JSON was due"),
        ("[]", "graph: [] came, an object was due"),
        ('"graph"', "an object was due"),
        ('{"name": "a", "name": "b"}', "'name' twice in one object"),
        ("[" * 100_000, "nested less deeply"),
        # Python reads no number of more than 4300 digits
        ("9" * 5000, "a graph in JSON was due"),
    ],
    ids=["empty", "cut", "list", "text", "twice", "deep", "long"],
)
def test_text_that_is_no_graph_is_refused(text: str, due: str) -> None:
    assert due in complaint(text)


def test_a_long_value_does_not_bury_the_sentence() -> None:
    table = ["float32", [3], list(range(10_000))]
    assert len(complaint(with_change("constants/table", table))) < 200


def test_names_with_line_breaks_still_make_one_line() -> None:
    # `complaint` counts the lines
    complaint(with_change("nodes/gelu/inputs", ["gh\nost"]))
    complaint(with_change("na\nme", "b"))


# one of each kind of JSON value, and some that look like what is due
STRANGERS: tuple[Any, ...] = (
    None,
    True,
    -1,
    3,
    0.5,
    "",
    "x",
    "ba tch",
    [],
    [[]],
    {},
    {"dim": "batch"},
    {"dim": "("},
)


def graphs() -> list[Graph]:
    sizes = {"widths": (1, 3), "width": 8}
    spec = models.build("videopose3d", preset="small", **sizes)
    return [sound(), spec.train]


@pytest.mark.parametrize("graph", graphs(), ids=lambda graph: graph.name)
def test_whatever_a_file_holds_is_a_graph_or_a_spec_error(graph: Graph) -> None:
    """Values of a real graph's JSON are replaced, dropped and swapped with their neighbours."""
    raw = json.loads(graph.to_json())
    everywhere = list(places(raw))
    # half a second is enough: of a larger graph every third or fourth place
    some = everywhere[:: len(everywhere) // 200 + 1]
    outcomes: list[str] = []
    for turn, (container, key) in enumerate(some):
        kept = container[key]
        # two in turn, since all strangers in all places would take half a minute
        for stranger in (2 * turn, 2 * turn + 1):
            container[key] = STRANGERS[stranger % len(STRANGERS)]
            outcomes.append(outcome(raw))
        container[key] = kept
        outcomes.append(swapped(raw, container, key))
        outcomes.append(dropped(raw, container, key))
    assert raw == json.loads(graph.to_json()), "every change was taken back"
    assert outcomes.count("refused") > 3 * outcomes.count("read") > 0


def places(raw: Any) -> Iterator[tuple[Any, Any]]:
    """Every container inside a JSON value, with each of its keys."""
    if not isinstance(raw, (dict, list)):
        return
    for key in keys(raw):
        yield raw, key
        yield from places(raw[key])


def keys(container: Any) -> list[Any]:
    if isinstance(container, dict):
        return list(container)
    return list(range(len(container)))


def outcome(raw: Any) -> str:
    """How reading ends; anything but a graph and SpecError is raised, and fails the test."""
    try:
        from_json(json.dumps(raw))
    except SpecError as error:
        assert len(str(error).splitlines()) == 1
        return "refused"
    return "read"


def swapped(raw: Any, container: Any, key: Any) -> str:
    """Change places with the neighbour before it, or with the last."""
    known = keys(container)
    other = known[known.index(key) - 1]
    container[key], container[other] = container[other], container[key]
    ended = outcome(raw)
    container[key], container[other] = container[other], container[key]
    return ended


def dropped(raw: Any, container: Any, key: Any) -> str:
    whole = container.copy()
    del container[key]
    ended = outcome(raw)
    container.clear()
    # written anew, and not only the one that went: the order of a container is part of it
    if isinstance(container, dict):
        container.update(whole)
    else:
        container.extend(whole)
    return ended


def test_the_sound_graph_is_sound() -> None:
    assert from_json(TEXT).to_json() == TEXT
