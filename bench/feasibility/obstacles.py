"""What stands in the way of a graph, one finding for each thing that is missing or not known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bench.feasibility import folding, routes
from bench.feasibility.abilities import Abilities
from bench.feasibility.needs import flops
from bench.records import Extra, Obstacle
from models import opening
from models.errors import SpecError
from models.opening import Call, leaves

# of a number that stands in the graph itself, and takes the type of what is beside it
LITERAL = "literal"


def of_graph(
    name: str,
    calls: Sequence[Call],
    able: Abilities,
    lengths: Mapping[str, int],
) -> list[Obstacle]:
    """Ops, ranks and types that one graph needs beyond what is known to be there."""
    pairs = [(call, leaf) for call in calls for leaf in leaves(call, able.kernels)]
    return [
        *_of_ops(name, pairs, able, lengths),
        *_of_rank(name, pairs, able),
        *_of_types(name, pairs, able),
    ]


Pairs = Sequence[
    tuple[Call, Call]
]  # a call of the model, and one that it comes down to


def _of_ops(
    name: str, pairs: Pairs, able: Abilities, lengths: Mapping[str, int]
) -> Iterable[Obstacle]:
    for op in sorted({leaf.op for _, leaf in pairs} - set(able.kernels)):
        here = [pair for pair in pairs if pair[1].op == op]
        route, extra = _round(op, [leaf for _, leaf in here], able, lengths)
        yield Obstacle(
            kind="op",
            what=op,
            graph=name,
            nodes=_count(here),
            ops=_asking(here),
            unknown=able.state(op) == "unknown",
            reason=able.reason(op),
            route=route,
            extra=extra,
        )


def _round(
    op: str, calls: Sequence[Call], able: Abilities, lengths: Mapping[str, int]
) -> tuple[str, Extra | None]:
    """A way round a missing op by those that are there, in words, and what it costs."""
    route = routes.table().get(op)
    if route is None:
        return "", None
    try:
        inner = [one for call in calls for one in opening.opened(call, route.route)]
    # a table of an open length cannot be made
    except SpecError as error:
        return f"none here: {error}", None
    found = [leaf for one in inner for leaf in leaves(one, able.kernels)]
    if lacking := sorted({leaf.op for leaf in found} - set(able.kernels)):
        return f"{route.ABOUT}, which needs {', '.join(lacking)}", None
    nodes = sum(leaf.count for leaf in found) - sum(call.count for call in calls)
    cost = sum(flops(leaf, lengths) for leaf in found)
    cost -= sum(flops(call, lengths) for call in calls)
    return route.ABOUT, Extra(nodes=nodes, flops=cost)


def _of_rank(name: str, pairs: Pairs, able: Abilities) -> Iterable[Obstacle]:
    """Of the highest rank that is needed: with it, the lower ones are there too."""
    if able.knows_rank and able.rank is None:
        return
    # without a known bound, what nearly every framework has is not asked about
    bound = able.rank if able.rank is not None else folding.USUAL
    above = [pair for pair in pairs if pair[1].rank > bound]
    if not above:
        return
    hard = [leaf for _, leaf in above if not folding.folds(leaf, bound)]
    said = "every one of them folds neighbouring axes"
    if hard:
        said = f"all but {', '.join(sorted({leaf.op for leaf in hard}))} fold axes"
    yield Obstacle(
        kind="rank",
        what=str(max(leaf.rank for _, leaf in above)),
        graph=name,
        nodes=_count(above),
        ops=_asking(above),
        unknown=not able.knows_rank,
        reason="unknown: the declaration does not say"
        if not able.knows_rank
        else f"the largest is {bound}",
        route=f"{said}, by a reshape before and behind",
        extra=None if hard else Extra(nodes=2 * _count(above), flops=0),
    )


def _of_types(name: str, pairs: Pairs, able: Abilities) -> Iterable[Obstacle]:
    needed: dict[str, list[tuple[Call, Call]]] = {}
    for pair in pairs:
        # all that it reads and makes: a body compares floats, and what comes is a bool
        tensors = (*pair[1].operands, *pair[1].node.outputs)
        for dtype in {type_.dtype for type_ in tensors} - {LITERAL}:
            needed.setdefault(dtype, []).append(pair)
    for dtype in sorted(needed):
        unknown = able.dtypes is None
        if able.declared and (able.dtypes is None or dtype not in able.dtypes):
            yield Obstacle(
                kind="dtype",
                what=dtype,
                graph=name,
                nodes=_count(needed[dtype]),
                ops=_asking(needed[dtype]),
                unknown=unknown,
                reason="unknown: the declaration does not say"
                if unknown
                else "no such type",
            )


def _count(pairs: Pairs) -> int:
    return sum(leaf.count for _, leaf in pairs)


def _asking(pairs: Pairs) -> tuple[str, ...]:
    """The ops of the model that come down to these."""
    return tuple(sorted({call.op for call, _ in pairs}))
