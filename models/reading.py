"""A graph from JSON: every value is looked at before it is used, because a file may hold anything.

What a value means is not asked here: `rules.hold` does, once the graph stands.
"""

from __future__ import annotations

import json
import math
from typing import Any

import ml_dtypes  # noqa: F401  # tells NumPy what bfloat16 is
import numpy as np

from models import dims
from models.dims import Length
from models.errors import SpecError
from models.graph import DTYPES, Graph, Node, Noise, Param, Type

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
    inputs, params = _object(whole["inputs"], at), _object(whole["params"], at)
    noise, constants = _object(whole["noise"], at), _object(whole["constants"], at)
    return Graph(
        name=name,
        inputs={key: _type(value, f"{at}: input {key}") for key, value in inputs.items()},
        params={
            key: _param(value, f"{at}: parameter {key}") for key, value in params.items()
        },
        noise={key: _noise(value, f"{at}: noise {key}") for key, value in noise.items()},
        constants={
            key: _constant(value, f"{at}: constant {key}")
            for key, value in constants.items()
        },
        nodes=tuple(
            _node(value, f"{at}: node {i}")
            for i, value in enumerate(_list(whole["nodes"], f"{at}: nodes"))
        ),
        outputs=_names(whole["outputs"], f"{at}: outputs"),
        state=_names(whole["state"], f"{at}: state"),
        labels=_names(whole["labels"], f"{at}: labels"),
    )


def _param(raw: Any, at: str) -> Param:
    type_, init, trainable = _list(raw, at, 3)
    kind, number = _list(init, f"{at}: init", 2)
    if not isinstance(trainable, bool):
        raise _wrong(trainable, f"{at}: trainable", "true or false")
    start = (_text(kind, f"{at}: init"), _number(number, f"{at}: init"))
    return Param(_type(type_, at), start, trainable)


def _noise(raw: Any, at: str) -> Noise:
    type_, kind, number = _list(raw, at, 3)
    return Noise(_type(type_, at), _text(kind, f"{at}: kind"), _number(number, at))


def _constant(raw: Any, at: str) -> np.ndarray:
    dtype, lengths, elements = _list(raw, at, 3)
    if dtype not in DTYPES:
        raise _wrong(dtype, f"{at}: dtype", f"one of {', '.join(DTYPES)}")
    shape = _type([lengths, dtype], at).shape
    if not all(isinstance(length, int) and length >= 0 for length in shape):
        raise _wrong(lengths, f"{at}: shape", "whole numbers")
    count = math.prod(dims.bind(shape, {}))
    listed = _list(elements, f"{at}: elements", count)
    allowed = ELEMENTS[np.dtype(dtype).kind]
    # `type`, not isinstance: true is no number here, though Python counts it as 1
    if stray := [element for element in listed if type(element) not in allowed]:
        raise _wrong(stray[0], f"{at}: elements", f"elements of {dtype}")
    try:
        with np.errstate(over="raise"):
            return np.array(listed, dtype).reshape(dims.bind(shape, {}))
    except ArithmeticError:
        raise _wrong("a number", f"{at}: elements", f"one within {dtype}") from None


def _node(raw: Any, at: str) -> Node:
    fields = _object(raw, at, NODE_FIELDS)
    name, op, where = (
        _text(fields[key], f"{at}: {key}") for key in ("name", "op", "where")
    )
    # from here on a complaint names the node as a person knows it
    at = f"{at}, {name} = {op}, {where}"
    attributes = _object(fields["attributes"], f"{at}: attributes")
    outputs = _list(fields["outputs"], f"{at}: outputs")
    return Node(
        name,
        op,
        tuple(_thaw(value, at) for value in _list(fields["inputs"], f"{at}: inputs")),
        {key: _thaw(value, f"{at}: {key}") for key, value in attributes.items()},
        tuple(_type(value, f"{at}: output {i}") for i, value in enumerate(outputs)),
        where,
    )


def _type(raw: Any, at: str) -> Type:
    shape, dtype = _list(raw, at, 2)
    lengths = tuple(_length(value, at) for value in _list(shape, f"{at}: shape"))
    return Type(lengths, _text(dtype, f"{at}: dtype"))


def _length(raw: Any, at: str) -> Length:
    if isinstance(raw, bool) or not isinstance(raw, (int, str)):
        raise _wrong(raw, at, "a length: a whole number, or an axis as text")
    if isinstance(raw, int):
        return raw
    try:
        return dims.parse(raw)
    except ValueError as error:
        raise SpecError(f"{at}: {error}") from None


def _thaw(value: Any, at: str) -> Any:
    """An operand or attribute: the tuples and symbolic lengths that JSON has no word for."""
    if isinstance(value, dict):
        return _length(_text(_object(value, at, ("dim",))["dim"], at), at)
    return tuple(_thaw(item, at) for item in value) if isinstance(value, list) else value


def _names(raw: Any, at: str) -> dict[str, str]:
    return {key: _text(value, f"{at}: {key}") for key, value in _object(raw, at).items()}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """JSON lets a key stand twice, and Python's reader would keep the last of them."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise SpecError(f"a graph in JSON holds {twice!r} twice in one object; rename one")
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
    came = json.dumps(raw)
    # a whole table of weights would bury the sentence
    shown = came if len(came) <= 60 else f"{came[:60]}..."
    return SpecError(
        _line(f"{at}: {shown} came, {due} was due; write it with Graph.to_json")
    )


def _line(text: str) -> str:
    return " ".join(text.splitlines())
