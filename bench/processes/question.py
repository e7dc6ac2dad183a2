"""Ask one question of one backend in a process of its own.

`python -m MODULE BACKEND ARGUMENTS...` writes JSON behind marks into a pipe that is its stdout no
longer: its answer or its refusal, and before it how far it is. Whatever ends it without either
has ended it, with whatever exit code.
"""

from __future__ import annotations

import faulthandler
import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NoReturn, TextIO

import backends
from backends.base import Unsupported
from bench.coordinator.job import Progress
from bench.processes import calls, ending, hearing, lifeline
from bench.processes.blame import astray, said
from bench.processes.patience import SETTING, setting
from models.errors import BadInput, Missing, PosePortError, visible

# before a line that says how far it is; nobody else writes so
AT_WORK = "\x1epose at work "
ANSWER = "\x1epose answers "  # before the answer
REFUSAL = "\x1epose refuses "  # before how it is told, and its words
RAISED, BAD, ABSENT = 1, 2, 3  # how a refusal is told: as the exit codes of commands
PATIENCE = (
    300.0  # seconds without a word: a large graph may take minutes to be compiled
)
LONG = 1800.0  # where a whole data set may be read first
SHORT = 120.0  # where nothing is computed: a framework is imported, from a cold disk
LEAVING = 5.0  # seconds to end after an answer, which a thread or a hook would hold up
WHOLE = 4000  # characters of a refusal, which names paths
_pipe: list[TextIO] = []  # of a child that answers, to its parent


def ask(
    module: str,
    arguments: Sequence[str],
    progress: Progress = lambda text, share: None,
    *,
    patience: float = PATIENCE,
) -> Any:
    """What the child answers; meanwhile `progress` is told what it says by `tell`.

    It may be silent for `patience` seconds, which `POSEPORT_PATIENCE` overrules.

    Raises BadInput with its words where it does so, Missing where the backend cannot be asked
    that here or does not come back, PosePortError where it dies.
    """
    patience = setting() or patience
    answers = _Answers(progress, patience)
    command = [sys.executable, "-m", module, *arguments]
    ended = hearing.listen(command, answers, silence=patience)
    if answers.said:
        _refuse(arguments[0], *answers.said)
    if ended.late and not answers.came:
        raise Missing(
            f"{arguments[0]}: no answer after {patience:g} s without a word{ended.where};"
            f" raise it with {SETTING}=SECONDS in the environment"
        )
    if ended.code and not ended.late:
        how = ending.how(ended.code, ended.words, ended.call)
        raise PosePortError(f"{arguments[0]}: the process {how}")
    if not answers.came:
        # as where it has ended itself, without a word
        at = ending.within(ended.call)
        raise PosePortError(f"{arguments[0]}: the process ended{at} without an answer")
    return answers.came[-1]


def _refuse(name: str, code: int, words: str) -> NoReturn:
    """Raise what a child has refused, in its words."""
    if code == BAD:
        raise BadInput(words)
    if code == ABSENT:
        raise Missing(words)
    raise PosePortError(f"{name}: the process ended with exit code {code}: {words}")


class _Answers:
    """Hears a child: how far it is, its answer or refusal, and whatever else reaches the pipe."""

    def __init__(self, progress: Progress, patience: float) -> None:
        self.came: list[Any] = []  # of one that has answered
        self.said: tuple[int, str] | None = None  # of one that has refused
        self._progress = progress
        self._patience = patience

    def __call__(self, line: str) -> float | None:
        match _marked(line):
            case "work", [str(text), int() | float() as share]:
                self._progress(text, share)
                return self._patience
            case "answer", came:
                self.came = [came]
                return LEAVING
            case "refusal", [int(code), str(words)]:
                self.said = code, words
                return LEAVING
        return None  # what hangs may talk


def _marked(line: str) -> tuple[str, Any] | None:
    """What a line is and says; None for what is no word of the child's, or half of one."""
    marks = {"work": AT_WORK, "answer": ANSWER, "refusal": REFUSAL}
    for kind, mark in marks.items():
        # whatever else was written before it may have no end of line
        _, found, said = line.partition(mark)
        with suppress(ValueError, RecursionError):
            if found:
                return kind, json.loads(said)
    return None


def tell(text: str, share: float) -> None:
    """The child's side: how far it is, for the parent's `progress`; else nothing is done."""
    _send(AT_WORK, [text, share])


def answer(question: Callable[[Sequence[str]], Any]) -> int:
    """The child's side: tell the answer, or why there is none; the exit code."""
    lifeline.follow()
    calls.follow()
    faulthandler.enable()
    ending.tell_where()
    # Frameworks print from C too, past sys.stdout: so the descriptor itself is moved.
    _pipe[:] = [os.fdopen(os.dup(1), "w", encoding="utf-8")]
    os.dup2(2, 1)
    backends.isolate(sys.argv[1])  # before anything can import another framework
    try:
        _send(ANSWER, question(sys.argv[1:]))
    except BadInput as error:
        if astray(error):
            return _refused(RAISED, said(error))
        return _refused(BAD, str(error))
    except Unsupported as error:
        return _refused(ABSENT, str(error))
    except BaseException as error:  # whatever a backend raises
        return _refused(RAISED, said(error))
    return 0


def _refused(code: int, words: str) -> int:
    print(words, file=sys.stderr)  # for who runs the child by hand
    # empty is no reason
    _send(REFUSAL, [code, visible(words)[:WHOLE] or "it gave no reason"])
    return code


def _send(mark: str, what: Any) -> None:
    line = mark + json.dumps(what) + "\n"
    for pipe in _pipe:
        pipe.write(line)
        pipe.flush()
