"""Ask one question of one backend in a process of its own.

`python -m MODULE BACKEND ARGUMENTS...` prints JSON behind a mark: frameworks greet and warn on
stdout before it and after. How far it is stands in lines of their own.
"""

from __future__ import annotations

import faulthandler
import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

import backends
from backends.base import Unsupported
from bench.coordinator.job import Progress
from bench.processes import ending, hearing, lifeline
from bench.processes.blame import said
from bench.processes.patience import SETTING, setting
from models.errors import BadInput, Missing, PosePortError

# before a line that says how far it is; nobody else writes so
AT_WORK = "\x1epose at work "
ANSWER = "\x1epose answers "  # before the answer
RAISED = 1  # exit code
PATIENCE = (
    300.0  # seconds without a word: a large graph may take minutes to be compiled
)
LONG = 1800.0  # where a whole data set may be read first
SHORT = 120.0  # where nothing is computed: a framework is imported, from a cold disk
LEAVING = 5.0  # seconds to end after an answer, which a thread or a hook would hold up
WHOLE = 4000  # characters of a refusal, which names paths


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
    if ended.late and not answers.last:
        raise Missing(
            f"{arguments[0]}: no answer after {patience:g} s without a word{ended.where};"
            f" raise it with {SETTING}=SECONDS in the environment"
        )
    _refuse(arguments[0], ended)
    if not answers.last:
        # as where it has ended itself, without a word
        raise PosePortError(f"{arguments[0]}: the process ended without an answer")
    return json.loads(answers.last)


def _refuse(name: str, ended: hearing.Ended) -> None:
    """Raise what the exit code of a child says; nothing where it has answered."""
    code, words = ended.code, ended.words
    if code == 2:
        # What a framework said before is noise; what ended it comes last.
        raise BadInput(ending.last(words, WHOLE))
    if code == 3:
        raise Missing(ending.last(words, WHOLE))
    # its last line is what `answer` has made of what was raised
    if code == RAISED and (said := ending.last(words)):
        raise PosePortError(f"{name}: the process ended with exit code 1: {said}")
    if code and not ended.late:
        how = ending.how(code, words)
        raise PosePortError(f"{name}: the process {how}")


class _Answers:
    """Hears a child: how far it is, its answer, and whatever its framework has to say."""

    def __init__(self, progress: Progress, patience: float) -> None:
        self.last = ""
        self._progress = progress
        self._patience = patience

    def __call__(self, line: str) -> float | None:
        # what a framework has printed before may have no end of line
        _, work, said = line.partition(AT_WORK)
        if work:
            self._progress(*json.loads(said))
            return self._patience
        _, answers, said = line.partition(ANSWER)
        if answers:
            self.last = said
            return LEAVING
        return None  # what hangs may talk


def tell(text: str, share: float) -> None:
    """The child's side: how far it is, for the parent's `progress`."""
    print(AT_WORK + json.dumps([text, share]), flush=True)


def answer(question: Callable[[Sequence[str]], Any]) -> int:
    """The child's side: print the answer; the exit code."""
    lifeline.follow()
    faulthandler.enable()
    ending.tell_where()
    # what is printed from C, or by what it starts, is neither heard nor holds the pipe
    own = os.dup(1)
    os.dup2(2, 1)
    sys.stdout = os.fdopen(own, "w", encoding="utf-8")
    backends.isolate(sys.argv[1])  # before anything can import another framework
    try:
        print(ANSWER + json.dumps(question(sys.argv[1:])), flush=True)
    except BadInput as error:
        print(error, file=sys.stderr)
        return 2
    except Unsupported as error:
        print(error, file=sys.stderr)
        return 3
    except (
        BaseException
    ) as error:  # a backend's: its last line is what the parent reads
        print(said(error), file=sys.stderr)
        return RAISED
    return 0
