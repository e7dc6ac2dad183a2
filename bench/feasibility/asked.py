"""What a model asks of a framework beside its ops: open shapes, a second graph for inference."""

from __future__ import annotations

import models
from bench.feasibility.abilities import Abilities
from bench.records import Obstacle
from models import ops
from models.dims import Dim
from models.graph import Graph
from models.spec import Spec

SECOND = "a second graph over the same weights"


def second_graph(spec: Spec, able: Abilities) -> list[Obstacle]:
    """What stands in the way where inference may be no other graph than training."""
    if mechanism(spec) != SECOND or able.second_graph == "yes":
        return []
    unknown = able.second_graph == "unknown"
    return [
        Obstacle(
            kind="graphs",
            what=SECOND,
            graph="infer",
            nodes=len(spec.infer.nodes),
            unknown=unknown,
            reason="unknown: the declaration does not say"
            if unknown
            else "declared absent",
            route="run inference by another framework, from the exported weights",
        )
    ]


def mechanism(spec: Spec) -> str:
    """What has to change between training and inference, at the least."""
    if models.stage(spec.name).infer is not None:
        return SECOND
    changes = {op: ops.get(op).inference for op in sorted(spec.train.census())}
    switched = [f"{op} ({what})" for op, what in changes.items() if what]
    if switched or spec.train.noise:
        return f"a mode that switches {', '.join(switched) or 'noise'}"
    return "none: the train graph without its loss"


def shapes(spec: Spec, able: Abilities) -> tuple[str, ...]:
    """What its graphs ask of the framework, in words, each a cost and none a bar."""
    told = [f"inference beside training: {mechanism(spec)}"]
    axes = ", ".join(spec.train.axes())
    if able.dynamic == "yes":
        return tuple(told)
    known = "no open axes" if able.dynamic == "no" else "open axes unknown"
    told.append(
        f"{known}: a graph for each length of {axes}; {_open(spec.train)} of"
        f" {len(spec.train.nodes)} nodes of train have a length to be filled in"
    )
    return tuple(told)


def _open(graph: Graph) -> int:
    """Nodes whose attributes or operands hold an open length."""
    return sum(
        any(map(_is_open, (*node.inputs, *node.attributes.values())))
        for node in graph.nodes
    )


def _is_open(value: object) -> bool:
    if isinstance(value, tuple):
        return any(map(_is_open, value))
    return isinstance(value, Dim)
