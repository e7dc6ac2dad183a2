"""One training step as a graph, with state in and state out: all in plain ops.

It holds the forward pass, the gradient graph and the optimizer's rule, for runtimes that have no
autograd of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from models.builder import Builder
from models.gradient import PREFIX, gradient
from models.graph import Graph
from models.optim import Optimizer
from models.passes import copy
from models.tidying import shared
from models.value import Value

# inputs of the step beside the graph's own
LR, STEP = "optimizer/lr", "optimizer/step"
STEPS = "#steps"  # in an optimizer's state: how many it has made
UNUSED = ("zeros", 0.0)  # nothing is drawn by these graphs: weights and slots are fed


def slot(name: str, i: int) -> str:
    """Name of slot i of a parameter's optimizer state."""
    return f"{name}#{i}"


def step_graph(graph: Graph, optimizer: Optimizer) -> Graph:
    """One training step: the train graph's outputs, and everything that moves as state.

    That is parameters, slots and running statistics. Inputs beside the graph's own: learning
    rate (a scalar) and number of the step (int64, from 1).
    """
    flat = gradient(graph)
    builder, values = copy(flat, lambda node, arguments: None)
    # gradients stay inside
    for name, value in flat.outputs.items():
        if not name.startswith(PREFIX):
            builder.output(name, values[value])
    for name, value in flat.state.items():
        builder.update(values[name], values[value])
    grads = {name: values[flat.outputs[PREFIX + name]] for name in flat.trainable()}
    _update(builder, {name: values[name] for name in grads}, grads, optimizer)
    return shared(builder.finish())


def update_graph(graph: Graph, optimizer: Optimizer) -> Graph:
    """The optimizer alone, gradients as inputs `grad/NAME`."""
    builder = Builder(f"{graph.name}_update")
    params: dict[str, Value] = {}
    grads: dict[str, Value] = {}
    for name in graph.trainable():
        shape = graph.params[name].type.shape
        params[name] = builder.param(name, shape, init=UNUSED)
        grads[name] = builder.input(PREFIX + name, shape)
    _update(builder, params, grads, optimizer)
    return shared(builder.finish())


def _update(
    builder: Builder,
    params: Mapping[str, Value],
    grads: Mapping[str, Value],
    optimizer: Optimizer,
) -> None:
    """Write the rule down for every parameter."""
    # the rules compute with a Value as they do with a number
    rate: Any = builder.input(LR, ())
    step = builder.input(STEP, (), dtype="int64").astype("float32")
    rule = replace(optimizer, lr=rate)
    # no line of a model asked for these nodes
    with builder.at(f"{optimizer.rule} of {builder.name}"):
        taken = optimizer.clipped(grads)
        for name, param in params.items():
            held = _slots(builder, name, param, optimizer.slots())
            new, moved = rule.of(name).update(param, taken[name], held, step)
            builder.update(param, new)
            for old, value in zip(held, moved, strict=True):
                builder.update(old, value)


def _slots(builder: Builder, name: str, like: Value, count: int) -> tuple[Value, ...]:
    """State of the optimizer for one parameter, in the parameter's shape."""
    return tuple(
        builder.param(slot(name, i), like.shape, init=UNUSED, trainable=False)
        for i in range(count)
    )
