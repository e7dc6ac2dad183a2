"""How long a worker may take: for its job, and for the step of it that it is at."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from bench.processes.ending import WHERE, Late

# seconds for a process to say where it is, before it is killed
ASKED = 0.2


@dataclass(frozen=True)
class Step:
    """What a worker has said that it is at."""

    name: str = ""  # empty where it has ended, and of jobs that have none
    part: str = ""
    seconds: float = 0.0
    setting: str = ""  # that says how long it may take
    first: bool = True  # of this process
    said: int = 0  # bytes on stderr when it began


class Limit:
    """Kills a process when the time of its job or of its step is over.

    Of the job's, so many seconds are `left`: earlier processes have had the rest.

    The parent does not look at a clock meanwhile: it blocks on the worker's pipe.
    """

    def __init__(
        self, process: subprocess.Popen[str], job: Late, *, left: float
    ) -> None:
        self.passed: Late | None = None  # the limit for which it was killed
        self._process = process
        self._lock = threading.Lock()
        self._lifted = False
        self._late, self._end = job, time.monotonic() + left
        self._job = self._timer(job, left)
        self._step: threading.Timer | None = None

    def step(self, step: Step) -> None:
        """From now on hold it to the time of this step; of one without a name, to none."""
        if self._step:
            self._step.cancel()
        self._step = None
        if step.name:
            self._step = self._timer(Late(step.seconds, step.setting), step.seconds)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """While it waits for others, whose time is none of its own."""
        began = time.monotonic()
        self._job.cancel()
        try:
            yield
        finally:
            now = time.monotonic()
            self._end += now - began
            self._job = self._timer(self._late, max(0.0, self._end - now))

    def lift(self) -> None:
        """It has answered, or ended."""
        with self._lock:
            self._lifted = True
        for timer in (self._job, self._step):
            if timer:
                timer.cancel()

    def _timer(self, late: Late, left: float) -> threading.Timer:
        timer: threading.Timer

        def over() -> None:
            # the step may have ended while this thread was waking up
            if timer in (self._job, self._step):
                self._kill(late)

        timer = threading.Timer(left, over)
        timer.daemon = True  # a coordinator that ends does not wait for it
        timer.start()
        return timer

    def _kill(self, late: Late) -> None:
        send(self._process, WHERE)
        time.sleep(ASKED)
        with self._lock:
            # by now it may have answered, and be at another job
            if not self._lifted:
                self.passed = self.passed or late
                send(self._process, signal.SIGKILL)


def send(process: subprocess.Popen[str], number: signal.Signals) -> None:
    """A signal to a worker; SIGKILL to all that it has started, too."""
    if process.poll() is not None:
        return  # its number may be somebody else's by now
    if number != signal.SIGKILL:
        process.send_signal(number)
        return
    with suppress(ProcessLookupError):  # it has just ended
        os.killpg(process.pid, number)
