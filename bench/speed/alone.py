"""One call of a graph as a program of its own, with every length filled in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from backends.base import Program
from models import dims
from models.builder import Builder
from models.graph import FLOATS, Graph
from models.opening import Call
from models.value import emit_all

Arrays = dict[str, np.ndarray]
Lengths = Mapping[str, int]
Written = Callable[..., Any]


def itself(call: Call) -> Written:
    """The call as its graph has it: a backend runs it by its kernel, or by its body."""
    return lambda *given, **said: emit_all(call.op, *given, **said)


def graph(call: Call, lengths: Lengths, written: Written) -> Graph:
    """What `written` makes of the call's operands; its results are called y0, y1, ..."""
    builder = Builder(call.op)
    operands: list[Any] = []
    for i, (operand, type_) in enumerate(
        zip(call.node.inputs, call.operands, strict=True)
    ):
        if not isinstance(operand, str):
            operands.append(dims.at(operand, lengths))
            continue
        shape = dims.bind(type_.shape, lengths)
        operands.append(builder.input(f"x{i}", shape, dtype=type_.dtype))
    attributes = {
        key: dims.at(one, lengths) for key, one in call.node.attributes.items()
    }
    with builder.at(call.node.where):
        made = written(*operands, **attributes)
    for i, value in enumerate(made if isinstance(made, tuple) else (made,)):
        builder.output(f"y{i}", value)
    return builder.finish()


def feeds(graph: Graph, rng: np.random.Generator) -> Arrays:
    """Normal floats; of whole numbers zeros, which are an index everywhere."""
    return {
        name: rng.normal(size=dims.bind(type_.shape, {})).astype(np.float32)
        if type_.dtype in FLOATS
        else np.zeros(dims.bind(type_.shape, {}), type_.dtype)
        for name, type_ in graph.inputs.items()
    }


def work(program: Program, given: Any) -> Callable[[], object]:
    """What a contender does."""
    return lambda: program.run(given)


def shapes(call: Call, lengths: Lengths) -> tuple[tuple[int, ...], ...]:
    """Of what a call reads."""
    return tuple(dims.bind(type_.shape, lengths) for type_ in call.operands)
