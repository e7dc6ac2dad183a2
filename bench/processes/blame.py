"""Whose fault it was: an exception as one line that names the method of the contract.

`TorchProgram.put raised ValueError: not a tensor (program.py:74)`: what the harness had called,
what came of it, and the deepest line that is the backend's own.
"""

from __future__ import annotations

import inspect
import re
import traceback
from pathlib import Path
from types import FrameType, TracebackType

from backends.base import (
    Backend,
    Breach,
    DrawingProgram,
    EagerProgram,
    GraphTrainer,
    Program,
    Trainer,
    Unsupported,
)
from bench.coordinator.job import Finding
from bench.processes import memory
from bench.processes.memory import OutOfMemory
from bench.records import Payload
from models.errors import NotWritten, PosePortError

SAID = 300  # characters that are kept of what a framework says: the first words name the cause
COLOURS = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")  # ANSI's control sequences
# What a backend may raise in a worker, where no real Ctrl-C is among it: that signal is the
# coordinator's.
RAISED = (Exception, SystemExit, KeyboardInterrupt)
# Where the contract's ready-made methods are written: what one of them asks has the fault.
READY_MADE = {
    inspect.getfile(one)
    for one in (Backend, Program, EagerProgram, GraphTrainer, DrawingProgram)
}
# Names that a person looks for in the contract, and not what serves its own methods.
STATED = {name for role in (Backend, Program, Trainer) for name in vars(role)}
# methods that are given what a person chose: weights, a model, a file and its options
KNOWING = ("load", "load_state", "program", "trainer", "export", "reopen")
OURS = ("backends", "bench", "models")  # none of whose lines is an outside package's
Steps = list[tuple[FrameType, int]]  # frame and line of a traceback, outermost first


def said(error: BaseException) -> str:
    """One line for an exception of whatever kind, even one whose text cannot be had.

    What PosePort itself has written stands as it is, unless a method of the contract let it
    through; so does the reason of what is unsupported.
    """
    text = words(error)
    steps = _steps(error.__traceback__)
    called = _called(steps)
    # anybody may make a class, by a name of several lines
    kind = plain(type(error).__name__)
    if isinstance(error, Unsupported | Breach | OutOfMemory):
        return text or kind
    if isinstance(error, PosePortError) and called is None and text:
        return text
    what = f"{kind}: {text}" if text else kind
    if called is None:
        return f"{what}{_place(steps, None)}"
    return f"{_name(steps[called][0])} raised {what}{_place(steps, called)}"


def astray(error: PosePortError) -> bool:
    """Whether a backend's method has called something a person's fault that is the backend's own.

    Only a method that is given what a person chose may say so: weights, a format's options.
    """
    steps = _steps(error.__traceback__)
    called = _called(steps)
    return called is not None and steps[called][0].f_code.co_name not in KNOWING


def lost(error: BaseException, payload: Payload | None = None) -> Finding:
    """What an exception makes of a cell, with what was measured before it."""
    if isinstance(error, Unsupported):
        return Finding(payload, "unsupported", said(error))
    if isinstance(error, NotWritten):
        return Finding(payload, "not_written", said(error))
    if memory.ran_out(error):
        return Finding(payload, "out_of_memory", f"{said(error)}; {memory.LOWER}")
    return Finding(payload, "failed", said(error))


def words(error: BaseException) -> str:
    """An exception's own text on one line, without colours and what no record can hold."""
    try:
        text = str(error)
    except RAISED as worse:  # the text is a program of the backend's too
        return f"(its text cannot be had: {plain(type(worse).__name__)})"
    return plain(text)


def plain(text: str) -> str:
    """The beginning of a text on one line, in characters that can be written."""
    # a framework may say megabytes, and none of them is to be searched
    text = COLOURS.sub("", text[: 10 * SAID])
    kept = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(kept.split())[:SAID]


def _steps(trace: TracebackType | None) -> Steps:
    return list(traceback.walk_tb(trace))


def _called(steps: Steps) -> int | None:
    """Which step is the method that the harness called; None where there is none.

    It is the outermost one of a backend, a program or a trainer. What the contract itself
    carries out (`Program.__call__`, `Backend.device`) only leads there.
    """
    leading = None
    for number, (frame, _) in enumerate(steps):
        if not isinstance(frame.f_locals.get("self"), Backend | Program | Trainer):
            continue
        if frame.f_code.co_filename not in READY_MADE:
            return number
        if frame.f_code.co_name in STATED:
            leading = number
    return leading


def _name(frame: FrameType) -> str:
    """As the contract calls it: where it was written, a function may be called otherwise."""
    owner = type(frame.f_locals["self"])
    for name in dir(owner):
        held = inspect.getattr_static(owner, name, None)
        written = getattr(held, "fget", held)  # a property's
        if getattr(written, "__code__", None) is frame.f_code:
            return f"{owner.__name__}.{name}"
    return f"{owner.__name__}.{frame.f_code.co_name}"


def _place(steps: Steps, called: int | None) -> str:
    """The line to look at: the deepest of the backend's own package, or of any."""
    # Python's own import machinery is nobody's line, nor is text made on the way
    written = [step for step in steps if not step[0].f_code.co_filename.startswith("<")]
    if called is not None:
        # a method that was ready-made is of whoever made the class
        owner = type(steps[called][0].f_locals["self"])
        package = owner.__module__.partition(".")[0]
        inner = [step for step in steps[called:] if step in written]
        own = [step for step in inner if _package(step[0]) == package]
        written = own or [step for step in inner if _package(step[0]) not in OURS]
        if not written:
            return home(owner)
    if not written:
        return ""
    frame, line = written[-1]
    return f" ({Path(frame.f_code.co_filename).name}:{line})"


def home(made: type) -> str:
    """Where a class begins: the line to look at, where no line of its own was come by."""
    try:
        _, line = inspect.findsource(made)
        return f" ({Path(inspect.getfile(made)).name}:{line + 1})"
    except Exception:  # made at a prompt, or its file is gone or is no Python any more
        return ""


def _package(frame: FrameType) -> str:
    """The top-level package of a line's module."""
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]
