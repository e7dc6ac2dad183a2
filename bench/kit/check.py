"""A backend held against the contract, call by call, in a process that may hang or die."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO

from bench.kit.asking import SHEETS
from bench.processes import ending, lifeline
from bench.processes.machine import ROOT, thread_environment

MODULE = "bench.kit.asking"


@dataclass
class Told:
    """What the children have said so far."""

    call: str = ""  # that it was making when it was last heard
    sheet: str = ""
    breaches: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)  # what it is not there for
    calls: int = 0

    def hear(self, line: str) -> None:
        """Take a line of the child."""
        what, text = json.loads(line)
        if what == "breach":
            self.breaches.append(text)
        elif what == "left":
            self.left_out.append(text)
        elif what == "sheet":
            self.sheet = text
        else:
            self.call = text
            self.calls += 1


def check(name: str, *, limit: float) -> Told:
    """All that a backend was asked: its breaches, a line each.

    A call that takes more than `limit` seconds, or ends its process, is a breach, and the next
    sheet is asked in a fresh process.
    """
    whole = Told()
    left = list(SHEETS)
    while left:
        whole.sheet = ""
        ended = _asked(name, left, limit, whole)
        if ended:
            whole.breaches.append(f"{whole.call} {ended}; an answer was due")
        if not whole.sheet or not ended:
            break  # not even loaded, or all is answered
        left = left[left.index(whole.sheet) + 1 :]
    whole.breaches = list(dict.fromkeys(whole.breaches))
    return whole


def _asked(name: str, sheets: Sequence[str], limit: float, told: Told) -> str:
    """How the child ended before its time; empty where it answered to the end."""
    child = subprocess.Popen(
        [sys.executable, "-m", MODULE, name, *sheets],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, **thread_environment(1), **lifeline.environment()},
    )
    assert child.stdout is not None
    assert child.stderr is not None
    words: list[str] = []
    aside = threading.Thread(target=_read, args=(child.stderr, words), daemon=True)
    aside.start()
    with child:
        late = False
        for line in _lines(child, child.stdout, limit):
            late = line is None
            if line is not None:
                told.hear(line)
        aside.join()
    if late:
        return f"did not come back in {limit:g} s"
    return ending.how(child.returncode, "".join(words)) if child.returncode else ""


def _lines(
    child: subprocess.Popen[str], stream: IO[str], limit: float
) -> Iterator[str | None]:
    """The child's lines; None at last where it said nothing for too long and was killed."""
    killed = threading.Event()

    def kill() -> None:
        killed.set()
        child.kill()

    while True:
        # a new one for each line: it is the call that has a limit
        timer = threading.Timer(limit, kill)
        timer.daemon = True
        timer.start()
        line = stream.readline()
        timer.cancel()
        if not line:
            break
        yield line
    if killed.is_set():
        yield None


def _read(stream: IO[str], words: list[str]) -> None:
    words.append(stream.read())
