"""Timing several backends fairly.

All their workers are alive at once, one computing at a time, in rounds that turn round
(ABBA).
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from bench.records import Ratio, Record, Throughput, Timing
from bench.speed import timing

OVERLAP = 0.5  # of the shorter of two samplings, that the other goes on meanwhile


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

    Every timing has its ratio to the same timing of the first backend that has numbers, and to
    that of the fastest.
    """
    timed = [record for record in records if isinstance(record.payload, Throughput)]
    if len(timed) < 2:
        return list(records)
    return [_beside(record, timed) if record in timed else record for record in records]


def _beside(record: Record, timed: Sequence[Record]) -> Record:
    """A record with its ratios; none to itself."""
    assert isinstance(record.payload, Throughput)
    rows = []
    for row in record.payload.timings:
        others = {
            other.backend: found
            for other in timed
            if isinstance(other.payload, Throughput)
            and (found := _same(row, other.payload))
        }
        first, fastest = timed[0].backend, _fastest(others)
        ratios = {
            name: None if name == record.backend else _ratio(row, others, name)
            for name in (first, fastest)
        }
        both = {"ratio": ratios[first], "behind": ratios[fastest]}
        rows.append(row.model_copy(update=both))
    together = tuple(one.backend for one in timed)
    told = {"together": together, "timings": tuple(rows)}
    payload = record.payload.model_copy(update=told)
    return record.model_copy(update={"payload": payload})


def _fastest(others: Mapping[str, Timing]) -> str:
    """The backend of the least seconds; the first name where none has any."""
    known = {name: row.seconds for name, row in others.items() if row.seconds}
    return min(known, key=lambda name: known[name], default="")


def _same(row: Timing, payload: Throughput) -> Timing | None:
    """The timing of the same thing at the same size, in the same mode or the customary one."""
    alike = [
        other
        for other in payload.timings
        if (row.what, row.batch, row.window) == (other.what, other.batch, other.window)
    ]
    usual = [other for other in alike if row.customary and other.customary]
    named = [other for other in alike if row.mode == other.mode]
    return next(iter([*usual, *named]), None)


def _ratio(row: Timing, others: Mapping[str, Timing], against: str) -> Ratio | None:
    """The ratio to a backend's timing; a void number has none, nor has one without rounds."""
    other = others.get(against)
    if other is None or row.seconds is None or other.seconds is None:
        return None
    # One of the two left the contest early: their rounds are not the same rounds.
    alike = (len(row.rounds), row.parts) == (len(other.rounds), other.parts)
    if not alike or not _together(row, other):
        return None
    floors = (row.noise_floor, other.noise_floor)
    floor = max((one for one in floors if one is not None), default=None)
    value, low, high = timing.ratio(row.rounds, other.rounds, row.parts)
    return Ratio(
        against=against,
        value=value,
        low=low,
        high=high,
        floor=floor,
        processes=max(1, len(row.parts)),
    )


def _together(row: Timing, other: Timing) -> bool:
    """Whether their rounds were taken at the same time: one may have had less to time before.

    What was recorded without its times is taken to be so.
    """
    if row.span is None or other.span is None:
        return True
    (a, b), (c, d) = row.span, other.span
    return min(b, d) - max(a, c) >= OVERLAP * min(b - a, d - c)
