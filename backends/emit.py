"""Graph -> readable Python source, registered in `linecache`.

One line per node, which ends in the model line and the shape that it came from. The source
calls `ops.NAME(...)` for each node, so any eager framework with a table of kernels can run
it; debuggers and tracebacks show it.
"""

from __future__ import annotations

import itertools
import keyword
import linecache
import math
import re
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

from models import dims, ops
from models.graph import Graph, Node, Operand

# numbers the functions of a process: two of one graph keep a text each
_serial = itertools.count()
# how an axis length is read; a framework that traces open shapes names a function of its
# table instead
LENGTH = "{tensor}.shape[{axis}]"


def source(
    graph: Graph,
    *,
    taps: bool = False,
    length: str = LENGTH,
) -> str:
    """Source of `run(params, feeds, constants)` -> (outputs, state), both by name.

    With `taps`, every value is returned as a third mapping.
    """
    lines = [f"def run(params, feeds, constants):  # {graph.name}"]
    lines += [
        f"    {name} = {length.format(tensor=tensor, axis=axis)}"
        for name, (tensor, axis) in _axes(graph).items()
    ]
    lines += [_line(graph, node) for node in graph.nodes]
    results = [_mapping(graph, graph.outputs), _mapping(graph, graph.state)]
    if taps:
        values = [name for node in graph.nodes for name in node.results()]
        results.append(_mapping(graph, dict(zip(values, values, strict=True))))
    return "\n".join([*lines, f"    return {', '.join(results)}", ""])


def function(
    graph: Graph,
    kernels: Mapping[str, Callable[..., Any]],
    *,
    taps: bool = False,
    length: str = LENGTH,
) -> Callable[..., Any]:
    """Compile the source over a table of kernels."""
    text = source(graph, taps=taps, length=length)
    # in angle brackets, which tell linecache that no such file exists to check for changes
    file = f"<poseport {graph.name} {next(_serial)}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    # as Python writes a number that is not finite
    namespace: dict[str, Any] = {"inf": math.inf, "nan": math.nan}
    namespace["ops"] = SimpleNamespace(**kernels)
    # our own text: names are checked identifiers or quoted
    exec(compile(text, file, "exec"), namespace)  # noqa: S102
    run: Callable[..., Any] = namespace["run"]
    return run


def _axes(graph: Graph) -> dict[str, tuple[str, int]]:
    """Where each symbolic axis length is read off an input: tensor and axis."""
    found: dict[str, tuple[str, int]] = {}
    for name, type_ in graph.inputs.items():
        for i, length in enumerate(type_.shape):
            # a length such as 3*batch names no axis: it is computed from those that do
            if axis := dims.axis_name(length):
                found.setdefault(axis, (f"feeds[{name!r}]", i))
    return found


def _line(graph: Graph, node: Node) -> str:
    left = ", ".join(identifier(name) for name in node.results())
    if ops.get(node.op).several:
        left += ","  # unpacks a tuple, be it of one
    arguments = [_operand(graph, operand) for operand in node.inputs]
    # a symbolic length is written by its axis names, which are local names of the source
    arguments += [f"{key}={value!r}" for key, value in node.attributes.items()]
    shapes = " ".join(f"({', '.join(map(str, type_.shape))})" for type_ in node.outputs)
    return (
        f"    {left} = ops.{node.op}({', '.join(arguments)})  # {node.where} {shapes}"
    )


def _operand(graph: Graph, operand: Operand) -> str:
    if not isinstance(operand, str):
        return repr(operand)
    if operand in graph.params:
        return f"params[{operand!r}]"
    if operand in graph.inputs or operand in graph.noise:
        return f"feeds[{operand!r}]"
    if operand in graph.constants:
        return f"constants[{operand!r}]"
    return identifier(operand)


def _mapping(graph: Graph, values: Mapping[str, str]) -> str:
    items = [f"{name!r}: {_operand(graph, value)}" for name, value in values.items()]
    return f"{{{', '.join(items)}}}"


def identifier(name: str) -> str:
    """A value name as a Python name: linear_3:1 -> linear_3_1."""
    plain = re.sub(r"\W", "_", name)
    plain = plain if plain.isidentifier() else f"_{plain}"  # a leading digit
    return f"{plain}_" if keyword.iskeyword(plain) else plain
