"""What nobody can be judged on: refused with the reason."""

from __future__ import annotations

import math

from bench.parity.trial import Trial, lengths_of
from models import dims

# Of two values, batch norm leaves their signs alone: every digit of what comes behind it, and
# of every gradient before it, is lost to cancellation, in any framework.
NORMED = 4  # values of one channel, at least


def reason(trial: Trial) -> str:
    """Why nothing can be judged at these lengths; empty where it can."""
    lengths = lengths_of(trial.spec, trial.size)
    for node in trial.spec.train.nodes:
        if node.op != "batch_norm_train":
            continue
        type_ = trial.spec.train.types[str(node.inputs[0])]
        shape = dims.bind(type_.shape, lengths)
        values = math.prod(shape) // shape[1]  # axis 1 is that of the channels
        if values < NORMED:
            return (
                f"parity.batch {trial.size.batch} gives batch norm at {node.where} {values}"
                f" values a channel, which cancel; at least {NORMED} were due"
            )
    return ""
