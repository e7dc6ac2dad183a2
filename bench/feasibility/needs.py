"""How each op of a graph is met, and what bodies cost it beside kernels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from bench.feasibility.abilities import Abilities, Known
from bench.feasibility.types import type_of
from bench.records import Extra, OpNeed
from models import ops
from models.dims import Dim
from models.opening import Call, leaves

Via = Literal["kernel", "body", "gap", "unknown"]
WORST: tuple[Known, ...] = ("no", "unknown", "yes")


def needs(calls: Sequence[Call], able: Abilities) -> tuple[OpNeed, ...]:
    """How each op is met, the most frequent first."""
    by_op: dict[str, list[Call]] = {}
    for call in calls:
        by_op.setdefault(call.op, []).append(call)
    found = [_need(op, each, able) for op, each in by_op.items()]
    return tuple(sorted(found, key=lambda need: (-need.count, need.op)))


def state(calls: Iterable[Call], able: Abilities) -> Known:
    """Whether calls can run: the worst of all that their bodies need."""
    found = {
        able.state(leaf.op) for call in calls for leaf in leaves(call, able.kernels)
    }
    return next(each for each in WORST if each in {*found, "yes"})


def extra(calls: Iterable[Call], able: Abilities, lengths: Mapping[str, int]) -> Extra:
    """Nodes and FLOPs that come on top where bodies stand in for kernels."""
    nodes = 0
    cost = 0
    for call in calls:
        if call.op in able.kernels:
            continue
        inner = list(leaves(call, able.kernels))
        nodes += sum(leaf.count for leaf in inner) - call.count
        cost += sum(flops(leaf, lengths) for leaf in inner) - flops(call, lengths)
    return Extra(nodes=nodes, flops=cost)


def flops(call: Call, lengths: Mapping[str, int]) -> int:
    """FLOPs of a call, as often as it is made, with the open axes at `lengths`."""
    read = [type_.shape for type_ in call.operands]
    made = [type_.shape for type_ in call.node.outputs]
    cost = ops.get(call.op).flops(made, read, call.node.attributes)
    once = int(cost.bind(lengths)) if isinstance(cost, Dim) else cost
    return once * call.count


def _need(op: str, calls: Sequence[Call], able: Abilities) -> OpNeed:
    via, reason = _met(op, calls, able)
    return OpNeed(
        op=op,
        count=sum(call.count for call in calls),
        via=via,
        reason=reason,
        # always told: without them an exam in a type that no node has counts against it
        dtypes=tuple(sorted({type_of(call.graph, call.node) for call in calls})),
    )


def _met(op: str, calls: Sequence[Call], able: Abilities) -> tuple[Via, str]:
    """By what one op is met, and what there is to say of that."""
    if op in able.kernels:
        return "kernel", _alone(op, calls, able)
    known = state(calls, able)
    if known == "yes":
        return "body", ""
    via: Via = "unknown" if known == "unknown" else "gap"
    return via, _because(op, calls, able)


def _alone(op: str, calls: Sequence[Call], able: Abilities) -> str:
    """What a kernel's body would lack: it may be taken away by a precision, mode or version."""
    if ops.get(op).body is None:
        return ""
    primitives = {name for name in able.kernels if ops.get(name).body is None}
    inside = _inside(calls, primitives, able)
    return f"by its kernel alone: its body needs {inside}" if inside else ""


def _because(op: str, calls: Sequence[Call], able: Abilities) -> str:
    if ops.get(op).body is None:
        return able.reason(op)
    return f"its body needs {_inside(calls, able.kernels, able)}"


def _inside(calls: Iterable[Call], has: Iterable[str], able: Abilities) -> str:
    """What bodies need and is not in `has`, each with its reason."""
    known = set(has)
    needed = {leaf.op for call in calls for leaf in leaves(call, known)} - known
    return ", ".join(f"{inner}: {able.reason(inner)}" for inner in sorted(needed))
