"""The mean gradients of several batches, for backends that have no autograd to add them up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from backends.program import Feeds, Trainer


def mean(
    trainer: Trainer, batches: Sequence[Feeds]
) -> tuple[float, dict[str, np.ndarray]]:
    """Loss and gradients of one batch or several, which count alike."""
    loss, grads = trainer.gradients(batches[0])
    count = len(batches)
    if count == 1:
        return loss, grads
    # first divided, as frameworks do whose losses are
    summed = {name: grad / count for name, grad in grads.items()}
    total = loss / count
    for feeds in batches[1:]:
        loss, grads = trainer.gradients(feeds)
        total += loss / count
        for name, grad in grads.items():
            summed[name] += grad / count
    return total, summed
