"""Which tasks there are: a room of `bench` with a file `task.py` is one.

What a run must know of a task before any worker starts stands in the room's `__init__.py` and is
read without importing the room:

TASK        its name, in commands, configurations and records
AFTER       tasks of the same run that come before it; none if left out
ABOUT       what a cell of it is about: "model" (a backend and a model, if left out), "repeated"
            (a model on a backend that trains it more than once: the one that others are held
            against, and each where several seeds are asked for), "backend", or "data" (neither)
DATA        True where it reads the run's clips
TIMED       True where nothing else may compute meanwhile: all backends then take turns
STEPS       True where it is made of steps, each of which may end its worker: then it is given
            them (`bench/processes/steps.py`)
ON_REQUEST  True where it is no part of a usual run
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from models import folder
from models.errors import PosePortError, UnknownName

HERE = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Task:
    """One thing that can be asked. `module` holds `run(job, backend, device, progress)`."""

    name: str
    module: str
    after: tuple[str, ...] = ()
    about: Literal["model", "repeated", "backend", "data"] = "model"
    data: bool = False
    timed: bool = False
    steps: bool = False
    on_request: bool = False


@cache
def table() -> dict[str, Task]:
    """Every task by name, each after those it builds on."""
    # rooms inside rooms too: the baselines are part of the evaluation, the onnx cases of the exam
    rooms = sorted(HERE.rglob("task.py"))
    found: dict[str, Task] = {}
    for task in map(_task, rooms):
        if twin := found.get(task.name):
            both = f"{twin.module} and {task.module}"
            raise PosePortError(f"task {task.name}: {both} have this name; rename one")
        found[task.name] = task
    order = folder.ordered({name: task.after for name, task in found.items()})
    return {name: found[name] for name in order}


def get(name: str) -> Task:
    """The task called `name`. Raises UnknownName with the nearest names."""
    if name not in table():
        raise UnknownName("task", name, table())
    return table()[name]


def usual() -> tuple[str, ...]:
    """The tasks of a run that asks for none by name."""
    return tuple(name for name, task in table().items() if not task.on_request)


def _task(file: Path) -> Task:
    """What a room says of itself."""
    manifest = file.with_name("__init__.py")
    said: dict[str, Any] = {}
    for field in ("after", "about", "data", "timed", "steps", "on_request"):
        value = folder.stated(manifest, field.upper())
        # what is not stated keeps its default above, the only place where it stands
        if value is not None:
            said[field] = value
    # not imported: a worker imports one task, and with it a framework perhaps
    parts = file.relative_to(HERE).with_suffix("").parts
    return Task(
        name=folder.stated(manifest, "TASK", file.parent.name),
        module=".".join(("bench", *parts)),
        **said,
    )
