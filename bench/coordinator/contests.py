"""Contests: one thing on all its backends, timed in turns, as often as processes are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from bench.config import Config
from bench.coordinator.crew import Crew, Listener
from bench.coordinator.job import Job
from bench.records import Record
from bench.speed import TASK, again, turns

Contest = Callable[[Sequence[Job]], list[Record]]


@contextmanager
def ring(config: Config, listen: Listener) -> Iterator[Contest]:
    """Where contests are held: the record of each job, with its ratios, in the order of the jobs.

    Workers go on from one contest to the next; those of one that is held in several processes do
    not.
    """
    found: list[Record] = []
    with Crew(config, listen, found.append) as crew:

        def contest(jobs: Sequence[Job]) -> list[Record]:
            found.clear()
            often = config.throughput.processes if jobs[0].task == TASK else 1
            for _ in range(often):
                if often > 1:
                    crew.dismiss()
                crew.compete(jobs)
            # ratios are to the first backend that was asked for
            own = [[one for one in found if one.backend == job.backend] for job in jobs]
            return turns.compared([again.joined(records) for records in own if records])

        yield contest
