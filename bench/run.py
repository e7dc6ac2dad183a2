"""The coordinator: which cells there are, one worker per backend and model, records appended as they come, the report at the end.

It imports no framework. An interrupted run goes on with `resume`: finished cells are kept, all others are done again.
"""

from __future__ import annotations

import json
import secrets
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import backends
import models
from bench import config as configs
from bench import data, environment, metrics, records
from bench.config import Config, Model
from bench.isolate import Worker
from bench.job import Job
from bench.records import Record, RunInfo
from models import ops
from models.errors import BadInput

Listener = Callable[[Job, str, float], None]
MODEL_FREE = ("shape_ops",)  # tasks about a backend alone


@dataclass(frozen=True)
class Outcome:
    """A finished run."""

    folder: Path
    records: tuple[Record, ...]

    @property
    def failed(self) -> list[Record]:
        """Cells in which something measured went wrong."""
        return [record for record in self.records if record.status not in ("ok", "unsupported", "not_measured")]


def check(config: Config) -> None:
    """Everything that can be wrong before work starts: names, data. Raises BadInput, UnknownName or Missing; nothing is written."""
    for backend in config.backend:
        backends.require(backend)
    for op in config.ops:
        ops.get(op)
    for metric in config.metrics:
        metrics.load(metric)
    protocol = data.protocol_for(config.data, config.protocol)
    for name, settings in config.model.items():
        check_model(name, settings, joints=len(protocol.joints))
    if {"train", "evaluate"} & set(config.tasks):
        data.load(config.data, protocol=protocol, seed=config.seed, small=config.small, noise=config.noise)


def check_model(name: str, settings: Model, *, joints: int) -> None:
    """Build a model once. Raises UnknownName, or BadInput naming the size that is of the wrong type or does not fit the others."""
    preset = models.size(name, preset=settings.preset)
    if settings.sizes.get("joints", joints) != joints:
        raise BadInput(
            f"configuration key model.{name}.sizes.joints: {joints} was due, the joints of the protocol's skeleton; leave it out"
        )
    for key, value in settings.sizes.items():
        due = type(getattr(preset, key, value))
        fits = {int: isinstance(value, int), float: isinstance(value, (int, float)), tuple: isinstance(value, (list, tuple))}
        if isinstance(value, bool) != (due is bool) or not fits.get(due, True):
            raise BadInput(f"configuration key model.{name}.sizes.{key}: {due.__name__} was due, got {value!r}")
    try:
        models.build(name, preset=settings.preset, loss=settings.train.loss, **{"joints": joints, **settings.sizes})
    except BadInput:
        raise
    except (ArithmeticError, TypeError, ValueError) as error:
        raise BadInput(f"configuration key model.{name}.sizes: {settings.sizes} make no network: {error}") from None


def jobs(config: Config, folder: Path) -> list[Job]:
    """All cells, backend by backend, model by model, tasks in the order they build on each other."""
    found = []
    for backend in config.backend:
        for model in ["", *config.model]:
            tasks = [task for task in configs.TASKS if task in config.tasks and (task in MODEL_FREE) == (model == "")]
            found += [Job(task=task, backend=backend, model=model, config=config, folder=folder) for task in tasks]  # type: ignore[arg-type]
    return found


def start(config: Config, *, out: Path, command: str) -> Path:
    """Make the run folder with `run.json`; returns it."""
    folder = out / f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    folder.mkdir(parents=True)
    write_info(
        folder,
        RunInfo(
            id=folder.name,
            started=datetime.now(UTC).isoformat(timespec="seconds"),
            command=command,
            config=config.model_dump(mode="json"),
            environment=environment.describe(),
            commit=environment.commit(),
            seed=config.seed,
        ),
    )
    return folder


def resumed(folder: Path) -> Config:
    """The configuration of an earlier run. Raises BadInput where the folder is no run."""
    try:
        return configs.validate(records.load(folder).info.config)
    except FileNotFoundError:
        raise BadInput(
            f"{folder} is no run folder: it holds no run.json; --resume takes the folder that `python -m bench run` printed"
        ) from None
    except ValueError as error:
        raise BadInput(f"{folder}: run.json or records.jsonl cannot be read: {' '.join(str(error).split())[:200]}") from None


def execute(folder: Path, config: Config, listen: Listener, finished: Callable[[Record], None]) -> Outcome:
    """Run the cells that have no finished record yet. On Ctrl-C the worker saves its state and KeyboardInterrupt goes on up."""
    done = {records.cell(record): record for record in records.load(folder).records if record.status == "ok"}
    todo = [job for job in jobs(config, folder) if _cell(job) not in done]
    for group in _groups(todo):
        worker = Worker(threads=config.threads)
        with _closing(worker):
            for job in group:
                record = worker.run(job, lambda text, share, job=job: listen(job, text, share), timeout=config.timeout)  # type: ignore[misc]
                records.append(folder, record)
                finished(record)
    run = records.load(folder)
    write_info(folder, run.info.model_copy(update={"finished": datetime.now(UTC).isoformat(timespec="seconds")}))
    return Outcome(folder, run.records)


def write_info(folder: Path, info: RunInfo) -> None:
    """Replace `run.json` in one step."""
    draft = folder / ".run.json"
    draft.write_text(json.dumps(info.model_dump(mode="json"), indent=1), encoding="utf-8")
    draft.replace(folder / "run.json")


def _cell(job: Job) -> tuple[str, str, str, str, str]:
    return job.task, job.backend, job.model, job.config.device, job.config.precision


def _groups(todo: Sequence[Job]) -> Iterator[list[Job]]:
    """Jobs that share a worker: one backend, one model."""
    groups: dict[tuple[str, str], list[Job]] = {}
    for job in todo:
        groups.setdefault((job.backend, job.model), []).append(job)
    yield from groups.values()


@contextmanager
def _closing(worker: Worker) -> Iterator[None]:
    """End the worker with the block; SIGTERM counts as Ctrl-C, so that a scheduler's stop loses nothing either."""

    def interrupt(number: int, frame: FrameType | None) -> Any:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        worker.interrupt()
        raise
    finally:
        worker.close()
        signal.signal(signal.SIGTERM, before)
