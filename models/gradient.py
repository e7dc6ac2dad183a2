"""Reverse-mode differentiation as a graph: training for the oracle, and for runtimes without it.

Each primitive's `vjp` rule turns the gradient of its result into gradients of its inputs
(Griewank and Walther, 2008, ch. 3). What comes out is a graph like any other: it can be
differentiated again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from models import ops
from models.builder import Builder
from models.errors import SpecError
from models.graph import Graph, Node
from models.passes import copy, decompose, inline, prune
from models.tidying import tidied
from models.value import Value

PREFIX = "grad/"


def gradient(
    graph: Graph, *, of: str = "loss", wrt: Sequence[str] | None = None
) -> Graph:
    """`graph` with an output `grad/NAME`, d(output `of`)/d(NAME), for each name in `wrt`.

    By default for all trained parameters. Raises SpecError when `of` is no scalar output or
    an op on the way has no rule.
    """
    if of not in graph.outputs or graph.types[graph.outputs[of]].shape != ():
        raise SpecError(
            f"gradient of {of!r} in {graph.name}: it must be one of its scalar outputs;"
            f" outputs: {', '.join(graph.outputs)}"
        )
    # compositions have no vjp of their own: their bodies have
    flat = decompose(graph, has=())
    names = graph.trainable() if wrt is None else tuple(wrt)
    builder, values = copy(flat, lambda node, arguments: None)
    # d(loss)/d(loss)
    seed = builder.constant("d_loss", np.ones((), np.float32))
    grads: dict[str, Value] = {flat.outputs[of]: seed}
    active = _depends_on(flat, set(names))
    for node in reversed(flat.nodes):
        # Complete by now: everything that reads this value stands after it. By the node's
        # name, since every primitive has one result.
        grad = grads.pop(node.name, None)
        if grad is not None and node.name in active:
            with builder.at(node.where):
                _back(node, grad, values, active, grads)
    for name, value in flat.outputs.items():
        builder.output(name, values[value])
    for name, value in flat.state.items():
        builder.update(values[name], values[value])
    with builder.at(f"gradient of {graph.name}"):
        for name in names:
            # a parameter that the loss does not know has gradient 0, and its shape
            builder.output(PREFIX + name, grads.get(name, values[name] * 0.0))
    return tidied(builder.finish())


def slope(x: Value, of: Callable[[Value], Value]) -> Value:
    """d(sum of `of(x)`)/dx, in the shape of x, as part of the graph of x: for losses of gradients.

    `of` declares its parameters by their full names and neither noise nor state. Raises
    SpecError as `gradient` does.
    """
    inner = Builder(f"{x.graph.name}_slope")
    value = of(inner.input("x", x.shape))
    axes = tuple(range(len(value.shape)))
    inner.output("sum", value.sum(axis=axes, keepdims=False))
    derived = gradient(inner.finish(), of="sum", wrt=["x"]).with_outputs(f"{PREFIX}x")
    # what the sum alone needs is left behind
    return inline(x.graph, prune(derived), {"x": x})[f"{PREFIX}x"]


def _depends_on(graph: Graph, sources: set[str]) -> set[str]:
    """Every value a change of `sources` can reach; rules for the rest would be work for nothing."""
    reached = set(sources)
    for node in graph.nodes:
        if reached & set(node.values()):
            reached |= set(node.results())
    return reached


def _back(
    node: Node,
    grad: Value,
    values: dict[str, Value],
    active: set[str],
    grads: dict[str, Value],
) -> None:
    """Add the gradients of one node's inputs to `grads`."""
    vjp = ops.get(node.op).vjp
    if vjp is None:
        # a truth value does not change by a little: nothing flows through it
        if node.outputs[0].dtype == "bool":
            return
        raise SpecError(
            f"{node.where}: {node.op} has no gradient rule; add `vjp` to its op file or put"
            " stop_gradient before it"
        )
    arguments = [
        values[operand] if isinstance(operand, str) else operand
        for operand in node.inputs
    ]
    parts = vjp(grad, values[node.name], *arguments, **node.attributes)
    for operand, part in zip(node.inputs, parts, strict=True):
        if part is not None and isinstance(operand, str) and operand in active:
            grads[operand] = grads[operand] + part if operand in grads else part
