"""A child that is listened to: one that hangs, never ends or talks without end holds nobody up.

What it has started ends with it. How long it may be silent its listener says, line by line.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import IO

from bench.processes import calls, ending, lifeline
from bench.processes.limit import ASKED, send
from bench.processes.machine import ROOT

HEARD = 200_000  # characters of last words: a crash gives a hundred lines a thread
LAST = 2.0  # seconds for what was said to be read
PIECE = 65_536  # of a pipe at once
# for each line: how many seconds it may be silent now; None where the line is no sign of life
Listener = Callable[[str], float | None]


@dataclass(frozen=True)
class Ended:
    """How a child came to its end."""

    code: int
    words: str  # the end of what it said on stderr
    call: str = ""  # of the backend, that it was at
    late: bool = False  # killed, since it was silent for too long

    @property
    def where(self) -> str:
        """` in devices (backend.py:12)`, where a late one was; empty where it did not say."""
        return ending.where(self.words, self.call)


def listen(
    command: Sequence[str],
    hear: Listener,
    *,
    silence: float,
    environment: Mapping[str, str] | None = None,
) -> Ended:
    """Run a child to its end, or to where it has been silent for too long.

    `silence` is in seconds, until `hear` says otherwise.
    """
    own = lifeline.environment()
    kept = calls.Kept()
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        cwd=ROOT,
        env={**os.environ, **(environment or {}), **own, **kept.environment()},
        pass_fds=(kept.number,),
        # so that what it has started can be ended with it
        start_new_session=True,
    )
    burial = lifeline.bury(child.pid, own)
    # as asked for
    assert child.stdout is not None
    assert child.stderr is not None
    lines: SimpleQueue[str] = SimpleQueue()
    words: list[str] = []
    readers = [_aside(_lines, child.stdout, lines), _aside(_tail, child.stderr, words)]
    try:
        late = not _heard(child, lines, hear, silence)
    finally:
        # late, or nobody is left to hear it
        _end(child, (burial, *readers))
    with closing(kept):
        return Ended(child.returncode, words[-1] if words else "", kept.name(), late)


def _heard(
    child: subprocess.Popen[str],
    lines: SimpleQueue[str],
    hear: Listener,
    silence: float,
) -> bool:
    """Whether it ended by itself, before it was silent for too long."""
    end = time.monotonic() + silence
    try:
        while line := lines.get(timeout=max(0.0, end - time.monotonic())):
            more = hear(line)
            if more is not None:
                end = time.monotonic() + more
        # it may close its pipe and go on
        child.wait(timeout=max(0.0, end - time.monotonic()))
    except (Empty, subprocess.TimeoutExpired):
        send(child, ending.WHERE)
        time.sleep(ASKED)
        return False
    return True


def _end(child: subprocess.Popen[str], threads: Sequence[threading.Thread]) -> None:
    send(child, signal.SIGKILL)
    child.wait()
    for thread in threads:
        # what hides from the burial may hold the pipe
        thread.join(LAST)


def _aside(read: Callable[..., None], *given: object) -> threading.Thread:
    thread = threading.Thread(target=read, args=given, daemon=True)
    thread.start()
    return thread


def _lines(stream: IO[str], lines: SimpleQueue[str]) -> None:
    """Each line, and an empty text at the end."""
    with stream:
        for line in stream:
            lines.put(line)
    lines.put("")


def _tail(stream: IO[str], words: list[str]) -> None:
    """The end of what comes, however much it is."""
    kept = ""
    with stream:
        while piece := stream.readline(PIECE):
            kept = (kept + piece)[-HEARD:]
            words[:] = [kept]
