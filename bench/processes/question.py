"""Ask one question of one backend in a process of its own.

`python -m MODULE BACKEND ARGUMENTS...` prints JSON behind a mark: frameworks greet and warn on
stdout before it and after. How far it is stands in lines of their own.
"""

from __future__ import annotations

import faulthandler
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import backends
from backends.base import Unsupported
from bench.coordinator.job import Progress
from bench.processes import ending, lifeline
from bench.processes.blame import said
from bench.processes.machine import ROOT
from models.errors import BadInput, Missing, PosePortError

# before a line that says how far it is; nobody else writes so
AT_WORK = "\x1epose at work "
ANSWER = "\x1epose answers "  # before the answer
RAISED = 1  # exit code
WHOLE = 4000  # characters of a refusal, which names paths


def ask(
    module: str,
    arguments: Sequence[str],
    progress: Progress = lambda text, share: None,
) -> Any:
    """What the child answers; meanwhile `progress` is told what it says by `tell`.

    Raises BadInput with its words where it does so, Missing where the backend cannot be asked
    that here, PosePortError where it dies.
    """
    code, last, words = _ran([sys.executable, "-m", module, *arguments], progress)
    if code == 2:
        # What a framework said before is noise; what ended it comes last.
        raise BadInput(ending.last(words, WHOLE))
    if code == 3:
        raise Missing(ending.last(words, WHOLE))
    if code == RAISED:
        # its last line is what `answer` has made of what was raised
        said = ending.last(words)
        raise PosePortError(
            f"{arguments[0]}: the process ended with exit code 1: {said}"
        )
    if code:
        how = ending.how(code, words)
        raise PosePortError(f"{arguments[0]}: the process {how}")
    if not last:
        # as where it has ended itself, without a word
        raise PosePortError(f"{arguments[0]}: the process ended without an answer")
    return json.loads(last)


def _ran(command: Sequence[str], progress: Progress) -> tuple[int, str, str]:
    """A child's exit code, its answer, and all that it said on stderr."""
    child = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, **lifeline.environment()},
    )
    # both at once: whichever pipe is full would make the child wait
    with child, ThreadPoolExecutor(1) as aside:
        try:
            # as asked for
            assert child.stdout is not None
            assert child.stderr is not None
            words = aside.submit(child.stderr.read)
            last = _listened(child.stdout, progress)
        except BaseException:
            # nobody is left to hear it
            child.kill()
            raise
    return child.returncode, last, words.result()


def tell(text: str, share: float) -> None:
    """The child's side: how far it is, for the parent's `progress`."""
    print(AT_WORK + json.dumps([text, share]), flush=True)


def _listened(lines: Iterable[str], progress: Progress) -> str:
    """The answer of a child, whose other lines say how far it is or are its framework's."""
    found = ""
    for line in lines:
        # what a framework has printed before may have no end of line
        _, work, said = line.partition(AT_WORK)
        if work:
            progress(*json.loads(said))
        _, answers, said = line.partition(ANSWER)
        if answers:
            found = said
    return found


def answer(question: Callable[[Sequence[str]], Any]) -> int:
    """The child's side: print the answer; the exit code."""
    lifeline.follow()
    faulthandler.enable()
    backends.isolate(sys.argv[1])  # before anything can import another framework
    try:
        print(ANSWER + json.dumps(question(sys.argv[1:])), flush=True)
    except BadInput as error:
        print(error, file=sys.stderr)
        return 2
    except Unsupported as error:
        print(error, file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        raise  # from the terminal, whose parent has heard it too
    except (
        BaseException
    ) as error:  # a backend's: its last line is what the parent reads
        print(said(error), file=sys.stderr)
        return RAISED
    return 0
