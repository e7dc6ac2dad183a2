"""How far a run is and how long it still takes, as far as what has ended tells."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from bench.coordinator.job import Job
from bench.records import Record

Key = tuple[str, str, str]  # task, backend, model
Clock = Callable[[], float]


@dataclass
class Work:
    """A cell that is at work."""

    began: float  # seconds of the clock, when it first spoke
    first: float  # share that was done then: a training may go on from a checkpoint
    share: float
    said: str = ""  # what it does

    def left(self, now: float) -> float | None:
        """Seconds, if it goes on as it has; None where nothing has moved yet."""
        gained = self.share - self.first
        if gained <= 0:
            return None
        return (now - self.began) * (1 - self.share) / gained


@dataclass
class Pace:
    """The cells of a run: those that have ended, those at work, and the rest by task."""

    total: int
    clock: Clock = time.monotonic
    to_do: Counter[str] = field(default_factory=Counter)
    done: int = 0
    spent: dict[str, list[float]] = field(default_factory=dict)  # seconds, by task
    at_work: dict[Key, Work] = field(default_factory=dict)
    started: float = 0.0

    @classmethod
    def of(cls, jobs: Iterable[Job], clock: Clock = time.monotonic) -> Pace:
        """The pace of a run that has these to do, from now on."""
        to_do = Counter(job.task for job in jobs)
        return cls(to_do.total(), clock, to_do, started=clock())

    def heard(self, job: Job, text: str, share: float) -> Work:
        """A cell has said what it does; the first time is when its work begins."""
        key = job.task, job.backend, job.model
        fresh = Work(self.clock(), share, share)
        work = self.at_work.setdefault(key, fresh)
        work.share = share
        work.said = f"{named(*key)}: {text}"
        return work

    def ended(self, record: Record) -> None:
        """A cell has ended; comparisons are none, and count for nothing."""
        self.at_work.pop((record.task, record.backend, record.model), None)
        if not self.to_do[record.task]:
            return
        self.to_do[record.task] -= 1
        self.done += 1
        self.spent.setdefault(record.task, []).append(record.seconds or 0.0)

    def left(self) -> float | None:
        """Seconds that the rest takes, each cell like those of its task that have ended.

        None while there is a task of which none has, since nobody knows what it takes, and
        where nothing is left.
        """
        ahead = sum(map(self._ahead, +self.to_do))
        behind = sum(sum(spent) for spent in self.spent.values())
        known = self.spent.keys() >= (+self.to_do).keys()
        if not known or not behind or not ahead:
            return None
        # by the clock, since several may be at work at once
        return (self.clock() - self.started) * ahead / behind

    def said(self) -> str:
        """`12 of 29 cells, 0:01:02 so far, about 0:01:30 left`."""
        so_far = duration(self.clock() - self.started)
        text = f"{self.done} of {self.total} cells, {so_far} so far"
        left = self.left()
        return text if left is None else f"{text}, about {duration(left)} left"

    def _ahead(self, task: str) -> float:
        """Seconds of work that the cells of a task still are; what is known of none is 0."""
        spent = self.spent.get(task, [0.0])
        under_way = [work.share for key, work in self.at_work.items() if key[0] == task]
        cells = self.to_do[task] - sum(under_way)
        return cells * sum(spent) / len(spent)


def named(task: str, backend: str, model: str) -> str:
    """`train motionbert on torch`; of what has no backend or model, less."""
    about = " ".join(filter(None, (task, model)))
    return f"{about} on {backend}" if backend else about


def duration(seconds: float) -> str:
    """`0:01:02`."""
    return str(timedelta(seconds=round(seconds)))
