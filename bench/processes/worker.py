"""The parent's handle on a worker process.

A worker is started when first needed, killed when it hangs, replaced when it dies. It is a session
of its own, which ends as a whole: what it has started ends with it, however it ended.

The parent blocks on the worker's pipe; it does not poll it, which would disturb what is timed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import IO, Any

from backends.base import SCRATCH
from bench.coordinator.job import ENDS, Death, Job
from bench.processes import calls, ending, lifeline, memory, placing
from bench.processes.ending import Late
from bench.processes.limit import Limit, Step, send
from bench.processes.machine import ROOT, thread_environment
from bench.records import Record

Listener = Callable[[str, float], None]
Turn = Callable[[], None]
GRACE = 20.0  # seconds a worker has to save its state when asked to stop
WHOLE = "timeout"  # the setting of a job's time
TOLD = 60.0  # seconds for what is known of a job, when its own are over
BURIED = 2.0  # seconds for what it has started to be found and ended
TWICE = 2  # so often may a step end a worker: alone at last, by itself for sure
HEARD = (
    200_000  # bytes of its last words: a crash gives a hundred lines for each thread
)


class Worker:
    """A child process that runs jobs one after the other."""

    def __init__(self, *, threads: int) -> None:
        self._threads = threads
        self._process: subprocess.Popen[str] | None = None
        self._errors: IO[bytes] | None = None
        self._call: calls.Kept | None = None
        self._step = Step()
        self._limit: Limit | None = None
        self._burial: threading.Thread | None = None
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        # the last one, for a process that is only being started when it is sent
        self._signal: signal.Signals | None = None

    def run(
        self, job: Job, listen: Listener, *, timeout: float, turn: Turn | None = None
    ) -> Record:
        """The job's record.

        A crash, a kill for memory or a time-out is a record too; of a job that is made of steps
        the step is left out, and the others are done by a new worker. `turn` returns when the
        worker may compute.
        """
        started = time.monotonic()
        limit, left = Late(timeout, WHOLE), timeout
        record = self._serve(job, listen, limit, left, turn)
        while self._signal is None and (death := self._death(job, record)):
            left = started + timeout - time.monotonic()
            more = {"deaths": (*job.deaths, death), "over": left <= 0}
            job = job.model_copy(update=more)
            # what is there already takes no longer to be told than a step
            left = left if left > 0 else max(TOLD, self._step.seconds)
            record = self._serve(job, listen, limit, left, turn)
        if not job.deaths:
            return record
        seen = record.model_copy(update={"seconds": time.monotonic() - started})
        return _in_time(seen, job) if job.over else seen

    def _death(self, job: Job, record: Record) -> Death | None:
        """How the step that was being done has ended the worker; None where it is no such end."""
        step = self._step
        if job.over or record.status not in ENDS:
            return None
        # on its way to the step that is next the time may be over, and nothing else
        known = sum(death.step == step.name for death in job.deaths)
        if known >= TWICE or not (step.name or (job.deaths and self._late())):
            return None
        status, reason = record.status, record.reason
        late = self._late()
        if late and late.setting == WHOLE:
            # whatever it was at may be quick: nobody is to blame but the sum of all
            where = f"; it was at {step.name}" if step.name else ""
            return Death(status=status, reason=f"{reason}{where}")
        return Death(
            step=step.name,
            part=step.part,
            status=status,
            reason=reason,
            first=step.first,
        )

    def _late(self) -> Late | None:
        """The limit that was passed, where that has ended the worker."""
        return self._limit.passed if self._limit else None

    def _serve(
        self,
        job: Job,
        listen: Listener,
        limit: Late,
        left: float,
        turn: Turn | None,
    ) -> Record:
        """What one process makes of the job."""
        process = self._started(job)
        if self._signal:
            send(process, self._signal)
        kills = memory.kills()
        # what it has said of another job is no word about this one
        self._step = Step(said=self._size())
        self._limit = Limit(process, limit, left=left)
        try:
            record = self._converse(process, job, listen, turn)
        finally:
            self._limit.lift()
        if record is None:
            return self._post_mortem(process, job, kills=kills)
        if record.status == "out_of_memory":
            self.close()  # all of its memory is free then, for the next job
        return record

    def close(self) -> None:
        """Let the worker end; ask it to, where it is in the middle of something."""
        process = self._process
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
                send(process, signal.SIGKILL)
                process.wait()
        self._release(process)

    def interrupt(self) -> None:
        """Ask the worker to save its state and end, now."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the worker as it is; one that is busy, stopped or swapped out, too."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        self._signal = number
        if self._process is not None:
            send(self._process, number)

    def _started(self, job: Job) -> subprocess.Popen[str]:
        if self._process is None or self._process.poll() is not None:
            if self._process is not None:  # it has died between two jobs
                self._release(self._process)
            # A file, not a pipe: nobody reads it, and a full pipe would stop the worker.
            self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the worker
            self._scratch = tempfile.TemporaryDirectory(prefix="poseport-")
            self._call = calls.Kept()
            own = lifeline.environment()
            environment = {
                **os.environ,
                **thread_environment(self._threads),
                **own,
                **self._call.environment(),
                **placing.environment(job.config.device),
                **memory.bound(job.config.memory),
                "PYTHONPATH": _path(),
                SCRATCH: self._scratch.name,
            }
            self._process = lifeline.started(
                [sys.executable, "-m", "bench.processes.child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env=environment,
                pass_fds=(self._call.number,),
                # Ctrl-C reaches the parent alone, which then asks the worker to stop
                start_new_session=True,
            )
            self._burial = lifeline.bury(self._process.pid, own)
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
            if record := _record(message):
                return record
            match message.get("progress"):
                case [str(text), int() | float() as share]:
                    listen(text, share)
            if "step" in message:
                self._begin(message)
            if "turn" in message and turn and self._limit:
                # another one that hangs is to cost this one nothing
                with self._limit.waiting():
                    turn()
                _tell(process.stdin, "go")
        return None  # the pipe has closed

    def _post_mortem(
        self,
        process: subprocess.Popen[str],
        job: Job,
        *,
        kills: int | None,
    ) -> Record:
        """Why the pipe closed without a record.

        `kills` is how many for want of memory the kernel had counted when the job began.
        """
        code = process.wait()
        words = self._words()
        at = self._call.name() if self._call else ""
        self._release(process)
        now = memory.kills()
        starved = None if kills is None or now is None else now > kills
        status, reason = ending.cause(
            code, words, late=self._late(), starved=starved, call=at
        )
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
        for pipe in (process.stdin, process.stdout, self._errors, self._call):
            with suppress(BrokenPipeError):  # a job that nobody read
                if pipe:
                    pipe.close()
        if self._burial:
            self._burial.join(BURIED)
        if self._scratch:
            self._scratch.cleanup()
        self._process = self._errors = self._scratch = self._call = None

    def _words(self) -> str:
        """The end of what the worker has said on stderr since its step, or job, began."""
        if self._errors is None:
            return ""
        self._errors.seek(max(self._step.said, self._size() - HEARD))
        return self._errors.read().decode(errors="replace")

    def _size(self) -> int:
        """Bytes that the worker has said on stderr."""
        return self._errors.seek(0, os.SEEK_END) if self._errors else 0

    def _begin(self, message: dict[str, Any]) -> None:
        """Hold the worker to the step that it says it is at; of half a message, to none."""
        step = Step()
        with suppress(TypeError):
            step = Step(message.pop("step"), **message)
        # what ends it after a step, and before the next, is laid at the door of the last
        self._step = step if step.name else self._step
        if self._limit:
            self._limit.step(step)


def _in_time(record: Record, job: Job) -> Record:
    """A record of what was done before the time of the job was over, which is its status."""
    reason = "; ".join(filter(None, (job.deaths[-1].reason, record.reason)))
    return record.model_copy(update={"status": "timeout", "reason": reason})


def _tell(pipe: IO[str], line: str) -> None:
    """Write one line; a worker that has died says so by its silence."""
    with suppress(BrokenPipeError):
        pipe.write(line + "\n")
        pipe.flush()


def _record(message: dict[str, Any]) -> Record | None:
    """A message's record; None where it brings none, or only something called so."""
    try:
        return Record.model_validate(message["record"])
    except (KeyError, ValueError):  # a backend may write into any pipe
        return None


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
