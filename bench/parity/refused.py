"""What nobody can be judged on: refused with the reason."""

from __future__ import annotations

import math

from bench.parity.settings import Parity as Size
from bench.parity.trial import lengths_of
from models import dims
from models.spec import Spec

# Of two values, batch norm leaves their signs alone: every digit of what comes behind it, and
# of every gradient before it, is lost to cancellation, in any framework.
NORMED = 4  # values of one channel, at least


def reason(spec: Spec, size: Size) -> str:
    """Why nothing can be judged at these lengths; empty where it can."""
    lengths = lengths_of(spec, size)
    for node in spec.train.nodes:
        if node.op != "batch_norm_train":
            continue
        type_ = spec.train.types[str(node.inputs[0])]
        shape = dims.bind(type_.shape, lengths)
        values = math.prod(shape) // shape[1]  # axis 1 is that of the channels
        if values < NORMED:
            return (
                f"configuration key parity.batch: {size.batch} gives batch norm at"
                f" {node.where} {values} values a channel, which cancel; at least {NORMED}"
                " were due"
            )
    return ""
