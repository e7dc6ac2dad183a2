"""The yardstick: the largest of several float32 runs, and of more where they stray far."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from backends.base import Settings
from bench.parity import oracle

Trained = dict[str, np.ndarray]


class Asked:
    """A trial whose weights are the number of the disturbance, and what it was asked for."""

    oracle = None

    def __init__(self) -> None:
        self.nudges: list[int] = []

    def start(self, nudge: int = 0) -> Trained:
        self.nudges.append(nudge)
        return {"weight": np.full(3, float(nudge))}


def strayed(share: float) -> tuple[Asked, dict[str, oracle.Due]]:
    """What is due of a value of 1 that float32 misses by `share`, and more with each nudge."""
    trial: Any = Asked()

    def compute(backend: Any, settings: Settings, params: Trained) -> Trained:
        off = 0.0 if settings.precision == "fp64" else share * (1 + params["weight"])
        return {"value": np.ones(3) + off, "small": np.zeros(2)}

    return trial, oracle.computed(trial, compute, lambda text: None)


@pytest.mark.parametrize(
    ("share", "runs"), [(1e-6, oracle.NUDGES), (1e-3, oracle.NUDGES + oracle.MORE)]
)
def test_more_runs_where_float32_strays_far(
    share: float, runs: tuple[int, ...]
) -> None:
    trial, due = strayed(share)
    assert trial.nudges[1:] == list(runs)
    assert due["value"].apart == pytest.approx(share * (1 + runs[-1]))


def test_a_value_beside_a_large_one_is_judged_by_that() -> None:
    exact = {"large": np.ones(1), "tiny": np.full(1, 1e-6)}
    assert not oracle._strays(exact, {"large": 1e-7, "tiny": 1e-7})
    assert oracle._strays(exact, {"large": 1e-7, "tiny": 2e-6})
