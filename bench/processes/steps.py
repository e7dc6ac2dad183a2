"""Steps of a job, each of which may end the worker: a kernel that crashes takes its process along.

A task says which step begins. So its parent knows what has ended a worker, and gives the job to a
new one, which is told and goes on with the rest. What a step has given may be kept in a file until
the job is done: a new worker reads it there, and so does a run that is gone on with.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from bench.coordinator.job import Death, Job
from models import title

FOLDER = "steps"  # of a run folder
Send = Callable[[Mapping[str, Any]], None]


class Steps:
    """What a task knows of the workers before this one, and tells its parent."""

    def __init__(self, job: Job, send: Send, *, file: Path | None = None) -> None:
        self._deaths = job.deaths
        self._send = send
        self._file = file
        self._kept: dict[str, Any] = {}
        self._first = True
        self.over = job.over  # the time of the cell: nothing new is to begin

    def resume(self, question: str) -> None:
        """Take what was kept of the same question, by which all answers are decided."""
        if self._file is None:
            return
        self._kept = _read(self._file, question)
        if not self._kept:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.write_text(_line({"question": question}), encoding="utf-8")

    @contextmanager
    def begun(
        self, name: str, *, seconds: float, setting: str
    ) -> Iterator[Callable[[str], None]]:
        """While a step is being done, or a part of it, whose name is told by what this gives.

        Each may take so many seconds, as a setting says. Where it raises, it is what has ended
        the worker that gives up the job then.
        """
        first, self._first = self._first, False
        step = {"step": name, "seconds": seconds, "setting": setting, "first": first}
        self._send(step)
        yield lambda part: self._send({**step, "part": part})
        self._send({"step": ""})

    def death(self, name: str) -> Death | None:
        """How a step ended a worker the last time; None where it did not."""
        found = [death for death in self._deaths if death.step == name]
        return found[-1] if found else None

    def deaths(self, name: str) -> int:
        """How often a step has ended a worker."""
        return sum(death.step == name for death in self._deaths)

    def kept(self, name: str) -> Any:
        """What a step has given to a worker before this one; None where it has given nothing."""
        return self._kept.get(name)

    def keep(self, name: str, found: Any) -> None:
        """Hold what a step has given, as JSON has it."""
        if self._file is not None:
            with self._file.open("a", encoding="utf-8") as lines:
                lines.write(_line({"step": name, "found": found}))

    def forget(self) -> None:
        """Remove what was kept: the job is done, and asked anew the next time."""
        if self._file is not None:
            self._file.unlink(missing_ok=True)
            with suppress(OSError):  # another job's lie there, or nothing was kept
                self._file.parent.rmdir()


def place(job: Job) -> Path:
    """The file in which a job's steps are kept."""
    about = filter(None, (job.task, job.backend, title(job.model)))
    return job.folder / FOLDER / f"{'-'.join(about)}.jsonl"


def _line(content: Mapping[str, Any]) -> str:
    return json.dumps(content) + "\n"


def _read(file: Path, question: str) -> dict[str, Any]:
    """By step; nothing where there is no file, or that of another question."""
    try:
        first, *lines = file.read_text(encoding="utf-8").splitlines()
        if json.loads(first)["question"] != question:
            return {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    found: dict[str, Any] = {}
    for line in lines:
        # the last one may be half a line, of a worker that died while it wrote
        with suppress(ValueError, KeyError, TypeError):
            content = json.loads(line)
            found[content["step"]] = content["found"]
    return found
