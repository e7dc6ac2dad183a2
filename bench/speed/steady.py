"""Where warm-up ends: the change points of the times of single calls.

The times are cut into pieces of one level each, at the cost of a penalty a cut (optimal
partitioning, whose pruned form is PELT: Killick, Fearnhead and Eckley, 2012), and pieces as high
as the last one belong to it, as Barrett et al. (2017, "Virtual machine warmup blows hot and
cold") and Traini et al. (2023) find the steady state of just-in-time compilers.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

SEGMENT = 6  # calls that the last level must hold for
SAME = 0.1  # two levels this close, relative, are one
LEAST = 0.01  # relative noise that the quietest host is taken to have
PENALTY = 4.0  # of a cut, times the variance and the logarithm of the number of calls
NORMAL = 1.4826  # median absolute deviation -> standard deviation


def since(seconds: Sequence[float]) -> int | None:
    """The call, from 0, with which the steady segment begins; None where there is none yet."""
    if len(seconds) < SEGMENT or min(seconds) <= 0:
        return None
    # relative changes, whatever the call takes
    logs = np.log(np.asarray(seconds))
    start, level = _last_level(logs)
    return start if len(logs) - start >= SEGMENT and np.isfinite(level) else None


def _last_level(logs: np.ndarray) -> tuple[int, float]:
    """Where the last level begins, with all pieces before it that are as high."""
    calm = _calmed(logs)
    cuts = _cuts(calm, PENALTY * np.log(len(logs)) * _noise(logs) ** 2)
    pieces = [calm[a:b] for a, b in pairwise(cuts)]
    level = float(np.mean(pieces[-1]))
    start = cuts[-2]
    for a, piece in reversed(list(zip(cuts, pieces, strict=False))[:-1]):
        # against the last one, not its neighbour: a slow climb is no level
        if abs(float(np.mean(piece)) - level) > np.log1p(SAME):
            break
        start = a
    return start, level


def _calmed(logs: np.ndarray) -> np.ndarray:
    """Without single calls that the host held up: the middle of each three."""
    three = np.stack([logs[:-2], logs[1:-1], logs[2:]])
    return np.concatenate([logs[:1], np.median(three, axis=0), logs[-1:]])


def _noise(logs: np.ndarray) -> float:
    """Standard deviation of a call, from what neighbours differ by: levels have no part in it."""
    apart = np.diff(logs)
    spread = NORMAL * float(np.median(np.abs(apart - np.median(apart))))
    return max(spread / np.sqrt(2), LEAST)


def _cuts(values: np.ndarray, penalty: float) -> list[int]:
    """Where pieces begin, and the end: least squares about their means plus the penalties."""
    n = len(values)
    sums = np.concatenate([[0.0], np.cumsum(values)])
    squares = np.concatenate([[0.0], np.cumsum(values**2)])
    best, before = [-penalty], [0]
    for end in range(1, n + 1):
        starts = np.arange(end)
        length = end - starts
        inside = squares[end] - squares[:end] - (sums[end] - sums[:end]) ** 2 / length
        costs = np.asarray(best) + inside + penalty
        choice = int(np.argmin(costs))
        best.append(float(costs[choice]))
        before.append(choice)
    cuts = [n]
    while cuts[-1] > 0:
        cuts.append(before[cuts[-1]])
    return cuts[::-1]
