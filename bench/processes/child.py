"""The child's main: jobs come as JSON lines on stdin, progress and records go out on stdout.

Here alone a framework is imported, one for each process. Its stdout belongs to the protocol;
whatever else prints goes to stderr.
"""

from __future__ import annotations

import faulthandler
import importlib
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import FrameType
from typing import Any, TextIO

import backends
from backends.base import peak_resident_bytes
from bench import tasks
from bench.coordinator.job import Finding, Job, Progress
from bench.processes import (
    blame,
    calls,
    contract,
    ending,
    lifeline,
    machine,
    memory,
    placing,
)
from bench.processes.contract import Stop, Watch
from bench.processes.steps import Steps, place
from bench.records import Record
from models.errors import PosePortError, visible


def main() -> int:
    """Serve jobs until stdin closes."""
    lifeline.follow()
    calls.follow()
    memory.hold()
    # a crash in a framework's own code then says which line has called it
    faulthandler.enable()
    ending.tell_where()
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
    finally:
        # there is nothing to be saved: a thread or a hook of the backend's is not waited for
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
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
        actual_device=placing.counted(finding.actual_device, job.config.device),
        precision=job.config.precision,
        actual_precision=finding.actual_precision,
        status=finding.status,
        # a backend's own words may be in it, as of a gap
        reason=visible(finding.reason),
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

    watch = Watch()
    try:
        finding = _found(job, progress, out, watch)
    except Stop:
        raise
    except BaseException as error:  # the cell is lost, the sweep goes on
        if not isinstance(error, PosePortError):
            traceback.print_exc()
        finding = blame.lost(error)
    return settled(finding, watch)


def _found(job: Job, progress: Progress, out: TextIO, watch: Watch) -> Finding:
    """What the task brings back. A cell about the data alone has no backend and no device."""
    task = importlib.import_module(tasks.get(job.task).module)
    more: dict[str, Any] = {}
    if job.turns:
        more["turn"] = lambda: _turn(out)
    if tasks.get(job.task).steps:
        more["steps"] = Steps(job, lambda said: _begin(out, said), file=place(job))
    if not job.backend:
        about_data: Finding = task.run(job, None, "cpu", progress, **more)
        return replace(about_data, actual_device="cpu")
    backend = contract.loaded(job.backend, watch)
    watch.asked = placing.kind_of(backend, job.config.device)
    watch.scattered = not job.model
    found: Finding = task.run(job, backend, watch.asked, progress, **more)
    if "steps" in more:
        more["steps"].forget()
    return found


def settled(finding: Finding, watch: Watch) -> Finding:
    """The finding with what was seen on the way, which may cost it its status."""
    reasons = [finding.reason, *watch.breaches]
    status = finding.status
    if watch.breaches and status not in ("invalid", "out_of_memory"):
        status = "failed"
    if stray := sorted(watch.astray()):
        where = " and ".join(stray)
        reasons.insert(0, f"{watch.asked} was asked for, and results lie on {where}")
        status = "invalid"
    return replace(
        finding,
        status=status,
        reason="; ".join(filter(None, reasons)),
        actual_device=finding.actual_device or _joined(sorted(watch.devices)),
        actual_precision=_joined(watch.precisions),
    )


def _joined(seen: Iterable[str]) -> str | None:
    """Usually one; None where nothing was seen."""
    return " and ".join(seen) or None


def _begin(out: TextIO, step: Mapping[str, Any]) -> None:
    """Tell which step begins; what is on stderr already are no last words of it."""
    try:
        said = os.lseek(2, 0, os.SEEK_CUR)
    except OSError:  # no file, as at a terminal
        said = 0
    _send(out, {**step, "said": said})


def _turn(out: TextIO) -> None:
    """Wait until this worker alone may compute."""
    _send(out, {"turn": True})
    sys.stdin.readline()


def _stop(number: int, frame: FrameType | None) -> None:
    calls.stay()
    raise Stop


def _send(out: TextIO, message: Mapping[str, Any]) -> None:
    out.write(json.dumps(message) + "\n")
    out.flush()


if __name__ == "__main__":
    sys.exit(main())
