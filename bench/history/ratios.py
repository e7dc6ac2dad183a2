"""Speed of one run beside that of another: ratios with intervals, or why there is none.

A ratio is seconds here over seconds there. Where both were timed in one contest it is the median of
the ratios of their rounds, so that what slowed the host for a while slowed both; else the ratio of
the medians, whose interval is a bootstrap of the rounds of each (Efron, 1979). That knows of noise
within a run, and not of what changes from one run to the next: hence the A/A floor, below which no
difference is claimed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from bench.history.machines import machine
from bench.history.point import size
from bench.records import Record, Run, Throughput, Timing
from bench.records.speed import differs, least_difference
from bench.speed import timing

FEWEST = 3  # rounds of which an interval can be made
RESAMPLES = 2000
NOTHING = "no difference shown"
Key = tuple[object, ...]


@dataclass(frozen=True, kw_only=True)
class Speed:
    """A timing beside that of an earlier run, or of another backend. None is not compared."""

    run: str  # folders
    base: str
    model: str
    backend: str
    against: str  # backend of the other
    what: str
    batch: int
    frames: int
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    floor: float | None = None  # the larger A/A floor of the two
    how: str = ""  # how ratio and interval were come by
    said: str  # slower, faster, no difference shown, or why it is not compared

    def worse_than(self, percent: float) -> bool:
        """Whether even the near end of the interval is that much slower than in the first run."""
        own = self.backend == self.against and self.run != self.base
        return own and self.said == "slower" and 100 * ((self.low or 0.0) - 1) > percent


@dataclass(frozen=True)
class _Timed:
    """A timing that counts, and where it was taken."""

    run: Run
    record: Record
    payload: Throughput
    row: Timing

    @property
    def work(self) -> Key:
        """What was done: without one that is the same there is nothing to compare."""
        row = self.row
        return self.record.model, row.what, row.batch, row.frames

    @property
    def void(self) -> str:
        """Why it counts for nothing; empty where it does."""
        return self.row.fault or ("a noisy host" if self.payload.noisy else "")

    @property
    def place(self) -> dict[str, object]:
        """What else must be the same, each by its name."""
        record = self.record
        return {
            "machine": machine(self.run.info.environment).key,
            "device": record.actual_device or record.device,
            "precision": self.row.precision,
            "number of threads": self.row.threads,
            # what is customary on one backend is held against what is on another
            "mode": "" if self.row.customary else self.row.mode,
            "size of the model": size(record, self.row),
        }


def compared(runs: Sequence[Run]) -> list[Speed]:
    """Each timing of the later runs beside the first run's; of one run alone, beside a backend's.

    The other backend is the first of the contest. A backend that the first run has not is held
    against the first one there.
    """
    timed = [list(_timed(run)) for run in runs]
    if not timed:
        return []
    first, *later = timed
    if not later:
        return [
            _beside(each, base)
            for each in first
            if (base := _like(each, first)) and base is not each
        ]
    return [
        speed
        for run, rows in zip(runs[1:], later, strict=True)
        for speed in (*_against(rows, first), *_gone(run, rows, first))
    ]


def _against(rows: Sequence[_Timed], first: Sequence[_Timed]) -> Iterator[Speed]:
    for each in rows:
        own = [one for one in first if one.record.backend == each.record.backend]
        if base := _like(each, own) or _like(each, first):
            yield _beside(each, base)


def _gone(run: Run, rows: Sequence[_Timed], first: Sequence[_Timed]) -> Iterator[Speed]:
    """Timings of the first run that a later one of its backends and models has not."""
    known = {(each.record.backend, each.work) for each in rows}
    asked = {
        (record.backend, record.model)
        for record in run.records
        if record.task == "throughput"
    }
    for base in first:
        here = base.record.backend, base.record.model
        if here in asked and (base.record.backend, base.work) not in known:
            yield _speed(
                base, base, run, said="not compared: no timing here that counts"
            )


def _timed(run: Run) -> Iterator[_Timed]:
    for record in run.records:
        if not isinstance(record.payload, Throughput):
            continue
        if record.status not in ("ok", "unsupported"):
            continue
        for row in record.payload.timings:
            if row.seconds is not None and row.steady and not row.lies:
                yield _Timed(run, record, record.payload, row)


def _like(one: _Timed, others: Sequence[_Timed]) -> _Timed | None:
    """The first that did the same work; rather one that did it in the same place."""
    same = [each for each in others if each.work == one.work]
    alike = [each for each in same if each.place == one.place]
    return next(iter(alike or same), None)


def _beside(one: _Timed, base: _Timed) -> Speed:
    place = base.place
    other = [name for name, value in one.place.items() if value != place[name]]
    # TF32 and the like; what one backend alone has is no difference
    settings = base.payload.settings
    other += [
        name
        for name, value in one.payload.settings.items()
        if name in settings and value != settings[name]
    ]
    if other:
        said = f"not compared: another {', '.join(other)}"
        return _speed(one, base, one.run, said=said)
    together = {one.record.backend, base.record.backend} <= set(one.payload.together)
    in_turns = one.run is base.run and together
    # what slows the host slows all that are timed in turns alike, and tells two times apart
    if not in_turns and (void := one.void or base.void):
        return _speed(one, base, one.run, said=f"not compared: {void}")
    mine, theirs = one.row.rounds, base.row.rounds
    # a clock that stood still gives no ratio
    if min(len(mine), len(theirs)) < FEWEST or min(*mine, *theirs) <= 0:
        return _speed(one, base, one.run, said="not compared: without single rounds")
    if in_turns and len(mine) == len(theirs):
        how = "rounds in turns"
        middle, low, high = timing.ratio(mine, theirs, one.row.parts)
    else:
        how = "medians"
        middle, low, high = _apart(one.row, base.row)
    floors = [each.payload.floor(each.row) for each in (one, base)]
    floor = max((each for each in floors if each is not None), default=None)
    found = {"ratio": middle, "low": low, "high": high, "floor": floor}
    processes = min(len(one.row.parts), len(base.row.parts))
    said = _said(middle, low, high, least_difference(floor, processes))
    return _speed(one, base, one.run, **found, how=how, said=said)


def _speed(one: _Timed, base: _Timed, run: Run, **rest: object) -> Speed:
    about: dict[str, object] = {
        "run": str(run.folder),
        "base": str(base.run.folder),
        "model": one.record.model,
        "backend": one.record.backend,
        "against": base.record.backend,
        "what": one.row.what,
        "batch": one.row.batch,
        "frames": one.row.frames,
    }
    return Speed(**about, **rest)  # type: ignore[arg-type]


def _said(ratio: float, low: float, high: float, floor: float) -> str:
    if not differs(ratio, low, high, floor):
        return NOTHING
    return "slower" if ratio > 1 else "faster"


def _apart(mine: Timing, theirs: Timing) -> tuple[float, float, float]:
    """The ratio of what was timed at two times, with its 95 % interval.

    Of several processes on both sides by Welch's test of the logarithms of their medians.
    """
    if min(len(mine.parts), len(theirs.parts)) < 2:
        return _of_medians(mine.rounds, theirs.rounds)
    logs = [np.log(timing.medians(row.rounds, row.parts)) for row in (mine, theirs)]
    ends = stats.ttest_ind(*logs, equal_var=False).confidence_interval(0.95)
    middle = float(np.exp(logs[0].mean() - logs[1].mean()))
    return middle, float(np.exp(ends.low)), float(np.exp(ends.high))


def _of_medians(
    mine: Sequence[float], theirs: Sequence[float]
) -> tuple[float, float, float]:
    """Ratio of the medians, and its 95 % interval over resampled rounds of both."""
    rng = np.random.default_rng(0)
    medians = []
    for rounds in (np.asarray(mine), np.asarray(theirs)):
        picks = rng.integers(0, len(rounds), (RESAMPLES, len(rounds)))
        medians.append(np.median(rounds[picks], axis=1))
    low, high = np.percentile(medians[0] / medians[1], [2.5, 97.5])
    ratio = float(np.median(mine) / np.median(theirs))
    return ratio, float(low), float(high)
