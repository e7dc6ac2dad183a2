"""What makes a cell the cell it is: model, data, settings, environment; as one short text.

A cell of the same key has been measured, wherever in the grid it stands. What bears on no number
is left out: where it lies, how long it may take, how many compute beside it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import backends
from bench import tasks
from bench.config import Config
from bench.coordinator import dataset, spec
from bench.coordinator.job import Job
from bench.coordinator.run import LEFT_OUT
from bench.data.formats import whole_file
from bench.processes import machine
from models.errors import PosePortError

DIGITS = 16  # of a SHA-256: no sweep has so many cells that two would meet
UNHEARD = LEFT_OUT | {"tasks", "timeout", "memory", "workers", "tensorboard", "preset"}
EXAMS = ("shape_ops", "third_party", "audit")
# sections of the settings that some tasks alone read
READ_BY: dict[str, Callable[[str], bool]] = {
    "throughput": lambda task: tasks.get(task).timed,
    "exam": lambda task: task in EXAMS,
}


class Keys:
    """Keys of cells on one machine; what many cells share is looked at once."""

    def __init__(self, elsewhere: Callable[[str], Any]) -> None:
        # of a backend, what its environment is made of where it is not this one
        self._elsewhere = elsewhere
        self._machine = dict(machine.describe())
        self._specs: dict[str, str] = {}
        self._sources: dict[str, Any] = {}
        self._environments: dict[str, Any] = {}

    def of(self, jobs: tuple[Job, ...]) -> tuple[str, ...]:
        """The keys of cells that one worker is given, or several that compete."""
        first = jobs[0]
        shared = self._settings(first)
        shared["environment"] = [self._environment(job.backend) for job in jobs]
        if first.model:
            shared["spec"] = self._spec(first)
            shared["start"] = _start(first)
        shared["data"] = self._data(first.config)
        sections = {name: shared.pop(name) for name in READ_BY}
        common = json.dumps(shared, sort_keys=True)
        found = []
        for job in jobs:
            own = {
                name: said for name, said in sections.items() if READ_BY[name](job.task)
            }
            about = [common, job.task, job.backend, job.model, own]
            found.append(digest(json.dumps(about, sort_keys=True)))
        return tuple(found)

    def _settings(self, job: Job) -> dict[str, Any]:
        """The configuration, without what is of other cells."""
        left_out = UNHEARD | {"model"}
        if not (job.backend and job.model):
            # of a backend by itself no other says anything, and of the data none
            left_out |= {"backend", "against"}
        found = job.config.model_dump(mode="json", exclude=left_out)
        asked = job.config.model
        if job.backend:
            asked = {job.model: job.settings} if job.model else {}
        found["model"] = {
            name: settings.model_dump(mode="json") for name, settings in asked.items()
        }
        return found

    def _spec(self, job: Job) -> str:
        """Both graphs of the model."""
        said = spec.deciding(job.settings)
        key = f"{job.model} {job.config.data} {job.config.protocol} {said}"
        if key not in self._specs:
            built = spec.spec_of(job)
            graphs = f"{built.train.to_json()} {built.infer.to_json()}"
            self._specs[key] = digest(graphs)
        return self._specs[key]

    def _data(self, config: Config) -> Any:
        """Which clips there are, and of files when they were written."""
        said = json.dumps([config.data, config.protocol, config.corrupt], default=str)
        if said not in self._sources:
            asked = dataset.asked(config)
            self._sources[said] = [asked["protocol"], asked["corruption"]]
            self._sources[said].append(_stamp(config.data))
        return self._sources[said]

    def _environment(self, backend: str) -> Any:
        """Versions and machine; what the file gives in their place."""
        if backend not in self._environments:
            self._environments[backend] = {
                "machine": self._machine,
                "versions": machine.installed(("numpy", *_packages(backend))),
                "poseport": metadata.version("poseport"),
                "elsewhere": self._elsewhere(backend),
            }
        return self._environments[backend]


def _packages(backend: str) -> tuple[str, ...]:
    """What decides the numbers of a backend; nothing of one that is not here."""
    try:
        return backends.distributions(backend) if backend else ()
    except PosePortError:
        return ()


def _start(job: Job) -> str:
    """What the file holds that a training starts from; empty where all is drawn."""
    start = job.settings.train.start
    if start is None:
        return ""
    return _file(start, start.stat().st_mtime_ns)


@cache
def _file(path: Path, written: int) -> str:
    content = whole_file.content(path, "a checkpoint")
    return hashlib.sha256(content).hexdigest()[:DIGITS]


def _stamp(source: str) -> str:
    """Names, sizes and times of a source's files; empty where it has none."""
    _, colon, place = source.partition(":")
    root = Path(place)
    if not colon or not root.exists():
        return ""
    files = sorted(root.rglob("*")) if root.is_dir() else [root]
    seen = [(str(each), each.stat()) for each in files if each.is_file()]
    return digest(str([(name, s.st_size, s.st_mtime_ns) for name, s in seen]))


def digest(text: str) -> str:
    """A text as a few digits."""
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]
