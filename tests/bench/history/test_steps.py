"""Steps: what is planted is found, with its place and size; in A/A noise there is none."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bench.history.steps import LEVEL, steps

Draw = Callable[[np.random.Generator, int], np.ndarray]

# noise of hosts: even, skewed, with wild values, and of two kinds of run
NOISE: dict[str, Draw] = {
    "normal": lambda rng, count: rng.normal(1, 0.02, count),
    "skewed": lambda rng, count: rng.lognormal(0, 0.03, count),
    "wild": lambda rng, count: 1 + 0.02 * np.abs(rng.standard_cauchy(count)),
    "two kinds": lambda rng, count: rng.choice([1.0, 1.2], count),
}


@pytest.mark.parametrize("kind", NOISE)
def test_equal_runs_show_a_step_as_seldom_as_is_said(kind: str) -> None:
    rng = np.random.default_rng(0)
    often = 100
    series = [NOISE[kind](rng, count) for count in rng.integers(10, 40, often)]
    false = sum(bool(steps(values)) for values in series)
    # one in a hundred is expected; four or more come once in fifty times
    assert LEVEL == 0.01
    assert false <= 4, f"{false} of {often}"


@pytest.mark.parametrize("kind", ["normal", "skewed"])
@pytest.mark.parametrize("size", [0.9, 1.1])
def test_a_planted_step_is_found_with_its_place_and_size(
    kind: str, size: float
) -> None:
    rng = np.random.default_rng(1)
    often, found, placed, covered = 40, 0, 0, 0
    for _ in range(often):
        values = NOISE[kind](rng, 30)
        values[12:] *= size
        for one in steps(values):
            found += 1
            placed += one.earliest <= 12 <= one.latest
            covered += one.low <= size <= one.high
    assert 0.95 * often <= found <= 1.1 * often
    # about 90 and 95 % are due; of forty a few less may be
    assert placed >= 0.8 * often
    assert covered >= 0.85 * often, (placed, covered)


def test_two_steps_are_two() -> None:
    rng = np.random.default_rng(2)
    values = rng.normal(100, 1, 45)
    values[15:30] *= 1.2
    first, second = steps(values)
    assert (first.at, second.at) == (15, 30)
    assert first.ratio == pytest.approx(1.2, abs=0.02)
    assert second.ratio == pytest.approx(1 / 1.2, abs=0.02)
    assert first.before == pytest.approx(second.after, abs=2)


def test_what_the_host_calls_equal_is_no_step() -> None:
    values = [1.0, 1.001] * 8 + [1.03, 1.031] * 8
    assert len(steps(values)) == 1
    assert steps(values, floor=0.05) == ()


@pytest.mark.parametrize("count", [0, 1, 2, 4, 9])
def test_a_few_runs_show_nothing(count: int) -> None:
    half = count // 2
    assert steps([1.0] * half + [9.0] * (count - half)) == ()


def test_a_dozen_runs_show_one() -> None:
    values = np.concatenate([np.linspace(1, 1.01, 6), np.linspace(2, 2.01, 6)])
    (one,) = steps(values)
    assert one.at == 6


def test_equal_numbers_and_such_without_a_ratio_have_no_step() -> None:
    assert steps([62.5] * 30) == ()
    assert steps([0.0] * 15 + [1.0] * 15) == ()
    assert steps([1.0] * 15 + [float("nan")] * 15) == ()


def test_the_same_series_is_told_alike_twice() -> None:
    values = np.random.default_rng(3).normal(1, 0.1, 30) + np.arange(30) // 15
    assert steps(values) == steps(values)
