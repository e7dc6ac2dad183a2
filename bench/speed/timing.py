"""Timing that can be believed.

Warm-up until steady, synchronised samples, medians with intervals.

The interval is a percentile bootstrap of the median (Efron, 1979). Warm-up ends when a change
point has been followed by a level that holds (`steady.py`), or after a fixed number of calls;
never getting steady is a legal outcome and is said.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp

import numpy as np
from numpy.typing import ArrayLike

from bench.processes import calls
from bench.records import Latency
from bench.speed import steady

Clock = Callable[[], float]
Work = Callable[[], object]

MOST_WARM_UP = 30  # calls; a contender that is not steady by then is timed as it is
# A warm-up may take as long as this many samples. A call that is slower than a sample would
# else be repeated MOST_WARM_UP times.
LONGEST_WARM_UP = 20
MOST_AT_ONCE = 1 << 20  # numbers
RESAMPLES = 2000  # beyond either end of a 95 % interval lie 50 of them
HUNDRED = 100  # calls of which the 99th percentile is one that was seen


@dataclass(frozen=True)
class Contender:
    """Something to time.

    `work` does it `count` times in a sample, `wait` blocks until the device is done.
    """

    name: str
    work: Work
    wait: Callable[[], None]
    call: str = ""  # of the backend, for who asks where a process has ended


@dataclass(frozen=True)
class Warm:
    """How a contender became ready."""

    first: float  # seconds of the very first call: compilation, allocation
    calls: int
    since: int | None  # call, from 1, that begins the steady segment
    count: int  # calls in one sample

    @property
    def steady(self) -> bool:
        """Whether it was, when samples began."""
        return self.since is not None


def once(contender: Contender, count: int, clock: Clock) -> float:
    """Seconds per call over `count` calls, waited for."""
    with calls.at(contender.call):
        start = clock()
        for _ in range(count):
            contender.work()
        # Work on a device returns before it is done. One wait for all calls: they may overlap
        # there, as they do in use.
        contender.wait()
        taken = clock() - start
    return taken / count


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
    since: int | None = None
    while len(recent) < MOST_WARM_UP and since is None:
        recent.append(once(contender, 1, clock))
        since = steady.since(recent)
        late = sum(recent) > LONGEST_WARM_UP * seconds
        if late and len(recent) >= steady.SEGMENT:
            break
    typical = float(np.median(recent[-steady.SEGMENT :]))
    # a clock that stands still says nothing of how often; its numbers are void anyway
    count = max(1, round(seconds / typical)) if typical > 0 else 1
    # from 1, behind the first call
    begins = None if since is None else since + 2
    return Warm(first, 1 + len(recent), begins, count)


def latency(
    contender: Contender, *, calls: int, seconds: float, clock: Clock
) -> Latency | None:
    """Single calls, each waited for: as many as asked, or as fit into `seconds`, ten at least.

    None of a clock that stands still.
    """
    found: list[float] = []
    while len(found) < calls and (len(found) < 10 or sum(found) < seconds):
        found.append(once(contender, 1, clock))
    if min(found) <= 0:
        return None
    p50, p90, p99 = (float(one) for one in np.percentile(found, [50, 90, 99]))
    return Latency(
        calls=len(found), p50=p50, p90=p90, p99=p99 if len(found) >= HUNDRED else None
    )


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
    # seeded, so that a record can be made again
    rng = np.random.default_rng(seed)
    # so many resamples at once, (resamples, samples), as keep memory small
    part = max(1, MOST_AT_ONCE // len(array))
    sizes = [min(part, RESAMPLES - done) for done in range(0, RESAMPLES, part)]
    medians = np.concatenate(
        [
            np.median(array[rng.integers(0, len(array), (size, len(array)))], axis=1)
            for size in sizes
        ]
    )
    low, high = np.percentile(medians, [2.5, 97.5])
    return float(low), float(high)


def medians(rounds: ArrayLike, parts: Sequence[int]) -> list[float]:
    """The median of the rounds of each process; `parts` says how many each had."""
    ends = np.cumsum(parts)[:-1]
    return [float(np.median(part)) for part in np.split(np.asarray(rounds), ends)]


def of_processes(found: Sequence[float]) -> tuple[float, float, float]:
    """Mean and 95 % interval of what several processes gave: Student's, of the logarithms.

    Georges, Buytaert and Eeckhout (2007, "Statistically rigorous Java performance evaluation").
    """
    # here: a worker that times in one process does without it
    from scipy import stats

    logs = np.log(found)
    middle = float(logs.mean())
    error = float(stats.sem(logs))
    half = float(stats.t.ppf(0.975, len(logs) - 1)) * error
    return exp(middle), exp(middle - half), exp(middle + half)


def ratio(
    rounds: Sequence[float], others: Sequence[float], parts: Sequence[int] = ()
) -> tuple[float, float, float]:
    """The ratio of two that were timed in turns, with its 95 % interval.

    Round by round, so that what slows the host for a while slows both alike.
    """
    found = np.divide(rounds, others)
    if len(parts) > 1:
        return of_processes(medians(found, parts))
    return float(np.median(found)), *interval(found.tolist())


def noise_floor(one: Sequence[float], other: Sequence[float]) -> float:
    """How far two runs of the same thing are apart: the median ratio of their rounds, less 1.

    It is what this host calls equal. By rounds, as backends are compared: what slows the host
    for a while slows both.
    """
    # a clock that stands still cannot tell anything from anything
    if min(*one, *other) <= 0:
        return float("inf")
    ratio = float(np.median(np.divide(one, other)))
    return max(ratio, 1 / ratio) - 1
