"""Speed of a model on one backend.

Latency and frames per second, forward and training step, with intervals and lie detectors.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from backends.base import Backend, Settings
from bench.coordinator.job import Ending, Finding, Job, Progress, worst
from bench.coordinator.spec import spec_of
from bench.processes import blame
from bench.processes.blame import RAISED
from bench.records import Limits, Throughput, Timing
from bench.speed import aside, detectors, limits, timing
from bench.speed.detectors import clock as clocks
from bench.speed.detectors import waiting
from bench.speed.evidence import Evidence
from bench.speed.host import Host, Seen, cores
from bench.speed.null import NullProgram
from bench.speed.settings import Throughput as Size
from bench.speed.subjects import Last, Plan, Subject, plan
from bench.speed.timing import Clock, Contender, Warm
from models.spec import Spec

# How often the work done once and twice is compared before it counts as a lie that they take
# as long: a host that is busy for a moment is no liar.
ATTEMPTS = 12
COMPARED = 3  # comparisons that are made even where the first is plausible
NOTHING = 10_000  # calls of the program that does nothing, in one sample

Turn = Callable[[], None]


@dataclass(frozen=True)
class Watch:
    """How time is taken: how much of it, by which clock, and when this worker may compute."""

    size: Size
    clock: Clock
    turn: Host
    device: str


@dataclass
class Found:
    """What came of all subjects of a cell."""

    timings: dict[str, Timing] = field(default_factory=dict)  # by subject
    lost: dict[str, Finding] = field(default_factory=dict)  # by subject
    limits: Limits | None = None
    harness: float | None = None
    exported: dict[str, int] = field(default_factory=dict)  # bytes, by format


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
    watch = Watch(job.config.throughput, clock, Host(turn), device)
    todo = plan(job, backend, device, spec)
    found = Found()
    for done, (name, make) in enumerate(todo.subjects.items()):
        progress(name.replace(" at", ","), done / len(todo.subjects))
        try:
            row = measure(make(), watch, job)
            # of the process so far: of its own a subject has no peak
            peak = backend.peak_memory(device)
        except RAISED as error:  # the others are measured all the same
            # its words alone: with it, what it had in memory would be kept
            found.lost[name] = blame.lost(error)
            continue
        found.timings[name] = row.model_copy(update={"peak_memory_bytes": peak})
    if found.timings:
        watch.turn()
        found.harness = _nothing(spec, clock)
        _limit(found, watch, job, backend, todo)
        _aside(found, watch, job, todo)
    return _finding(found, settings, watch, todo)


def _limit(found: Found, watch: Watch, job: Job, backend: Backend, todo: Plan) -> None:
    """What the same framework reaches here with the plainest work."""
    if not watch.size.limits:
        return
    asked = Settings(device=watch.device, precision=job.config.precision)
    try:
        found.limits = limits.measured(backend, asked)
    except RAISED as error:
        todo.left_out["limits"] = blame.lost(error).reason


def _aside(found: Found, watch: Watch, job: Job, todo: Plan) -> None:
    """What processes of their own say: peak memory of each subject, sizes of exports."""
    if not watch.size.aside:
        return
    peaks, found.exported, missed = aside.told(job, [*found.timings])
    todo.left_out.update(missed)
    for name, peak in peaks.items():
        own = {
            "peak_memory_bytes": peak["device"],
            "peak_rss_bytes": peak["resident"],
            "peak_of": "own process",
        }
        found.timings[name] = found.timings[name].model_copy(update=own)


def _finding(
    found: Found, settings: Mapping[str, str | int | bool], watch: Watch, todo: Plan
) -> Finding:
    """What could be timed, and why the rest could not or does not count."""
    rows = tuple(found.timings.values())
    lies = [f"{row.title}: {lie}" for row in rows for lie in row.lies]
    floors = [row.noise_floor for row in rows if row.noise_floor is not None]
    slowed = {"slowed": watch.size.slowed} if watch.size.slowed else {}
    payload = Throughput(
        timings=rows,
        noise_floor=max(floors, default=None),
        harness_seconds=found.harness,
        idle_cores=watch.turn.idle,
        limits=found.limits,
        export_bytes=found.exported,
        left_out=todo.left_out,
        settings={**settings, **slowed},
    )
    kept = payload if rows else None
    reached: set[Ending] = {"invalid" if lies else "ok"}
    missed: dict[str, list[str]] = {}  # what misses for the same reason, by that reason
    for name, one in found.lost.items():
        reached.add(one.status)
        missed.setdefault(one.reason, []).append(name)
    if not rows and not missed:  # nothing that was asked for can be
        reached = {"not_measured"}
        for name, reason in todo.left_out.items():
            missed.setdefault(reason, []).append(name)
    told = [f"{' and '.join(names)}: {reason}" for reason, names in missed.items()]
    return Finding(kept, worst(reached), "; ".join([*told, *lies]))


def measure(subject: Subject, watch: Watch, job: Job) -> Timing:
    """Samples of the subject and of its A/A twin in turns, then all that can void them."""
    contender, clock, turn = subject.contender, watch.clock, watch.turn
    turn()
    warm = timing.warm(contender, seconds=watch.size.seconds, clock=clock)
    turn.begin()
    began = time.monotonic()
    # The twin is the same program: what differs between the two is the host's noise.
    one, twin = timing.interleaved(
        [contender, contender],
        [warm.count, warm.count],
        rounds=watch.size.rounds,
        clock=clock,
        turn=turn,
    )
    seen, span = turn.seen(), (began, time.monotonic())
    row = _row(subject, job, warm, one, twin)
    turn()
    evidence = _evidence(subject, watch, row, seen, warm.count)
    latency = timing.latency(
        contender,
        calls=watch.size.latency,
        seconds=watch.size.rounds * watch.size.seconds,
        clock=clock,
    )
    lies, doubts = detectors.found(evidence)
    told = {
        "span": span,
        "latency": latency,
        "drift": evidence.drift,
        "calibration_drift": evidence.calibration_drift,
        "others": seen.others,
        "output_error": evidence.held.error,
        "output_bound": evidence.held.bound,
        "unchecked": {"outputs": why} if (why := evidence.held.unchecked) else {},
        "lies": lies,
        "doubts": doubts,
    }
    row = row.model_copy(update=told)
    return _void(row) if lies else row


def _evidence(
    subject: Subject, watch: Watch, row: Timing, seen: Seen, count: int
) -> Evidence:
    """All that the detectors look at."""
    places = subject.devices()
    held = (
        subject.held()
    )  # the very outputs of the last sample, before anything else is called
    single, double = _doubled(subject.contender, count, watch.clock)
    asked = subject.asked(watch.clock)
    return Evidence(
        single=single,
        double=double,
        asked=asked,
        # a training step changes the weights, so that it is asked late
        changed=subject.changed(),
        clocks=clocks.speed(watch.clock),
        asked_device=watch.device,
        devices=places,
        asked_precision=row.precision,
        held=held,
        rounds=row.rounds,
        floor=row.noise_floor or 0.0,
        host=seen,
        cores=cores(),
    )


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
    about: dict[str, Any] = {
        "what": subject.what,
        "batch": subject.batch,
        "frames": subject.frames,
        "window": subject.window,
        "mode": subject.mode,
        "customary": subject.customary,
        "precision": job.config.precision,
        "threads": job.config.threads,
    }
    return Timing(
        **about,
        **_costs(subject, warm),
        seconds=median,
        low=low,
        high=high,
        p95=float(np.percentile(samples, 95)),
        samples=len(samples),
        rounds=tuple((a + b) / 2 for a, b in zip(one, twin, strict=True)),
        # A clock that stands still gives no rate; its numbers are void anyway.
        frames_per_second=subject.batch * subject.frames / median if median else None,
        poses_per_second=subject.poses / median if median else None,
        noise_floor=timing.noise_floor(one, twin),
    )


def _costs(subject: Subject, warm: Warm) -> dict[str, Any]:
    """What was spent before the samples, and what a call is made of."""
    made = subject.made
    return {
        "compile_seconds": warm.first,
        "make_seconds": made.make,
        "load_seconds": made.load,
        "first_result_seconds": made.make + made.load + warm.first,
        "warm_up_steps": warm.calls,
        "steady": warm.steady,
        "steady_from": warm.since,
        "flops": subject.flops,
        "bytes": subject.bytes,
    }


def _void(row: Timing) -> Timing:
    """A number that lies is no number."""
    numbers = ("seconds", "low", "high", "p95", "latency")
    rates = ("frames_per_second", "poses_per_second")
    return row.model_copy(update={**dict.fromkeys((*numbers, *rates)), "rounds": ()})


def _doubled(contender: Contender, count: int, clock: Clock) -> tuple[float, float]:
    """Seconds of the work once and twice, the least disturbed of several.

    There are more on a busy host, of no use to a clock that stands.
    """
    single = double = float("inf")
    for attempt in range(ATTEMPTS):
        single = min(single, _total(contender, count, clock))
        double = min(double, _total(contender, 2 * count, clock))
        if attempt + 1 >= COMPARED and not waiting.suspicious(single, double):
            break
    return single, double


def _total(contender: Contender, count: int, clock: Clock) -> float:
    return timing.once(contender, count, clock) * count


def _nothing(spec: Spec, clock: Clock) -> float:
    """Seconds that the harness itself takes for a call: of a program that does nothing."""
    program = NullProgram(spec.infer)
    work = Last(lambda: program.run({})).work()
    contender = Contender("nothing", work, lambda: None)
    return min(timing.once(contender, NOTHING, clock) for _ in range(COMPARED))
