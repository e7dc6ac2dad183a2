"""The parent's handle on a worker process.

A worker is started when first needed, killed when it hangs, replaced when it dies.

The parent blocks on the worker's pipe; it never polls, which would disturb what is timed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import IO, Any

from backends.base import SCRATCH
from bench.coordinator.job import Job
from bench.processes.machine import ROOT, thread_environment
from bench.records import Record, Status

Listener = Callable[[str, float], None]
Turn = Callable[[], None]
GRACE = 20.0  # seconds a worker has to save its state when asked to stop


class Worker:
    """A child process that runs jobs one after the other."""

    def __init__(self, *, threads: int) -> None:
        self._threads = threads
        self._process: subprocess.Popen[str] | None = None
        self._errors: IO[bytes] | None = None
        self._scratch: tempfile.TemporaryDirectory[str] | None = None

    def run(
        self, job: Job, listen: Listener, *, timeout: float, turn: Turn | None = None
    ) -> Record:
        """The job's record.

        A crash, a kill for memory or a time-out is a record too. `turn` returns when the
        worker may compute.
        """
        process = self._started()
        killed = threading.Event()

        def kill() -> None:
            killed.set()
            process.kill()

        timer = threading.Timer(timeout, kill)
        timer.start()
        try:
            record = self._converse(process, job, listen, turn)
            if record is not None:
                return record
            late = timeout if killed.is_set() else None
            return self._post_mortem(process, job, late=late)
        finally:
            timer.cancel()

    def close(self) -> None:
        """Let the worker end; ask it to, where it is in the middle of something."""
        process, self._process = self._process, None
        if process is None:
            return
        # A worker ends by itself when nobody can ask it any more.
        with suppress(BrokenPipeError):
            if process.stdin:
                process.stdin.close()
        try:
            process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=GRACE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._release(process)

    def interrupt(self) -> None:
        """Ask the worker to save its state and end, now."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None or self._process.poll() is not None:
            if self._process is not None:  # it has died between two jobs
                self._release(self._process)
            # A file, not a pipe: nobody reads it, and a full pipe would stop the worker.
            self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the worker
            self._scratch = tempfile.TemporaryDirectory(prefix="poseport-")
            environment = {
                **os.environ,
                **thread_environment(self._threads),
                "PYTHONPATH": _path(),
                SCRATCH: self._scratch.name,
            }
            self._process = subprocess.Popen(
                [sys.executable, "-m", "bench.processes.child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                text=True,
                env=environment,
                # Ctrl-C reaches the parent alone, which then asks the worker to stop
                start_new_session=True,
            )
        return self._process

    def _converse(
        self,
        process: subprocess.Popen[str],
        job: Job,
        listen: Listener,
        turn: Turn | None,
    ) -> Record | None:
        assert process.stdin is not None
        assert process.stdout is not None
        _tell(process.stdin, job.model_dump_json())
        for line in process.stdout:
            message = _message(line)
            if "record" in message:
                return Record.model_validate(message["record"])
            if "progress" in message:
                listen(*message["progress"])
            if "turn" in message and turn:
                turn()
                _tell(process.stdin, "go")
        return None  # the pipe has closed

    def _post_mortem(
        self, process: subprocess.Popen[str], job: Job, *, late: float | None
    ) -> Record:
        """Why the pipe closed without a record; `late` is the time-out, where that was it."""
        code = process.wait()
        tail = self._last_words()
        self._release(process)
        status, reason = _cause(code, tail, late=late)
        return Record(
            task=job.task,
            backend=job.backend,
            model=job.model,
            device=job.config.device,
            precision=job.config.precision,
            status=status,
            reason=reason,
        )

    def _release(self, process: subprocess.Popen[str]) -> None:
        """Close the pipes of a worker that has ended, and remove what it has kept."""
        for pipe in (process.stdin, process.stdout, self._errors):
            with suppress(BrokenPipeError):  # a job that nobody read
                if pipe:
                    pipe.close()
        if self._scratch:
            self._scratch.cleanup()
        self._process = self._errors = self._scratch = None

    def _last_words(self) -> str:
        if self._errors is None:
            return "it said nothing"
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else "it said nothing"


def _cause(code: int, tail: str, *, late: float | None) -> tuple[Status, str]:
    """What an exit code and the last line on stderr say of a worker's end."""
    if late is not None:
        raised = "raise it with --set timeout=SECONDS"
        return "timeout", f"no result after {late:g} s; {raised}"
    # Linux kills with SIGKILL whoever takes the last memory; nothing else here does.
    if code == -signal.SIGKILL or "MemoryError" in tail:
        lower = "lower the batch or the model's sizes"
        return (
            "out_of_memory",
            f"the worker was killed, most likely for memory; {lower}",
        )
    how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    return "crashed", f"the worker ended with {how}: {tail}"


def _tell(pipe: IO[str], line: str) -> None:
    """Write one line; a worker that has died says so by its silence."""
    with suppress(BrokenPipeError):
        pipe.write(line + "\n")
        pipe.flush()


def _message(line: str) -> dict[str, Any]:
    """A line of the protocol; nothing for half of one, or for what else reached the pipe."""
    try:
        message = json.loads(line)
    except ValueError:
        return {}  # a dying worker's last line, or a library that prints past Python
    return message if isinstance(message, dict) else {}


def _path() -> str:
    """The checkout first, then whatever was there."""
    rest = os.environ.get("PYTHONPATH")
    return os.pathsep.join([str(ROOT), *([rest] if rest else [])])
