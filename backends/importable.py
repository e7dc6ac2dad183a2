"""Whether somebody's manifest can be imported here at all, which a process of its own finds out.

One that hangs, or ends its process, would take along whoever lists the backends. It is tried once
for a command: the processes that this one starts are told.
"""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from backends import import_alone

PATIENCE = 15.0  # seconds: a manifest imports no framework, and takes a part of one
TRIED = "POSEPORT_TRIED"  # environment variable: module and file -> what was wrong


def fault(module: str) -> str:
    """Why a module must not be imported here, in words; empty where it may be.

    What an import raises is no such reason.
    """
    if module in sys.modules:
        return ""
    key = _key(module)
    known = _known()
    if key not in known:
        known[key] = _tried(module)
        os.environ[TRIED] = json.dumps(known)
    return known[key]


def _known() -> dict[str, str]:
    """What the processes before this one have found; nothing where the variable is not ours."""
    with suppress(ValueError):
        found = json.loads(os.environ.get(TRIED, "{}"))
        if isinstance(found, dict):
            return {str(key): str(value) for key, value in found.items()}
    return {}


def _key(module: str) -> str:
    """The module and the file that it was found in, as it is now."""
    with suppress(Exception):  # found or not, the trial tells
        # of its package: to look within would import that
        spec = importlib.util.find_spec(module.partition(".")[0])
        if spec and spec.origin:
            return f"{module} {spec.origin} {Path(spec.origin).stat().st_mtime_ns}"
    return module


def _tried(module: str) -> str:
    path = os.pathsep.join(place or os.getcwd() for place in sys.path)
    command = [sys.executable, "-P", import_alone.__file__, module, str(2 * PATIENCE)]
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        # what it says is said again where it is imported
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": path},
        start_new_session=True,
    )
    try:
        code = process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        return f"did not come back in {PATIENCE:g} s"
    finally:
        # with whatever it has started
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return _words(code)


def _words(code: int) -> str:
    match code:
        case import_alone.BACK:
            return ""
        case import_alone.THREADS:
            return "started a thread"
        case import_alone.CHILDREN:
            return "started a process"
        case import_alone.INTERRUPTS:
            return "raised KeyboardInterrupt, which ends whoever imports it,"
        case _ if code < 0:
            return f"ended its process with signal {-code}"
        case _:
            return f"ended its process with exit code {code}"
