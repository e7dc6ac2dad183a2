"""The yardstick: the largest of several float32 runs, and of more where they stray far."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends.base import Settings
from bench.parity import oracle
from tests.bench.parity.wrong import Wrong, climb

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


def test_a_disturbance_reaches_what_every_rung_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else all runs are one, and a lucky rounding of it is nobody else's budget."""
    asked, alike = 0, []

    def computed(trial: Any, compute: oracle.Compute, say: Any) -> Any:
        nonlocal asked
        runs = [
            compute(trial.oracle, Settings(precision="fp32"), trial.start(nudge))
            for nudge in (0, 1)
        ]
        asked += 1
        if all(np.array_equal(runs[0][name], runs[1][name]) for name in runs[0]):
            alike.append(sorted(runs[0]))
        return honest(trial, compute, say)

    honest = oracle.computed
    monkeypatch.setattr(oracle, "computed", computed)
    climb(Wrong(), tmp_path)
    assert asked >= 8
    assert not alike
