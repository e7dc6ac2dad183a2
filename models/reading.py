"""A graph from JSON: every value is looked at before it is used, because a file may hold anything.

What a value means is not asked here: `rules.hold` does, once the graph stands.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any, TypeVar

import ml_dtypes  # noqa: F401  # tells NumPy what bfloat16 is
import numpy as np

from models import dims
from models.dims import Length
from models.errors import SpecError
from models.nodes import DTYPES, Graph, Node, Noise, Param, Type

Read = TypeVar("Read")
FIELDS = (
    "name",
    "inputs",
    "params",
    "noise",
    "constants",
    "nodes",
    "outputs",
    "state",
    "labels",
)
NODE_FIELDS = ("name", "op", "inputs", "attributes", "outputs", "where")
# which Python types the elements of a constant may have, by the kind of its dtype ("V" is
# NumPy's kind of bfloat16)
ELEMENTS: dict[str, tuple[type, ...]] = {
    "b": (bool,),
    "i": (int,),
    "f": (int, float),
    "V": (int, float),
}


def graph(text: str) -> Graph:
    """The graph that a text describes, unchecked. Raises SpecError where it describes none."""
    try:
        return _graph(json.loads(text, object_pairs_hook=_once))
    except SpecError:
        raise
    except ValueError as error:  # no JSON, or a number too long to be read
        raise SpecError(f"a graph in JSON was due: {error}") from None
    except RecursionError:
        # lists within lists a thousand deep: no graph that this language wrote
        raise SpecError("a graph in JSON was due, nested less deeply") from None


def _graph(raw: Any) -> Graph:
    whole = _object(raw, "graph", FIELDS)
    name = _text(whole["name"], "graph: name")
    at = f"graph {name}"
    nodes = _list(whole["nodes"], f"{at}: nodes")
    return Graph(
        name=name,
        inputs=_each(whole["inputs"], f"{at}: input", _type),
        params=_each(whole["params"], f"{at}: parameter", _param),
        noise=_each(whole["noise"], f"{at}: noise", _noise),
        constants=_each(whole["constants"], f"{at}: constant", _constant),
        nodes=tuple(_node(node, f"{at}: node {i}") for i, node in enumerate(nodes)),
        outputs=_each(whole["outputs"], f"{at}: output", _text),
        state=_each(whole["state"], f"{at}: state", _text),
        labels=_each(whole["labels"], f"{at}: label", _text),
    )


def _each(raw: Any, at: str, read: Callable[[Any, str], Read]) -> dict[str, Read]:
    """What is declared under a name each."""
    declared = _object(raw, at)
    return {name: read(value, f"{at} {name}") for name, value in declared.items()}


def _param(raw: Any, at: str) -> Param:
    type_, init, trainable = _list(raw, at, 3)
    kind, number = _list(init, f"{at}: init", 2)
    if not isinstance(trainable, bool):
        raise _wrong(trainable, f"{at}: trainable", "true or false")
    start = _text(kind, f"{at}: init"), _number(number, f"{at}: init")
    return Param(_type(type_, at), start, trainable)


def _noise(raw: Any, at: str) -> Noise:
    type_, kind, number = _list(raw, at, 3)
    drawn = _text(kind, f"{at}: kind")
    return Noise(_type(type_, at), drawn, _number(number, at))


def _constant(raw: Any, at: str) -> np.ndarray:
    dtype, lengths, elements = _list(raw, at, 3)
    if dtype not in DTYPES:
        raise _wrong(dtype, f"{at}: dtype", f"one of {', '.join(DTYPES)}")
    shape = _list(lengths, f"{at}: shape")
    # by `type`, here and below: true is 1 to isinstance, and would be stored as that
    if not all(type(length) is int and length >= 0 for length in shape):
        raise _wrong(lengths, f"{at}: shape", "whole numbers")
    listed = _list(elements, f"{at}: elements", math.prod(shape))
    allowed = ELEMENTS[np.dtype(dtype).kind]
    if stray := [element for element in listed if type(element) not in allowed]:
        raise _wrong(stray[0], f"{at}: elements", f"elements of {dtype}")
    try:
        # else a number too large for the dtype would be stored as infinity
        with np.errstate(over="raise"):
            return np.array(listed, dtype).reshape(shape)
    except ArithmeticError:
        raise _wrong("a number", f"{at}: elements", f"one within {dtype}") from None


def _node(raw: Any, at: str) -> Node:
    fields = _object(raw, at, NODE_FIELDS)
    name = _text(fields["name"], f"{at}: name")
    op = _text(fields["op"], f"{at}: op")
    where = _text(fields["where"], f"{at}: where")
    # from here on a complaint names the node as a person knows it
    at = f"{at}, {name} = {op}, {where}"
    inputs = _list(fields["inputs"], f"{at}: inputs")
    outputs = _list(fields["outputs"], f"{at}: outputs")
    return Node(
        name=name,
        op=op,
        inputs=tuple(_thaw(value, at) for value in inputs),
        attributes=_each(fields["attributes"], f"{at}: attribute", _thaw),
        outputs=tuple(_type(value, f"{at}: outputs") for value in outputs),
        where=where,
    )


def _type(raw: Any, at: str) -> Type:
    shape, dtype = _list(raw, at, 2)
    lengths = _list(shape, f"{at}: shape")
    read = tuple(_length(length, at) for length in lengths)
    return Type(read, _text(dtype, f"{at}: dtype"))


def _length(raw: Any, at: str) -> Length:
    if type(raw) is int:
        return raw
    if not isinstance(raw, str):
        raise _wrong(raw, at, "a length: a whole number, or an axis as text")
    try:
        return dims.parse(raw)
    except ValueError as error:
        raise SpecError(_line(f"{at}: {error}")) from None


def _thaw(value: Any, at: str) -> Any:
    """An operand or attribute: the tuples and symbolic lengths that JSON has no word for."""
    if isinstance(value, dict):
        text = _object(value, at, ("dim",))["dim"]
        return _length(_text(text, at), at)
    if isinstance(value, list):
        return tuple(_thaw(item, at) for item in value)
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """JSON lets a key stand twice, and Python's reader would keep the last of them."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise SpecError(
            f"a graph in JSON holds {twice!r} twice in one object; rename one"
        )
    return found


def _object(raw: Any, at: str, keys: tuple[str, ...] | None = None) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise _wrong(raw, at, "an object")
    if keys is not None and set(raw) != set(keys):
        came = ", ".join(raw) or "no key"
        raise SpecError(_line(f"{at}: {came} came, {', '.join(keys)} were due"))
    return raw


def _list(raw: Any, at: str, length: int | None = None) -> list[Any]:
    due = "a list" if length is None else f"a list of {length}"
    if not isinstance(raw, list) or length not in (None, len(raw)):
        raise _wrong(raw, at, due)
    return raw


def _text(raw: Any, at: str) -> str:
    if not isinstance(raw, str):
        raise _wrong(raw, at, "text")
    return raw


def _number(raw: Any, at: str) -> float:
    if isinstance(raw, bool) or not isinstance(raw, (int, float)):
        raise _wrong(raw, at, "a number")
    return raw


def _wrong(raw: Any, at: str, due: str) -> SpecError:
    shown = json.dumps(raw)
    if len(shown) > 60:  # a whole table of weights would bury the sentence
        shown = f"{shown[:60]}..."
    return SpecError(
        _line(f"{at}: {shown} came, {due} was due; write it with Graph.to_json")
    )


def _line(text: str) -> str:
    return " ".join(text.splitlines())
