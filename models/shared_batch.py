"""A train graph for one of several replicas: fed a share of each batch, it gives the whole's loss.

Shares are equal, contiguous, and cut from the first axis. So a mean over the batch is the mean
over the replicas of their means; of statistics it is the same, and of any loss that is made of
sums and means over the batch. What looks across samples otherwise (a sort, the largest of a
batch) is refused by name.
"""

from __future__ import annotations

from collections.abc import Sequence

from models import dims, ops
from models.dims import Shape
from models.errors import SpecError
from models.graph import Graph, Node
from models.ops.elementwise import broadcast
from models.passes import Arguments, rewritten
from models.value import Value, emit

BATCH = "batch"
SUMMED = ("sum", "mean")
# number by number, each operand against the last axis of the result
BY_NUMBER = {"astype", "broadcast_to", "clip", "dropout", "gelu", "leaky_relu", "pow"}
# over so many of the last axes, whatever stands before them
LAST = {"linear": 1, "layer_norm": 1, "matmul": 2, "attention": 2, "sparse_matmul": 2}
# the samples of their first axis apart
FIRST = {
    "batch_norm",
    "conv",
    "conv_transpose",
    "group_norm",
    "linear",
    "layer_norm",
    "matmul",
    "max_pool",
    "sparse_matmul",
}


def shared(graph: Graph, replicas: int) -> Graph:
    """The graph for one of so many replicas. Raises SpecError for an op that mixes samples."""
    opened = _opened(graph)

    def rule(node: Node, arguments: Arguments) -> Sequence[Value] | None:
        # a length that is reckoned with, as in a mean, is that of the whole batch
        whole = {BATCH: dims.symbol(BATCH) * replicas}
        given = [dims.at(each, whole) for each in arguments]
        if not _mixes(opened, node):
            if given == list(arguments):
                return None
            return (emit(node.op, *given, **node.attributes),)
        own = emit(node.op, *given, **node.attributes)
        mean = emit("replica_mean", own)
        return (mean if node.op == "mean" else mean * float(replicas),)

    return rewritten(opened, rule)


def is_shared(shape: Shape) -> bool:
    """Whether an array holds something of each sample, by its first axis."""
    return bool(shape) and BATCH in dims.names_in(shape[0])


def _opened(graph: Graph) -> Graph:
    """The graph in which sums and means alone look across the batch."""

    def open_(node: Node, arguments: Arguments) -> Sequence[Value] | None:
        if node.op in SUMMED or not _mixes(graph, node):
            return None
        body = ops.get(node.op).body
        if body is None:
            raise SpecError(
                f"{graph.name}, {node.name} ({node.where}): {node.op} looks across the samples"
                " of a batch, which replicas do not share; train it with one"
            )
        made = body(*arguments, **node.attributes)
        return made if isinstance(made, tuple) else (made,)

    while any(node.op not in SUMMED and _mixes(graph, node) for node in graph.nodes):
        graph = rewritten(graph, open_)
    return graph


def _mixes(graph: Graph, node: Node) -> bool:
    """Whether a sample's result may hang on another one."""
    inputs = [graph.types[one].shape for one in node.inputs if isinstance(one, str)]
    results = [type_.shape for type_ in node.outputs]
    if not any(map(_axes, inputs)):
        return False
    if any(len(_axes(shape)) > 1 for shape in (*inputs, *results)):
        return True
    if node.op == "reshape":
        return _ahead(inputs[0]) != _ahead(results[0])
    if node.op in ("permute_dims", "expand_dims", "squeeze", "stack", "replica_mean"):
        return False
    record = ops.get(node.op)
    if record.axes:
        return _along(node, inputs)
    if node.op in BY_NUMBER or record.shape in (broadcast, ops.unchanged):
        # counted from the end, where shapes meet
        places = {_last(shape) for shape in (*inputs, *results) if _axes(shape)}
        return len(places) > 1
    return not _spares(node, inputs, results)


def _along(node: Node, inputs: Sequence[Shape]) -> bool:
    """Of an op over axes that it names: whether the batch is one of them."""
    named = [node.attributes[key] for key in ops.get(node.op).axes]
    axes: set[int] = set()
    for one in named:
        axes.update(one if isinstance(one, tuple) else (one,))
    rank = len(inputs[0])
    # what is looked up by an index of each sample is its own
    looked = inputs[:1] if node.op in ("take", "take_along_axis") else inputs
    return any(
        bool({axis % rank for axis in axes} & set(_axes(shape)))
        for shape in looked
        if len(shape) == rank
    )


def _spares(node: Node, inputs: Sequence[Shape], results: Sequence[Shape]) -> bool:
    """Whether an op that knows its own axes leaves the batch alone."""
    held = [shape for shape in (*inputs, *results) if _axes(shape)]
    if not all(map(_axes, results)):
        return False
    if node.op in FIRST and all(
        _axes(shape) == [0] and len(shape) > 1 for shape in held
    ):
        return True
    last = LAST.get(node.op)
    return last is not None and all(_last(shape) > last for shape in held)


def _axes(shape: Shape) -> list[int]:
    """The axes that are of the batch."""
    return [i for i, length in enumerate(shape) if BATCH in dims.names_in(length)]


def _last(shape: Shape) -> int:
    """The axis of the batch, from the last one, which is 1."""
    return len(shape) - _axes(shape)[0]


def _ahead(shape: Shape) -> dims.Length:
    """How many numbers lie side by side before those of a sample."""
    axes = _axes(shape)
    return dims.size(shape[: axes[0]]) if axes else 0
