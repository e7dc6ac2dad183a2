"""What trainings will take: more steps and larger models take longer, other cells nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import config as configs
from bench.commands import _measure
from bench.coordinator import forecast
from bench.coordinator.job import Job


def job(task: str, model: str, **train: int) -> Job:
    settings = {"model": {model: {"preset": "tiny", "train": train}}}
    return Job(
        task=task,
        backend="numpy",
        model=model,
        config=configs.validate(settings),
        folder=Path(),
    )


@pytest.fixture(autouse=True)
def rate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecast, "_rate", lambda: 1e10)


def test_seconds_follow_the_steps_and_add_up_by_model() -> None:
    one = forecast.trainings([job("train", "simple_baseline", steps=100)])
    two = forecast.trainings([job("train", "simple_baseline", steps=200)] * 2)
    assert two["simple_baseline"] == pytest.approx(4 * one["simple_baseline"])
    assert one["simple_baseline"] > 100 * forecast.CALL


def test_a_step_costs_three_times_its_forward_pass() -> None:
    small = forecast.trainings([job("train", "simple_baseline", steps=1, batch=1)])
    large = forecast.trainings([job("train", "simple_baseline", steps=1, batch=1001)])
    # of a layer of w x w a sample is 2 w w, and there are four beside the first and the last
    width = 256
    least = 3 * 1000 * 2 * 4 * width**2 / (forecast.SHARE * 1e10)
    assert large["simple_baseline"] - small["simple_baseline"] > least


def test_other_cells_are_not_counted() -> None:
    assert forecast.trainings([job("parity", "simple_baseline")]) == {}


def test_long_trainings_are_told_and_short_ones_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _measure._foretold([job("train", "simple_baseline", steps=10)])
    assert capsys.readouterr().err == ""
    _measure._foretold([job("train", "simple_baseline", steps=1_000_000)])
    said = capsys.readouterr().err
    assert said.startswith("trainings: about ") and "(simple_baseline " in said
    assert said.count("\n") == 1
