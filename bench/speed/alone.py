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
    """Normal floats; whole numbers that are indices, spread over what is legal."""
    # zeros alone would gather and scatter in one place, which is a cache's best case
    legal = _places(graph)
    found: Arrays = {}
    for name, type_ in graph.inputs.items():
        shape = dims.bind(type_.shape, {})
        if type_.dtype in FLOATS:
            found[name] = rng.normal(size=shape).astype(np.float32)
        else:
            found[name] = rng.integers(legal, size=shape).astype(type_.dtype)
    return found


def _places(graph: Graph) -> int:
    """How many an index may name at least: along the axis of the op, else along any."""
    node = graph.nodes[0]
    read = next(iter(graph.inputs.values())).shape
    # what gathers counts along what is read, what scatters along what is made
    ends = [dims.bind(shape, {}) for shape in (read, node.outputs[0].shape)]
    axis = node.attributes.get("axis")
    if isinstance(axis, int):
        return max(1, min(shape[axis] for shape in ends))
    return max(1, min((length for shape in ends for length in shape), default=1))


def work(program: Program, given: Any) -> Callable[[], object]:
    """What a contender does."""
    return lambda: program.run(given)


def shapes(call: Call, lengths: Lengths) -> tuple[tuple[int, ...], ...]:
    """Of what a call reads."""
    return tuple(dims.bind(type_.shape, lengths) for type_ in call.operands)
