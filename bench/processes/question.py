"""Ask one question of one backend in a process of its own.

`python -m MODULE BACKEND ARGUMENTS...` prints JSON as its last line: frameworks greet and warn on
stdout before it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

import backends
from bench.processes.blame import said
from bench.processes.machine import ROOT
from models.errors import BadInput, PosePortError


def ask(module: str, arguments: Sequence[str]) -> Any:
    """What the child answers.

    Raises BadInput with its words where it does so, PosePortError where it dies.
    """
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    # What a framework said before is noise; what ended it comes last.
    last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
    if done.returncode == 2:
        raise BadInput(last)
    if done.returncode:
        raise PosePortError(
            f"{arguments[0]}: the process ended with exit code {done.returncode}: {last}"
        )
    return json.loads(done.stdout.splitlines()[-1])


def answer(question: Callable[[Sequence[str]], Any]) -> int:
    """The child's side: print the answer; the exit code."""
    backends.isolate(sys.argv[1])  # before anything can import another framework
    try:
        print(json.dumps(question(sys.argv[1:])))
    except BadInput as error:
        print(error, file=sys.stderr)
        return 2
    except (MemoryError, KeyboardInterrupt):
        raise  # these the parent knows by how the process ends
    except (
        BaseException
    ) as error:  # a backend's: its last line is what the parent reads
        print(said(error), file=sys.stderr)
        return 1
    return 0
