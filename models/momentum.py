"""Momentum of batch norm that falls, as a pass over a train graph: its counter is state.

Pavllo et al., CVPR 2019 (VideoPose3D), let it fall exponentially from 0.1 to 0.001. Momentum is
PyTorch's: the share of the batch in the running statistics; Keras calls 1 minus that its momentum.
As state of the graph the counter is moved by the framework in its step, and in every checkpoint.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from models import passes
from models.builder import Builder
from models.errors import SpecError
from models.graph import Graph, Node
from models.value import Value, emit, emit_all

PREFIX = "norm_momentum."
COUNTER = f"{PREFIX}batches"  # batches before this one
NORM = "batch_norm_train"


def falling(train: Graph, start: float, end: float, batches: int) -> Graph:
    """The train graph with momenta of `start` that fall to `end` over so many batches, and stay.

    All batch norms have the same, whatever momentum the graph came with. Raises SpecError where
    there is no batch norm, or for a momentum that is not above 0 and at most 1.
    """
    for given in (start, end):
        if not 0 < given <= 1:
            raise SpecError(
                f"{train.name}: a momentum of {given} came; above 0 and at most 1 was due"
            )
    if NORM not in train.census():
        raise SpecError(
            f"{train.name} has no batch norm, whose momentum could fall; leave out"
            " norm_momentum"
        )
    found: list[Value] = []

    def rule(node: Node, arguments: passes.Arguments) -> Sequence[Value] | None:
        if node.op != NORM:
            return None
        if not found:
            x = arguments[0]
            assert isinstance(x, Value)  # as the op's own rule has made sure
            found.append(_momentum(x.graph, start, end, batches))
        return _norm(node, arguments, found[0])

    return passes.rewritten(train, rule)


def _momentum(builder: Builder, start: float, end: float, batches: int) -> Value:
    """Of this batch."""
    counter = builder.param(
        COUNTER,
        (),
        init=("zeros", 0.0),
        trainable=False,
        dtype="int64",
    )
    builder.update(counter, counter + 1)
    done = emit("minimum", counter.astype("float32") / batches, 1.0)
    return emit("exp", done * math.log(end / start)) * start


def _norm(node: Node, arguments: passes.Arguments, momentum: Value) -> Sequence[Value]:
    """The same norm, whose running statistics take so much of the batch's."""
    *rows, mean, var = arguments
    held = [row for row in (mean, var) if isinstance(row, Value)]
    # of a momentum of 1 the new statistics are the batch's; they are given nothing that is
    # state, which PyTorch would overwrite before it is read here
    blank = [row * 0.0 for row in held]
    attributes = {**node.attributes, "momentum": 1.0}
    out, *batch = emit_all(NORM, *rows, *blank, **attributes)
    moved = [
        old * (1.0 - momentum) + new * momentum
        for old, new in zip(held, batch, strict=True)
    ]
    return out, *moved
