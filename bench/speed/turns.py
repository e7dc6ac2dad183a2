"""Timing several backends fairly.

All their workers are alive at once, one computing at a time, in rounds that turn round
(ABBA).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np

from bench.records import Ratio, Record, Throughput, Timing
from bench.speed import timing


class Baton:
    """Who holds it computes.

    A round begins when all wait; every other round runs backwards, so drift hits all alike.
    """

    def __init__(self, runners: Sequence[str]) -> None:
        self._runners = list(runners)
        self._changed = threading.Condition()
        self._waiting: set[str] = set()
        self._queue: list[str] = []  # those whose turn is still to come in this round
        self._holder = ""
        self._rounds = 0
        self._ended = False

    def take(self, runner: str) -> None:
        """Give it back if held, and wait for the next turn."""
        with self._changed:
            self._waiting.add(runner)
            self._release(runner)
            self._changed.wait_for(lambda: self._ended or self._holder == runner)
            self._waiting.discard(runner)

    def leave(self, runner: str) -> None:
        """Take part no longer."""
        with self._changed:
            self._runners = [name for name in self._runners if name != runner]
            self._queue = [name for name in self._queue if name != runner]
            self._release(runner)

    def end(self) -> None:
        """Let everybody go."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _release(self, runner: str) -> None:
        """Let go of it, and hand it on; the lock is held by the caller."""
        if self._holder == runner:
            self._holder = ""
        if not self._holder and not self._queue and self._all_wait():
            self._queue = self._runners[:: -1 if self._rounds % 2 else 1]
            self._rounds += 1
        if not self._holder and self._queue:
            self._holder = self._queue.pop(0)
        # Everybody looks: who holds it now may be any of them.
        self._changed.notify_all()

    def _all_wait(self) -> bool:
        """Whether all wait of those that take part.

        One that is still compiling is waited for: else the others would be measured while it
        works.
        """
        return bool(self._runners) and self._waiting >= set(self._runners)


def compared(records: Sequence[Record]) -> list[Record]:
    """The records of one contest.

    Every timing has its ratio to the same timing of the first backend that has numbers.
    """
    timed = [record for record in records if isinstance(record.payload, Throughput)]
    if len(timed) < 2:
        return list(records)
    together = tuple(record.backend for record in timed)
    return [
        _beside(record, timed[0], together) if record in timed else record
        for record in records
    ]


def _beside(record: Record, first: Record, together: tuple[str, ...]) -> Record:
    """A record with its ratios; the first one has none to itself."""
    assert isinstance(record.payload, Throughput)
    assert isinstance(first.payload, Throughput)
    payload = record.payload.model_copy(update={"together": together})
    if record is not first:
        there = {(row.what, row.batch): row for row in first.payload.timings}
        rows = tuple(
            _related(row, there.get((row.what, row.batch)), first.backend)
            for row in payload.timings
        )
        payload = payload.model_copy(update={"timings": rows})
    return record.model_copy(update={"payload": payload})


def _related(row: Timing, other: Timing | None, against: str) -> Timing:
    """With the median of the ratios of each round and their interval.

    A void number has none, nor has one without its rounds.
    """
    if other is None or row.seconds is None or other.seconds is None:
        return row
    # One of the two left the contest early: their rounds are not the same rounds.
    if len(row.rounds) != len(other.rounds):
        return row
    # Round by round, so that what slows the host for a while slows both alike.
    ratios = np.divide(row.rounds, other.rounds)
    low, high = timing.interval(ratios.tolist())
    median = float(np.median(ratios))
    ratio = Ratio(against=against, value=median, low=low, high=high)
    return row.model_copy(update={"ratio": ratio})
