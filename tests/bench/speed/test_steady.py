"""Where warm-up ends, on times whose levels are known."""

from __future__ import annotations

import numpy as np
import pytest

from bench.speed import steady


def noisy(levels: list[tuple[float, int]], *, noise: float, seed: int) -> list[float]:
    """So many calls at each level, each off by about `noise` of it."""
    rng = np.random.default_rng(seed)
    return [
        level * float(np.exp(rng.normal(0, noise)))
        for level, calls in levels
        for _ in range(calls)
    ]


def test_a_level_from_the_start_is_steady_from_the_start() -> None:
    assert steady.since([1.0] * 6) == 0
    assert steady.since([1.0] * 5) is None, "too few to tell"


@pytest.mark.parametrize("seed", range(5))
def test_a_fall_is_found_to_a_call_in_noise(seed: int) -> None:
    found = steady.since(noisy([(3.0, 8), (1.0, 10)], noise=0.05, seed=seed))
    assert found is not None and abs(found - 8) <= 1


def test_a_level_that_does_not_hold_yet_is_none() -> None:
    assert steady.since([*[1.0] * 10, 3.0, 3.0, 3.0]) is None


def test_a_climb_is_never_steady() -> None:
    assert steady.since([1.05**i for i in range(30)]) is None


def test_single_calls_that_were_held_up_change_no_level() -> None:
    times = [1.0] * 20
    times[7] = times[15] = 9.0
    assert steady.since(times) == 0


def test_a_clock_that_stands_is_never_steady() -> None:
    assert steady.since([0.0] * 10) is None
