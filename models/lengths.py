"""Which lengths of an open axis a graph takes: a receptive field needs some, a table has an end.

The op table is asked, by giving the axes numbers: no framework, and no array.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from models import dims, passes
from models.errors import SpecError
from models.graph import Graph, Node, Type
from models.value import Value, emit_all

FAR = 1 << 14  # a length beyond which nobody asks whether there is an end


def takes(graph: Graph, lengths: Mapping[str, int]) -> bool:
    """Whether `graph` can be run with its axes that long, and gives something."""

    def at_lengths(node: Node, arguments: passes.Arguments) -> Sequence[Value]:
        operands = [dims.at(each, lengths) for each in arguments]
        given = node.attributes.items()
        attributes = {name: dims.at(value, lengths) for name, value in given}
        return emit_all(node.op, *operands, **attributes)

    bound = replace(
        graph,
        inputs={name: _at(type_, lengths) for name, type_ in graph.inputs.items()},
        noise={
            name: replace(noise, type=_at(noise.type, lengths))
            for name, noise in graph.noise.items()
        },
    )
    try:
        _, values = passes.copy(bound, at_lengths)
    except SpecError:
        return False
    made = [values[name].shape for name in graph.outputs.values()]
    return all(length for shape in made for length in shape)


def bounds(
    graph: Graph, axis: str, lengths: Mapping[str, int]
) -> tuple[int, int | None]:
    """The least and the greatest length of `axis` that `graph` takes, None without an end.

    `lengths` gives all axes, `axis` itself one length that is taken. What lies between two
    lengths that are taken is taken to be so too.
    """

    def taken(length: int) -> bool:
        return takes(graph, {**lengths, axis: length})

    known = lengths[axis]
    least = _edge(taken, known, 0)
    if taken(FAR):
        return least, None
    return least, _edge(taken, known, FAR)


def _edge(taken: Any, inside: int, outside: int) -> int:
    """The last length on the way from one that is taken to one that is not."""
    while abs(outside - inside) > 1:
        middle = (inside + outside) // 2
        if taken(middle):
            inside = middle
        else:
            outside = middle
    return inside


def _at(type_: Type, lengths: Mapping[str, int]) -> Type:
    return replace(type_, shape=dims.bind(type_.shape, lengths))
