"""The timing itself put to the test: one backend under two names, by the way of every run.

Two workers, alive at once, in turns. What they differ by is known beforehand: nothing, or what
was planted; and others compute meanwhile, by a plan.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench import config as configs
from bench.coordinator.job import Job
from bench.processes import lifeline
from bench.processes.machine import ROOT, usable_cores
from bench.processes.worker import Worker
from bench.records import Ratio, Record, Throughput, Timing
from bench.speed import TASK, again, turns
from bench.speed.turns import Baton
from models.errors import PosePortError

FALSE = 3 / 40  # of comparisons that may show a difference where there is none, at 95 %
SMALL, SMALLER = 0.05, 0.02  # slow-downs that are planted
FOUND, HALF = 0.9, 0.5  # share of the runs in which each is to be found
PATIENCE = 60.0  # seconds that a run may take to find it
OFF = 0.1  # that the sequential estimate is off by at least, under a load that drifts
WITHIN = 0.02  # and ours at most
CROWD = (
    2  # processes a core of the load that drifts: one would leave the other core free
)
NAMES = ("one", "other")
LONGEST = 600.0  # seconds of a worker


@dataclass(frozen=True)
class Size:
    """What is compared, how often, and how long it is sampled."""

    backend: str = "numpy"
    model: str = "simple_baseline"
    comparisons: int = 40
    runs: int = 10
    processes: int = 5  # new ones, of each of the two
    rounds: int = 12  # of each process
    seconds: float = 0.05


@dataclass(frozen=True)
class Line:
    """One question put to the timing, what came, what was due."""

    question: str
    came: str
    due: str
    kept: bool
    seconds: float  # of a comparison, at most


@dataclass(frozen=True)
class Contest:
    """One comparison of the two names."""

    ratio: Ratio
    took: float
    disturbed: bool = False  # others kept the host busy meanwhile

    @property
    def told(self) -> str:
        """The ratio with its interval."""
        one = self.ratio
        return f"{one.value:.3f} ({one.low:.3f} to {one.high:.3f})"


def lines(size: Size, say: Callable[[str], None]) -> Iterator[Line]:
    """Every question, one after the other; `say` hears of each comparison."""
    yield from _alike(size, say)
    for share, often in ((SMALL, FOUND), (SMALLER, HALF)):
        yield _slowed(size, share, often, say)
    yield from _drifting(size, say)


def _alike(size: Size, say: Callable[[str], None]) -> Iterator[Line]:
    """How often a difference is shown where there is none, and others come and go."""
    with burning("switched", 1.0):
        found = [
            _told(contest(size), say, f"A/A {i + 1} of {size.comparisons}")
            for i in range(size.comparisons)
        ]
    wrong = sum(one.ratio.shown for one in found)
    most = int(FALSE * size.comparisons)
    yield Line(
        "the same under two names, a load that goes on and off: differences shown",
        f"{wrong} of {len(found)}",
        f"at most {most}",
        wrong <= most,
        max(one.took for one in found),
    )


def _slowed(size: Size, share: float, often: float, say: Callable[[str], None]) -> Line:
    """How often a slow-down that was planted is shown, on the host as it is."""
    found = [
        _told(contest(size, slowed=share), say, f"{share:.0%} slower, {i + 1}")
        for i in range(size.runs)
    ]
    quick = [one for one in found if one.took <= PATIENCE]
    shown = sum(one.ratio.shown and one.ratio.value > 1 for one in quick)
    least = max(1, round(often * size.runs))
    return Line(
        f"a slow-down of {share:.0%}: found within {PATIENCE:.0f} s",
        f"{shown} of {len(found)}",
        f"at least {least}",
        shown >= least,
        max(one.took for one in found),
    )


def _drifting(size: Size, say: Callable[[str], None]) -> Iterator[Line]:
    """A true 1.00 under a load that grows: one after the other, and in turns."""
    # so long takes it on the host as it is, twice as long under the load
    span = 2 * contest(size).took
    alone = replace(size, rounds=size.processes * size.rounds)
    with burning("drifting", span, crowd=CROWD):
        start = time.monotonic()
        first, second = (_alone(alone) for _ in NAMES)
        took = time.monotonic() - start
    one_by_one = second / first
    say(f"one after the other under a load that drifts: {one_by_one:.3f}")
    with burning("drifting", span, crowd=CROWD):
        ours = _told(contest(size), say, "in turns under the same load")
    yield Line(
        "a load that drifts, a true 1.00: timed one after the other",
        f"{one_by_one:.3f}",
        f"off by more than {OFF:.0%}",
        abs(one_by_one - 1) > OFF,
        took,
    )
    yield Line(
        "the same, timed in turns",
        ours.told,
        f"within {WITHIN:.0%}",
        abs(ours.ratio.value - 1) <= WITHIN,
        ours.took,
    )


def _told(one: Contest, say: Callable[[str], None], called: str) -> Contest:
    shown = "a difference" if one.ratio.shown else "no difference shown"
    floor = f"floor {one.ratio.floor or 0:.1%}"
    others = "; others were at work" if one.disturbed else ""
    say(f"{called}: {one.told}, {floor}: {shown}{others}")
    return one


def contest(size: Size, *, slowed: float = 0.0) -> Contest:
    """The second name beside the first, which is not slowed."""
    start = time.monotonic()
    found: dict[str, list[Record]] = {name: [] for name in NAMES}
    for _ in range(size.processes):
        for name, record in _round(size, slowed).items():
            found[name].append(record.model_copy(update={"backend": name}))
    both = turns.compared([again.joined(found[name]) for name in NAMES])
    ratio = _timing(both[-1]).ratio
    if ratio is None:
        raise PosePortError(f"{size.model} on {size.backend}: no ratio of two names")
    disturbed = any(_timing(one).doubts for one in both)
    return Contest(ratio, time.monotonic() - start, disturbed)


def _round(size: Size, slowed: float) -> dict[str, Record]:
    """Two new processes, timed in turns."""
    baton = Baton(NAMES)
    found: dict[str, Record] = {}

    def serve(name: str, job: Job) -> None:
        try:
            found[name] = _served(job, turn=lambda: baton.take(name))
        finally:
            baton.leave(name)  # the other would wait for its turn for ever

    with tempfile.TemporaryDirectory() as folder:
        jobs = [_job(size, Path(folder), share) for share in (0.0, slowed)]
        threads = [
            threading.Thread(target=serve, args=each)
            for each in zip(NAMES, jobs, strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return found


def _alone(size: Size) -> float:
    """Seconds of a call, as one that is timed by itself has them."""
    with tempfile.TemporaryDirectory() as folder:
        seconds = _timing(_served(_job(size, Path(folder), 0.0), turn=None)).seconds
    assert seconds is not None  # as `_timing` has made sure
    return seconds


def _served(job: Job, *, turn: Callable[[], None] | None) -> Record:
    worker = Worker(threads=job.config.threads)
    # it would wait for ever for a turn that nobody gives
    job = job.model_copy(update={"turns": turn is not None})
    try:
        return worker.run(job, lambda text, share: None, timeout=LONGEST, turn=turn)
    finally:
        worker.close()


def _job(size: Size, folder: Path, slowed: float) -> Job:
    config = configs.validate(
        {
            "backend": [size.backend],
            "model": {size.model: {"preset": "tiny"}},
            "device": "cpu",
            "threads": 1,
            "throughput": {
                "batches": [16],
                "train": False,
                "rounds": size.rounds,
                "seconds": size.seconds,
                "latency": 10,
                "slowed": slowed,
            },
        }
    )
    return Job(
        task=TASK,
        backend=size.backend,
        model=size.model,
        config=config,
        folder=folder,
    )


def _timing(record: Record) -> Timing:
    """Its only timing. Raises PosePortError with the record's reason where it has none."""
    payload = record.payload
    if not isinstance(payload, Throughput) or payload.timings[0].seconds is None:
        raise PosePortError(
            f"{record.model} on {record.backend}: {record.status}: {record.reason}"
        )
    return payload.timings[0]


@contextmanager
def burning(plan: str, number: float, crowd: int = 1) -> Iterator[None]:
    """So many processes a processor, which work by a plan meanwhile."""
    command = [sys.executable, "-m", "bench.speed.burner", plan]
    burners = [
        subprocess.Popen(
            # each with a chance of its own
            [*command, str(number + i if plan == "switched" else number)],
            cwd=ROOT,
            env={**os.environ, **lifeline.environment()},
        )
        for i in range(crowd * usable_cores())
    ]
    try:
        yield
    finally:
        for burner in burners:
            burner.terminate()
        for burner in burners:
            burner.wait()
