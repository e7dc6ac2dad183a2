"""The child's main: jobs come as JSON lines on stdin, progress and records go out on stdout.

Here alone a framework is imported, one for each process. Its stdout belongs to the protocol;
whatever else prints goes to stderr.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import time
import traceback
from dataclasses import replace
from types import FrameType
from typing import Any, TextIO

import backends
from backends.base import Unsupported, peak_resident_bytes
from bench import tasks
from bench.coordinator.job import Finding, Job, Progress
from bench.processes import machine
from bench.records import Record
from models.errors import PosePortError


class Stop(BaseException):
    """The run is being interrupted: a task may save what it has, then the worker ends."""


def main() -> int:
    """Serve jobs until stdin closes."""
    # Frameworks print from C too, past sys.stdout: so the descriptor itself is moved.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    signal.signal(signal.SIGTERM, _stop)
    # Ctrl-C is the coordinator's, which then asks by SIGTERM.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        for line in iter(sys.stdin.readline, ""):
            job = Job.model_validate_json(line)
            backends.isolate(job.backend)
            _send(out, {"record": serve(job, out).model_dump(mode="json")})
    except Stop:
        return 143  # as a shell has it of a process that SIGTERM ended
    return 0


def serve(job: Job, out: TextIO) -> Record:
    """Run one job; whatever goes wrong becomes the record's status and one line of reason."""
    started = time.perf_counter()
    finding = _alone(_attempt(job, out))
    return Record(
        task=job.task,
        backend=job.backend,
        model=job.model,
        device=job.config.device,
        actual_device=finding.actual_device,
        precision=job.config.precision,
        status=finding.status,
        reason=finding.reason,
        seconds=time.perf_counter() - started,
        peak_rss_bytes=peak_resident_bytes(),
        config=job.settings.sizes | {"preset": job.settings.preset}
        if job.model
        else {},
        payload=finding.payload,
        versions=machine.versions(),
    )


def _alone(finding: Finding) -> Finding:
    """The finding, if no second framework was loaded on the way.

    Two in one process can crash each other, and share threads and memory: what was measured
    there does not count.
    """
    known = sorted(set(backends.frameworks().values()))
    loaded = [module for module in known if sys.modules.get(module)]
    if len(loaded) < 2:
        return finding
    reason = f"{' and '.join(loaded)} shared this process; a backend imports its own framework only"
    return replace(finding, status="invalid", reason=reason)


def _attempt(job: Job, out: TextIO) -> Finding:
    last = 0.0

    def progress(text: str, done: float) -> None:
        nonlocal last
        now = time.perf_counter()
        # Seldom enough to cost nothing, often enough for a bar to move.
        if now - last > 0.2 or done >= 1:
            last = now
            _send(out, {"progress": [text, done]})

    try:
        return _found(job, progress, out)
    except Unsupported as error:
        return Finding(None, "unsupported", str(error))
    except PosePortError as error:
        return Finding(None, "failed", str(error))
    except MemoryError:
        raise  # ends the process, whose memory is then free; the parent knows the sign
    except Exception as error:  # the cell is lost, the sweep goes on
        traceback.print_exc()
        # a device's memory: torch.OutOfMemoryError, RESOURCE_EXHAUSTED and their like
        if "out of memory" in str(error).lower():
            return Finding(
                None,
                "out_of_memory",
                "the device's memory is full; lower the batch or the model's sizes",
            )
        place = traceback.extract_tb(error.__traceback__)[-1]
        text = " ".join(str(error).split())[:300]
        return Finding(
            None,
            "failed",
            f"{type(error).__name__}: {text}"
            f" ({os.path.basename(place.filename)}:{place.lineno})",
        )


def _found(job: Job, progress: Progress, out: TextIO) -> Finding:
    """What the task brings back. A cell about the data alone has no backend and no device."""
    backend = backends.load(job.backend) if job.backend else None
    device = backend.device(job.config.device) if backend else "cpu"
    task = importlib.import_module(tasks.get(job.task).module)
    turn = {"turn": lambda: _turn(out)} if job.turns else {}
    found: Finding = task.run(job, backend, device, progress, **turn)
    return replace(found, actual_device=found.actual_device or device)


def _turn(out: TextIO) -> None:
    """Wait until this worker alone may compute."""
    _send(out, {"turn": True})
    sys.stdin.readline()


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stop


def _send(out: TextIO, message: dict[str, Any]) -> None:
    out.write(json.dumps(message) + "\n")
    out.flush()


if __name__ == "__main__":
    sys.exit(main())
