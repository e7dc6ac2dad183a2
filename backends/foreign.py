"""Asks what somebody's manifest says: `reading_alone.py` imports it, in a process of its own.

One that hangs, ends its process, or leaves it changed would take along whoever lists the backends.
It is read once for a command: the processes that this one starts are told.
"""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypedDict

from backends import kin, reading_alone

PATIENCE = 15.0  # seconds: a manifest imports no framework, and takes a part of one
TRIED = "POSEPORT_TRIED"  # environment variable: module and file -> what was read
# of that variable in characters: Linux starts nothing with one of 128 KiB
ROOM = 1 << 15


class Read(TypedDict, total=False):
    """What a manifest holds, or why not."""

    fault: str  # why it must not be imported here, in words
    raised: str  # by its import
    file: str
    held: dict[str, Any]  # field -> plain value, as `reading_alone` writes it


def read(module: str, fields: Sequence[str]) -> Read:
    """Fields of a manifest, which is not imported here."""
    key = _key(module)
    known = {**_HERE, **_known()}
    return known[key] if key in known else _kept(key, _tried(module, fields))


# what the variable had no room for: processes that this one starts read it again
_HERE: dict[str, Read] = {}


def _kept(key: str, found: Read) -> Read:
    told = json.dumps({**_known(), key: found})
    if len(told) <= ROOM:
        os.environ[TRIED] = told
    else:
        _HERE[key] = found
    return found


def _known() -> dict[str, Read]:
    """What the processes before this one have found; nothing where the variable is not ours."""
    with suppress(ValueError):
        found = json.loads(os.environ.get(TRIED, "{}"))
        if isinstance(found, dict):
            return found
    return {}


def _key(module: str) -> str:
    """The module and the file that it was found in, as it is now."""
    with suppress(
        Exception
    ):  # what cannot be found cannot be read either, which says so
        # of its package: to look within would import that
        spec = importlib.util.find_spec(module.partition(".")[0])
        if spec and spec.origin:
            return f"{module} {spec.origin} {Path(spec.origin).stat().st_mtime_ns}"
    return module


def _tried(module: str, fields: Sequence[str]) -> Read:
    path = os.pathsep.join(place or os.getcwd() for place in sys.path)
    marked = kin.environment()
    with tempfile.TemporaryFile() as answer:
        number = str(answer.fileno())
        given = [module, str(2 * PATIENCE), number, *fields]
        process = subprocess.Popen(
            [sys.executable, "-P", reading_alone.__file__, *given],
            stdin=subprocess.DEVNULL,
            # stdout is for what was asked, and its words are no answer to it
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **marked, "PYTHONPATH": path},
            start_new_session=True,
            pass_fds=[answer.fileno()],
        )
        try:
            code = process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            return {"fault": f"did not come back in {PATIENCE:g} s"}
        finally:
            left = _ended(process, marked)
        answer.seek(0)
        found = _answered(answer.read()) if code == reading_alone.BACK else None
    if found is None:
        return {"fault": _words(code)}
    return {"fault": _words(reading_alone.CHILDREN)} if left else found


def _answered(text: bytes) -> Read | None:
    """What was written down; None where a manifest ends its process with the code of an answer."""
    with suppress(ValueError):
        found: Read = json.loads(text)
        if isinstance(found, dict) and found.keys() in ({"raised"}, {"file", "held"}):
            return found
    return None


def _ended(process: subprocess.Popen[bytes], marked: dict[str, str]) -> bool:
    """End it with whatever it has started; whether that was any."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return kin.end(marked)


def _words(code: int) -> str:
    match code:
        case reading_alone.THREADS:
            return "started a thread"
        case reading_alone.CHILDREN:
            return "started a process"
        case _ if code < 0:
            return f"ended its process with signal {-code}"
        case _:
            return f"ended its process with exit code {code}"
