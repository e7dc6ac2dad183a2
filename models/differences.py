"""What differs between the two graphs of a model, in words: for who ports one of them alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from models.graph import Graph, Type
from models.passes import prune
from models.spec import Spec

LOSS = "loss"
SHOWN = 4  # names of a kind
LAYOUT = "shape"  # of a reshape: it follows from what goes in


def between(spec: Spec) -> tuple[str, ...]:
    """A sentence for each kind of thing that one graph has and the other has not, or otherwise."""
    train, infer = spec.train, spec.infer
    # the loss stands on what else comes out, and has a sentence of its own
    others = [name for name in train.outputs if name != LOSS]
    posing = prune(train.with_outputs(*others)) if others else train
    return (
        *_shaped("input", train.inputs, infer.inputs),
        *_shaped("output", _outputs(train), _outputs(infer)),
        *_noise(train, infer),
        *_state(train, infer),
        *_params(train, infer),
        *_ops(posing, infer),
        *_attributes(posing, infer),
        *_loss(train, posing),
    )


def _shaped(
    kind: str, train: Mapping[str, Type], infer: Mapping[str, Type]
) -> Iterator[str]:
    """What goes in or comes out of one graph alone, or in another shape."""
    for name in {**train, **infer}:
        if name not in infer:
            yield f"{kind} of train alone: {name} {train[name]}"
        elif name not in train:
            yield f"{kind} of infer alone: {name} {infer[name]}"
        elif train[name] != infer[name]:
            yield f"{kind} {name}: {train[name]} in train, {infer[name]} in infer"


def _outputs(graph: Graph) -> dict[str, Type]:
    return {name: graph.types[value] for name, value in graph.outputs.items()}


def _noise(train: Graph, infer: Graph) -> Iterator[str]:
    for graph, own, other in (
        ("train", train.noise, infer.noise),
        ("infer", infer.noise, train.noise),
    ):
        names = [name for name in own if name not in other]
        kinds = Counter(f"{own[name].kind} {own[name].number:g}" for name in names)
        if kinds:
            yield f"noise of {graph} alone: {_listed(kinds)}"


def _state(train: Graph, infer: Graph) -> Iterator[str]:
    for graph, own, other in (("train", train, infer), ("infer", infer, train)):
        # by the last part of their names: each layer has one of a kind
        kinds = Counter(
            name.rpartition(".")[2] for name in own.state.keys() - other.state
        )
        if kinds:
            yield f"arrays that a run of {graph} renews: {_listed(kinds)}"


def _params(train: Graph, infer: Graph) -> Iterator[str]:
    for graph, own, other in (("train", train, infer), ("infer", infer, train)):
        names = [name for name in own.params if name not in other.params]
        if names:
            yield f"parameters of {graph} alone: {_few(names)}"


def _ops(posing: Graph, infer: Graph) -> Iterator[str]:
    ours, theirs = Counter(posing.census()), Counter(infer.census())
    for graph, more in (("train", ours - theirs), ("infer", theirs - ours)):
        if more:
            yield f"ops of {graph} beside those of both: {_listed(more)}"


def _attributes(posing: Graph, infer: Graph) -> Iterator[str]:
    """What calls of an op are told otherwise: a stride here, a dilation there."""
    ours, theirs = _values(posing), _values(infer)
    for op, key in ours:
        here, there = ours[op, key], theirs.get((op, key))
        if there and here != there:
            mine, others = _few(sorted(here)), _few(sorted(there))
            yield f"{key} of {op}: {mine} in train, {others} in infer"


def _values(graph: Graph) -> dict[tuple[str, str], set[str]]:
    found: dict[tuple[str, str], set[str]] = {}
    for node in graph.nodes:
        for key in sorted(node.attributes.keys() - {LAYOUT}):
            value = node.attributes[key]
            found.setdefault((node.op, key), set()).add(str(value))
    return found


def _loss(train: Graph, posing: Graph) -> Iterator[str]:
    added = Counter(train.census()) - Counter(posing.census())
    if added:
        yield f"ops of the loss: {_listed(added)}"


def _listed(counts: Mapping[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return ", ".join(f"{count} x {name}" for name, count in ordered)


def _few(names: Iterable[str]) -> str:
    listed = list(names)
    more = len(listed) - SHOWN
    return ", ".join(listed[:SHOWN]) + (f" and {more} more" if more > 0 else "")
