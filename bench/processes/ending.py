"""How a process ended: its exit code and its last words, as a status and one line."""

from __future__ import annotations

import faulthandler
import re
import signal
from dataclasses import dataclass
from pathlib import Path

from bench.processes import memory
from bench.processes.machine import ROOT
from bench.records import Status

KEPT = 300  # characters of the last words
# faulthandler's, which is enabled in every child: what it says first, and then of each frame
FATAL = "Fatal Python error: "
STACK = "Current thread "
# what it says where a child is asked by this signal
WHERE = signal.SIGUSR2 if hasattr(signal, "SIGUSR2") else signal.SIGTERM
ASKED = "Stack (most recent call first):"
FRAME = re.compile(r'^  File "(.*)", line (\d+) in (.*)$', re.MULTILINE)


@dataclass(frozen=True)
class Late:
    """The time that a worker had, and the setting that says so."""

    seconds: float
    setting: str


def cause(
    code: int, words: str, *, late: Late | None, starved: bool | None, call: str = ""
) -> tuple[Status, str]:
    """Why a worker ended without an answer.

    `late` is the time-out where that was it; `starved`, whether the kernel has killed
    somebody for want of memory meanwhile, None where it does not say; `call` of the backend is
    what it was at.
    """
    if late is not None:
        raised = f"raise it with --set {late.setting}=SECONDS"
        return (
            "timeout",
            f"no result after {late.seconds:g} s{where(words, call)}; {raised}",
        )
    if code == -signal.SIGKILL:
        return _killed(starved, within(call))
    told = how(code, words, call)
    if memory.told(last(words)):
        return "out_of_memory", f"the worker {told}; {memory.LOWER}"
    return "crashed", f"the worker {told}"


def tell_where() -> None:
    """Say which line this process is at when it is asked to, before it is killed."""
    if hasattr(faulthandler, "register"):  # Windows has no such signals
        faulthandler.register(WHERE, all_threads=False)


def within(call: str) -> str:
    """` within TorchProgram.run`: the call of the backend; empty where it was at none."""
    return f" within {call}" if call else ""


def where(words: str, call: str = "") -> str:
    """` in linear (functional.py:12)`: what a process said when it was asked where it is."""
    return f"{_place(words.rpartition(ASKED)[2])}{within(call)}"


def how(code: int, words: str, call: str = "") -> str:
    """`ended with signal SIGSEGV in linear (functional.py:12); its last words: what it said`.

    They come last: a warning of long before may be among them, and no reason at all.
    """
    kind = f"signal {_signal(-code)}" if code < 0 else f"exit code {code}"
    _, _, crash = words.rpartition(FATAL)
    # other threads follow after an empty line
    stack = crash.partition(STACK)[2].partition("\n\n")[0]
    said = last(words)
    told = f"; its last words: {said}" if said else ", and said nothing"
    return f"ended with {kind}{_place(stack)}{within(call)}{told}"


def _signal(number: int) -> str:
    """Its name; most real-time signals have none."""
    names = {each.value: each.name for each in signal.Signals}
    return names.get(number, str(number))


def last(words: str, most: int = KEPT) -> str:
    """The last line that says something, before the stack of a crash if there is one.

    Empty where there is none.
    """
    said, crash, stack = words.rpartition(FATAL)
    lines = (said if crash else stack).strip().splitlines()
    return lines[-1].strip()[:most] if lines else ""


def _killed(starved: bool | None, at: str) -> tuple[Status, str]:
    """Nothing here kills a worker but at its time-out, or where the run itself is stopped."""
    if starved:
        counted = "the kernel killed for want of memory meanwhile"
        return (
            "out_of_memory",
            f"the worker was killed{at}, and {counted}; {memory.LOWER}",
        )
    known = "the kernel counts no kill for want of memory"
    unknown = "whether for want of memory, this system does not say"
    said = unknown if starved is None else known
    return "crashed", f"the worker was killed by SIGKILL{at}, from outside: {said}"


def _place(stack: str) -> str:
    """Where Python was: its innermost line, and the innermost of this checkout."""
    frames = FRAME.findall(stack)
    if not frames:
        return ""
    inner = frames[0]
    # who looks at each answer has called everything, and says nothing
    own = next((one for one in frames if _is_own(one) and not _watches(one)), inner)
    if own == inner:
        return f" in {_named(inner)}"
    return f" in {_named(inner)}, called from {_named(own)}"


def _is_own(frame: tuple[str, str, str]) -> bool:
    """Whether it is of this checkout, and not of an environment that lies within."""
    path = Path(frame[0])
    return path.is_relative_to(ROOT) and "site-packages" not in path.parts


def _watches(frame: tuple[str, str, str]) -> bool:
    return Path(frame[0]) == ROOT / "bench/processes/contract.py"


def _named(frame: tuple[str, str, str]) -> str:
    file, line, function = frame
    path = Path(file)
    short = path.relative_to(ROOT) if _is_own(frame) else path.name
    return f"{function} ({short}:{line})"
