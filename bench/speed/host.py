"""What the host does while samples are taken: others' work, its clock, and our own idleness."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

# Linux counts here what each processor has done since it was started
COUNTS = Path("/proc/stat")
IDLE = (3, 4)  # of its columns: idle, and waiting for a disk
GUEST = 8  # columns from here on are counted in others, too
SHORTEST = 0.1  # seconds: the count moves by hundredths
LONG_WAIT = 0.5  # seconds of waiting from which its processor seconds say something
NAP, NAPS = (
    0.005,
    20,
)  # seconds of a look at whether this process is idle, and looks at most
SPINS = 0.1  # processors from which on it is not
LOOP = 20_000  # additions of the fixed piece of work: some 0.3 ms


@dataclass(frozen=True)
class Seen:
    """What was seen of the host while a subject was sampled.

    Processors that others kept busy (None where the system does not say, or it was too short),
    and those that this process did; `calibration` has the seconds of the fixed work by round.
    """

    others: float | None = None
    mine: float = 0.0
    calibration: tuple[float, ...] = ()


@dataclass
class Host:
    """Waits for turns, and looks at the host from the end of one wait to the next."""

    turn: Callable[[], None]
    idle_seconds: float = 0.0  # that were spent waiting for a turn
    idle_own: float = 0.0  # processor seconds of this process meanwhile
    _calibration: list[float] = field(default_factory=list)
    # seconds, and processor seconds of this process and of all, in the rounds so far
    _sums: tuple[float, float, float | None] = (0.0, 0.0, 0.0)
    _since: tuple[float, float, float | None] | None = None

    def __call__(self) -> None:
        """Wait for the turn; measure the fixed work before anything else is done in it."""
        self._pause()
        settle()
        before, own = time.perf_counter(), time.process_time()
        self.turn()
        self.idle_seconds += time.perf_counter() - before
        self.idle_own += time.process_time() - own
        self._calibration.append(calibrated())
        self._since = _now()

    def begin(self) -> None:
        """Forget what was seen, before another subject is sampled."""
        self._calibration = []
        self._sums = (0.0, 0.0, 0.0)
        self._since = None

    def seen(self) -> Seen:
        """What was seen since then."""
        self._pause()
        seconds, own, busy = self._sums
        if seconds == 0:
            return Seen()
        known = busy is not None and seconds >= SHORTEST
        others = max(0.0, ((busy or 0.0) - own) / seconds) if known else None
        return Seen(others, own / seconds, tuple(self._calibration))

    @property
    def idle(self) -> float | None:
        """Processors that it kept busy while it waited for its turns; None of a short wait."""
        long = self.idle_seconds > LONG_WAIT
        return self.idle_own / self.idle_seconds if long else None

    def _pause(self) -> None:
        """Count what was since the turn began, and look no longer."""
        if self._since is None:
            return
        seconds, own, busy = (
            None if now is None or then is None or total is None else total + now - then
            for total, now, then in zip(self._sums, _now(), self._since, strict=True)
        )
        self._sums = (seconds or 0.0, own or 0.0, busy)
        self._since = None


def settle() -> None:
    """Until this process is idle, or for long enough: pools spin for a while behind their work.

    It would be the next one's time: ONNX Runtime's with two threads took 40 ms of it.
    """
    for _ in range(NAPS):
        own = time.process_time()
        time.sleep(NAP)
        if time.process_time() - own < SPINS * NAP:
            return


def calibrated() -> float:
    """Seconds of a fixed piece of work in which no framework has a part: best of three."""
    found = []
    for _ in range(3):
        start = time.perf_counter()
        sum(range(LOOP))
        found.append(time.perf_counter() - start)
    return min(found)


def drift(rounds: Sequence[float]) -> float | None:
    """Median of the last third over that of the first, less 1; None of fewer than nine."""
    third = len(rounds) // 3
    if third < 3 or min(rounds) <= 0:
        return None
    return float(np.median(rounds[-third:]) / np.median(rounds[:third])) - 1


def cores() -> int:
    """Processors that this process may run on."""
    return len(_mine())


def _mine() -> set[int]:
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def _now() -> tuple[float, float, float | None]:
    """The clock, this process's processor seconds, and everybody's on our processors."""
    return time.perf_counter(), time.process_time(), _busy()


def _busy() -> float | None:
    try:
        lines = COUNTS.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    wanted = {f"cpu{number}" for number in _mine()}
    ticks = 0
    for line in lines:
        name, *counts = line.split()
        if name in wanted:
            told = [int(count) for count in counts[:GUEST]]
            ticks += sum(told) - sum(told[column] for column in IDLE)
    return ticks / os.sysconf("SC_CLK_TCK")
