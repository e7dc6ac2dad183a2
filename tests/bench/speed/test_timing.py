"""Timing on a clock made by hand, where every number is known beforehand.

Warm-up, samples, intervals, latency; what voids a number is in `test_detectors.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import numpy as np
import pytest

from bench.speed import steady, timing
from bench.speed.timing import Contender


class Hands:
    """A clock that moves when work says so."""

    def __init__(self) -> None:
        self.now = 0.0
        self.order: list[str] = []

    def __call__(self) -> float:
        return self.now

    def contender(
        self, name: str, costs: float | Iterator[float], *, waiting: float = 0.0
    ) -> Contender:
        """Work that costs so many seconds a call.

        `waiting` passes when the device is waited for.
        """

        def work() -> None:
            self.now += costs if isinstance(costs, float) else next(costs)
            self.order.append(name)

        def wait() -> None:
            self.now += waiting

        return Contender(name, work, wait)


def test_a_sample_is_the_whole_time_over_all_calls_and_the_waiting_counts() -> None:
    hands = Hands()
    costs = iter([1.0, 2.0, 3.0, 6.0])
    contender = hands.contender("x", costs, waiting=8.0)
    assert timing.once(contender, 4, hands) == (1 + 2 + 3 + 6 + 8) / 4
    assert hands.order == ["x"] * 4


def test_rounds_go_forwards_and_backwards_in_turns() -> None:
    hands = Hands()
    pair = [hands.contender("a", 1.0), hands.contender("b", 3.0)]
    samples = timing.interleaved(pair, [1, 2], rounds=4, clock=hands)
    assert "".join(hands.order) == "abb" + "bba" + "abb" + "bba"
    assert samples == [[1.0] * 4, [3.0] * 4]


def test_drift_hits_both_of_an_a_a_pair_alike() -> None:
    hands = Hands()
    # every call takes a second longer than the one before
    slower = (float(i) for i in count(1))
    twin = hands.contender("a", slower)
    one, other = timing.interleaved([twin, twin], [1, 1], rounds=4, clock=hands)
    assert sum(one) == sum(other), "ABBA cancels a straight drift"
    assert (one, other) == ([1, 4, 5, 8], [2, 3, 6, 7])


def test_warm_up_ends_when_a_level_holds_and_the_first_call_stands_alone() -> None:
    hands = Hands()
    # the first compiles, three are on the way, all others are as it will be
    costs = iter([9.0, 5.0, 4.0, 3.0, *[1.0] * 40])
    warm = timing.warm(hands.contender("x", costs), seconds=10.0, clock=hands)
    assert warm.first == 9.0
    assert warm.steady
    assert warm.since == 1 + 3 + 1
    assert warm.calls == 1 + 3 + steady.SEGMENT, "so many at one level"
    assert warm.count == 10, "ten calls of a second make a sample of ten seconds"


def test_never_getting_steady_is_said_and_ends() -> None:
    hands = Hands()
    growing = (1.5**i for i in count())
    # samples so long that the time a warm-up may take ends nothing
    warm = timing.warm(hands.contender("x", growing), seconds=1e30, clock=hands)
    assert not warm.steady
    assert warm.calls == 1 + timing.MOST_WARM_UP


def test_a_slow_contender_is_not_warmed_up_for_long() -> None:
    hands = Hands()
    growing = (1.5**i for i in count())
    warm = timing.warm(hands.contender("x", growing), seconds=0.01, clock=hands)
    assert not warm.steady
    # six are the least that two medians of three take
    assert warm.calls == 1 + 6
    assert warm.count == 1


def test_a_clock_that_stands_still_does_not_ask_for_endless_samples() -> None:
    hands = Hands()
    warm = timing.warm(hands.contender("x", 0.0), seconds=0.1, clock=hands)
    assert warm.count == 1
    assert timing.noise_floor([0.0, 0.0], [0.0, 0.0]) == float("inf")


def test_the_interval_is_that_of_the_median() -> None:
    assert timing.interval([2.0] * 9) == (2.0, 2.0)
    draw = np.random.default_rng(5)
    samples = draw.lognormal(0, 0.5, 101)
    low, high = timing.interval(samples.tolist())
    assert low < np.median(samples) < high
    assert (low, high) == timing.interval(samples.tolist()), "seeded"
    few = timing.interval(samples[:11].tolist())
    assert high - low < few[1] - few[0], "more samples, a narrower interval"


def test_the_interval_covers_the_true_median_as_often_as_it_says() -> None:
    draw = np.random.default_rng(11)
    intervals = [
        timing.interval(draw.exponential(1.0, 31).tolist()) for _ in range(200)
    ]
    # the median of the exponential distribution
    true = np.log(2)
    covered = np.mean([low <= true <= high for low, high in intervals])
    # 95 % is said; 200 trials stray by 1.5 %, and a bootstrap of 31 samples falls a bit short
    assert 0.88 <= covered <= 0.99


def test_the_noise_floor_is_the_median_ratio_of_the_rounds() -> None:
    assert timing.noise_floor([1.0, 2.0, 9.0], [3.0, 3.0, 3.0]) == pytest.approx(0.5)
    # a host that is slow for a while is so for both, and no noise
    assert timing.noise_floor([1.0, 1.0, 9.0], [1.0, 1.0, 9.0]) == 0.0
    assert timing.noise_floor([9.0, 1.0, 1.0], [9.0, 1.0, 1.0]) == 0.0
    # relative to the smaller, whichever comes first
    assert timing.noise_floor([3.0], [2.0]) == pytest.approx(0.5)
    assert timing.noise_floor([2.0], [3.0]) == pytest.approx(0.5)
    assert timing.noise_floor([1.0], [1.0]) == 0.0


def test_latency_is_of_single_calls_and_its_tail_wants_a_hundred() -> None:
    hands = Hands()
    costs = iter([*[1.0] * 89, *[5.0] * 11] * 2)
    contender = hands.contender("x", costs, waiting=1.0)
    told = timing.latency(contender, calls=100, seconds=1e9, clock=hands)
    assert told and (told.calls, told.p50, told.p90, told.p99) == (100, 2.0, 6.0, 6.0)
    few = timing.latency(contender, calls=99, seconds=1e9, clock=hands)
    assert few and (few.calls, few.p99) == (99, None)


def test_latency_ends_with_its_time_but_not_before_ten_calls() -> None:
    hands = Hands()
    told = timing.latency(
        hands.contender("x", 1.0), calls=200, seconds=3.0, clock=hands
    )
    assert told and told.calls == 10
    still = timing.latency(
        hands.contender("x", 0.0), calls=20, seconds=3.0, clock=hands
    )
    assert still is None
