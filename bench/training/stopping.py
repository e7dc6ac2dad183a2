"""Stopping early: when the validation error has not fallen for a while."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def idle(errors: Sequence[float]) -> int:
    """Validations since the best one; 0 where that is the last, or there is none."""
    if not errors:
        return 0
    return len(errors) - 1 - int(np.argmin(errors))


def stops(errors: Sequence[float], patience: int | None) -> bool:
    """Whether a training of such a validation curve ends here; never without a patience."""
    return patience is not None and idle(errors) >= patience
