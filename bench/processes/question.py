"""Ask one question of one backend in a process of its own.

`python -m MODULE BACKEND ARGUMENTS...` prints JSON as its last line: frameworks greet and warn on
stdout before it.
"""

from __future__ import annotations

import faulthandler
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

import backends
from backends.base import Unsupported
from bench.processes import ending, lifeline
from bench.processes.blame import said
from bench.processes.machine import ROOT
from models.errors import BadInput, Missing, PosePortError


def ask(module: str, arguments: Sequence[str]) -> Any:
    """What the child answers.

    Raises BadInput with its words where it does so, Missing where the backend cannot be asked
    that here, PosePortError where it dies.
    """
    command = [sys.executable, "-m", module, *arguments]
    environment = {**os.environ, **lifeline.environment()}
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, env=environment
    )
    if done.returncode == 2:
        # What a framework said before is noise; what ended it comes last.
        raise BadInput(ending.last(done.stderr))
    if done.returncode == 3:
        raise Missing(ending.last(done.stderr))
    if done.returncode:
        how = ending.how(done.returncode, done.stderr)
        raise PosePortError(f"{arguments[0]}: the process {how}")
    return json.loads(done.stdout.splitlines()[-1])


def answer(question: Callable[[Sequence[str]], Any]) -> int:
    """The child's side: print the answer; the exit code."""
    lifeline.follow()
    faulthandler.enable()
    backends.isolate(sys.argv[1])  # before anything can import another framework
    try:
        print(json.dumps(question(sys.argv[1:])))
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
        return 1
    return 0
