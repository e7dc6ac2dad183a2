"""Speed of a model on one backend.

Latency and frames per second, forward and training step, with intervals and lie detectors.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from backends.base import Backend
from bench.coordinator.job import Ending, Finding, Job, Progress
from bench.coordinator.spec import spec_of
from bench.processes import blame
from bench.processes.blame import RAISED
from bench.records import Throughput, Timing
from bench.speed import timing
from bench.speed.settings import Throughput as Size
from bench.speed.subjects import Subject, subjects
from bench.speed.timing import Clock, Contender, Warm

# How often the work done once and twice is compared before it counts as a lie that they take
# as long: a host that is busy for a moment is no liar.
ATTEMPTS = 12
COMPARED = 3  # comparisons that are made even where the first is plausible

Turn = Callable[[], None]
# what has failed is worse than what does not count, and that than what nobody claims
WORST: tuple[Ending, ...] = ("failed", "out_of_memory", "invalid", "unsupported", "ok")


@dataclass(frozen=True)
class Watch:
    """How time is taken: how much of it, by which clock, and when this worker may compute."""

    size: Size
    clock: Clock
    turn: Turn


@dataclass
class Found:
    """What came of all subjects of a cell."""

    timings: list[Timing] = field(default_factory=list)
    floors: list[float] = field(default_factory=list)
    lost: dict[str, Finding] = field(default_factory=dict)  # by subject


def run(
    job: Job,
    backend: Backend,
    device: str,
    progress: Progress,
    *,
    clock: Clock = time.perf_counter,
    turn: Turn = lambda: None,
) -> Finding:
    """Time everything, each against a twin of itself.

    A number whose detectors fire is void, and the cell `invalid`. What raises is told with its
    reason, and the rest is timed.

    `turn` returns when this worker alone may compute: that is asked for at each warm-up,
    each round and each check.
    """
    spec = spec_of(job)
    # Before anything is compiled: threads and fast paths are fixed then.
    settings = backend.pin(threads=job.config.threads)
    watch = Watch(job.config.throughput, clock, turn)
    todo = subjects(job, backend, device, spec)
    found = Found()
    for done, (name, make) in enumerate(todo.items()):
        progress(name.replace(" at", ","), done / len(todo))
        try:
            row, floor = measure(make(), watch, job)
            # of the process so far: of its own a subject has no peak
            peak = backend.peak_memory(device)
        except RAISED as error:  # the others are measured all the same
            # its words alone: with it, what it had in memory would be kept
            found.lost[name] = blame.lost(error)
            continue
        found.timings.append(row.model_copy(update={"peak_memory_bytes": peak}))
        found.floors.append(floor)
    return _finding(found, settings)


def _finding(found: Found, settings: Mapping[str, str | int | bool]) -> Finding:
    """What could be timed, and why the rest could not or does not count."""
    rows = found.timings
    lies = [
        f"{row.what} at batch {row.batch}: {lie}" for row in rows for lie in row.lies
    ]
    payload = Throughput(
        timings=tuple(rows),
        noise_floor=max(found.floors, default=None),
        settings={**settings},
    )
    kept = payload if rows else None
    reached: set[Ending] = {"invalid" if lies else "ok"}
    missed: dict[str, list[str]] = {}  # what misses for the same reason, by that reason
    for name, one in found.lost.items():
        reached.add(one.status)
        missed.setdefault(one.reason, []).append(name)
    told = [f"{' and '.join(names)}: {reason}" for reason, names in missed.items()]
    status = next(ending for ending in WORST if ending in reached)
    return Finding(kept, status, "; ".join([*told, *lies]))


def measure(subject: Subject, watch: Watch, job: Job) -> tuple[Timing, float]:
    """Samples of the subject and of its A/A twin in turns; also the noise floor they give."""
    contender, clock = subject.contender, watch.clock
    watch.turn()
    warm = timing.warm(contender, seconds=watch.size.seconds, clock=clock)
    # The twin is the same program: what differs between the two is the host's noise.
    one, twin = timing.interleaved(
        [contender, contender],
        [warm.count, warm.count],
        rounds=watch.size.rounds,
        clock=clock,
        turn=watch.turn,
    )
    watch.turn()
    single, double = _doubled(contender, warm.count, clock)
    # Asked last: a training step changes the weights.
    changed = subject.changed()
    lies = timing.lies(single=single, double=double, changed=changed, clock=clock)
    row = _row(subject, job, warm, one, twin).model_copy(update={"lies": lies})
    return (_void(row) if lies else row), timing.noise_floor(one, twin)


def _row(
    subject: Subject,
    job: Job,
    warm: Warm,
    one: list[float],
    twin: list[float],
) -> Timing:
    """Both runs are samples of the same thing, and count alike."""
    samples = [*one, *twin]
    low, high = timing.interval(samples)
    median = float(np.median(samples))
    # A clock that stands still gives no rate; its numbers are void anyway.
    rate = subject.batch * subject.frames / median if median > 0 else None
    return Timing(
        what=subject.what,
        batch=subject.batch,
        frames=subject.frames,
        precision=job.config.precision,
        threads=job.config.threads,
        seconds=median,
        low=low,
        high=high,
        p95=float(np.percentile(samples, 95)),
        samples=len(samples),
        rounds=tuple((a + b) / 2 for a, b in zip(one, twin, strict=True)),
        frames_per_second=rate,
        compile_seconds=warm.first,
        warm_up_steps=warm.calls,
        steady=warm.steady,
        flops=subject.flops,
    )


def _void(row: Timing) -> Timing:
    """A number that lies is no number."""
    numbers = ("seconds", "low", "high", "p95", "frames_per_second")
    return row.model_copy(update={**dict.fromkeys(numbers), "rounds": ()})


def _doubled(contender: Contender, count: int, clock: Clock) -> tuple[float, float]:
    """Seconds of the work once and twice, the least disturbed of several.

    There are more on a busy host, of no use to a clock that stands.
    """
    single = double = float("inf")
    for attempt in range(ATTEMPTS):
        single = min(single, _total(contender, count, clock))
        double = min(double, _total(contender, 2 * count, clock))
        if attempt + 1 >= COMPARED and not timing.suspicious(single, double):
            break
    return single, double


def _total(contender: Contender, count: int, clock: Clock) -> float:
    return timing.once(contender, count, clock) * count
