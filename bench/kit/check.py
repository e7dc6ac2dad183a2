"""A backend held against the contract, call by call, in a process that may hang or die."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.kit.caller import SHEETS
from bench.processes import ending, hearing, question
from bench.processes.machine import thread_environment

MODULE = "bench.kit.caller"


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
        try:
            what, text = map(str, json.loads(line))
        except (TypeError, ValueError, RecursionError):
            return  # no line of the child's: a backend may write into any pipe
        if what == "breach":
            self.breaches.append(text)
        elif what == "left":
            self.left_out.append(text)
        elif what == "sheet":
            self.sheet = text
        elif what == "call":
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
        whole.sheet, whole.call = "", ""
        ended = _asked(name, left, limit, whole)
        if ended:
            call = whole.call or f"the start of backend {name}"
            whole.breaches.append(f"{call} {ended}; an answer was due")
        if not whole.sheet or not ended:
            break  # not even loaded, or all is answered
        left = left[left.index(whole.sheet) + 1 :]
    whole.breaches = list(dict.fromkeys(whole.breaches))
    return whole


def _asked(name: str, sheets: Sequence[str], limit: float, told: Told) -> str:
    """How the child ended before its time; empty where it answered to the end."""

    def heard(line: str) -> float:
        told.hear(line)
        return limit  # it is the call that has one

    command = [sys.executable, "-m", MODULE, name, *sheets]
    one = thread_environment(1)
    # until it makes its first call, it is the harness that is starting
    start = max(limit, question.SHORT)
    ended = hearing.listen(command, heard, silence=start, environment=one)
    if ended.late:
        seconds = limit if told.call else start
        return f"did not come back in {seconds:g} s{ended.where}"
    return ending.how(ended.code, ended.words) if ended.code else ""
