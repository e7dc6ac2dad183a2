"""Timing that can be believed.

Warm-up until steady, synchronised samples, medians with intervals, and detectors that void
a lying number.

The interval is a percentile bootstrap of the median (Efron, 1979). Warm-up ends when two
successive thirds of recent samples agree, or after a fixed number of them; never getting
steady is a legal outcome and is said.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

Clock = Callable[[], float]
Work = Callable[[], object]

MOST_WARM_UP = 30  # calls; a contender that is not steady by then is timed as it is
WINDOW = 3  # calls whose median is held against that of as many before
STEADY = 0.1  # two medians this close, relative, are steady
# A warm-up may take as long as this many samples. A call that is slower than a sample would
# else be repeated MOST_WARM_UP times.
LONGEST_WARM_UP = 20
RESAMPLES = 2000  # beyond either end of a 95 % interval lie 50 of them
GROWS = 1.2  # twice the work takes at least this many times as long
CLOCK = (0.8, 1.25)  # speed of the timer against the system's clock that passes
NAP = 0.02  # seconds over which both are read: long against a reading, short against a run


@dataclass(frozen=True)
class Contender:
    """Something to time.

    `work` does it `count` times in a sample, `wait` blocks until the device is done.
    """

    name: str
    work: Work
    wait: Callable[[], None]


@dataclass(frozen=True)
class Warm:
    """How a contender became ready."""

    first: float  # seconds of the very first call: compilation, allocation
    calls: int
    steady: bool
    count: int  # calls in one sample


def once(contender: Contender, count: int, clock: Clock) -> float:
    """Seconds per call over `count` calls, waited for."""
    start = clock()
    for _ in range(count):
        contender.work()
    # Work on a device returns before it is done. One wait for all calls: they may overlap
    # there, as they do in use.
    contender.wait()
    return (clock() - start) / count


def warm(
    contender: Contender,
    *,
    seconds: float,
    clock: Clock = time.perf_counter,
) -> Warm:
    """Call until steady, then choose how many calls make a sample of about `seconds`."""
    # The first call compiles and allocates: it is told apart, and is no sign of anything.
    first = once(contender, 1, clock)
    recent: list[float] = []
    steady = False
    while len(recent) < MOST_WARM_UP and not steady:
        recent.append(once(contender, 1, clock))
        if len(recent) < 2 * WINDOW:
            continue
        before = recent[-2 * WINDOW : -WINDOW]
        now = recent[-WINDOW:]
        steady = _close(float(np.median(before)), float(np.median(now)))
        if sum(recent) > LONGEST_WARM_UP * seconds:
            break
    typical = float(np.median(recent[-WINDOW:]))
    # a clock that stands still says nothing of how often; its numbers are void anyway
    count = max(1, round(seconds / typical)) if typical > 0 else 1
    return Warm(first, 1 + len(recent), steady, count)


def interleaved(
    contenders: Sequence[Contender],
    counts: Sequence[int],
    *,
    rounds: int,
    clock: Clock = time.perf_counter,
    turn: Callable[[], None] = lambda: None,
) -> list[list[float]]:
    """Samples of each contender, taken in turns.

    Every other round runs backwards (ABBA), so drift hits all alike.

    `turn` returns when a round may begin.
    """
    samples: list[list[float]] = [[] for _ in contenders]
    order = list(range(len(contenders)))
    for i in range(rounds):
        turn()
        # of two that run in turns, the second is else always the warmer one
        for place in order if i % 2 == 0 else reversed(order):
            samples[place].append(once(contenders[place], counts[place], clock))
    return samples


def interval(samples: Sequence[float], *, seed: int = 0) -> tuple[float, float]:
    """95 % bootstrap interval of the median."""
    array = np.asarray(samples)
    # all resamples at once, (resamples, samples); seeded, so that a record can be made again
    shape = (RESAMPLES, len(array))
    picks = np.random.default_rng(seed).integers(0, len(array), shape)
    medians = np.median(array[picks], axis=1)
    low, high = np.percentile(medians, [2.5, 97.5])
    return float(low), float(high)


def noise_floor(one: Sequence[float], other: Sequence[float]) -> float:
    """Relative difference of the medians of two runs of the same thing.

    It is what this host calls equal.
    """
    a = float(np.median(one))
    b = float(np.median(other))
    # a clock that stands still cannot tell anything from anything
    smaller = min(a, b)
    return abs(a - b) / smaller if smaller > 0 else float("inf")


def lies(
    *,
    single: float,
    double: float,
    changed: bool,
    clock: Clock,
    independent: Clock = time.monotonic,
) -> tuple[str, ...]:
    """What gives a timing away.

    `single`, `double`: seconds of once and twice the work; `changed`: did new inputs change
    the outputs.
    """
    found = []
    if suspicious(single, double):
        found.append(
            f"time does not grow with work: once took {single:.3g} s, twice {double:.3g} s"
        )
    if not changed:
        found.append(
            "changed inputs did not change the outputs: something is cached or skipped"
        )
    ratio = _clock_ratio(clock, independent)
    slowest, fastest = CLOCK
    if not slowest < ratio < fastest:
        found.append(
            f"the timer runs at {ratio:.2f} times the speed of the system's clock"
        )
    return tuple(found)


def suspicious(single: float, double: float) -> bool:
    """Whether twice the work takes hardly longer than once."""
    return single <= 0 or double < GROWS * single


def _clock_ratio(clock: Clock, independent: Clock) -> float:
    """How fast `clock` runs against another one over a short sleep.

    The middle of three, as a busy host may stop us between readings.
    """
    ratios = []
    for _ in range(3):
        start, reference = clock(), independent()
        time.sleep(NAP)
        ratios.append((clock() - start) / (independent() - reference))
    return sorted(ratios)[1]


def _close(a: float, b: float) -> bool:
    return abs(a - b) <= STEADY * min(a, b)
