"""The coordinator: which cells there are, one worker per backend and model, records
appended as they come; timing last, in turns.

It imports no framework. An interrupted run goes on with `resume`: finished cells are kept,
all others are done again.
"""

from __future__ import annotations

import itertools
import json
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import backends
import models
from bench import config as configs
from bench import data, metrics, records, tasks
from bench.config import Config, Model
from bench.coordinator import dataset
from bench.coordinator.crew import Crew, Listener, lanes
from bench.coordinator.job import Job
from bench.data import Split, augment
from bench.parity import traces
from bench.processes import machine
from bench.records import Comparison, Record, RunInfo
from bench.speed import turns
from models import ops
from models.errors import BadInput, UnknownName


@dataclass(frozen=True)
class Outcome:
    """A finished run."""

    folder: Path
    records: tuple[Record, ...]

    @property
    def failed(self) -> list[Record]:
        """Cells in which something measured went wrong."""
        return [
            record
            for record in self.records
            if record.status not in ("ok", "unsupported", "not_measured")
        ]


def check(config: Config, *, resume: Path | None = None) -> Split | None:
    """Everything that can be wrong before work starts; the clips, where they had to be read.

    A run that is resumed has them already. Raises BadInput, UnknownName or Missing; nothing is
    written.
    """
    for backend in config.backend:
        backends.require(backend)
    for op in config.ops:
        ops.get(op)
    for metric in config.metrics:
        metrics.load(metric)
    if config.against and config.against not in config.backend:
        raise UnknownName("backend of this run", config.against, config.backend)
    protocol = data.protocol_for(config.data, config.protocol)
    if protocol.hypotheses != "one":
        raise BadInput(
            f"protocol {protocol.name} scores several poses for a frame, and models here"
            " give one; use metrics.evaluate"
        )
    for name, settings in config.model.items():
        check_model(name, settings, joints=len(protocol.joints))
    if config.augment:
        augment.read(config.augment)
    kept = resume is not None and dataset.is_kept(resume, config)
    reads = any(tasks.get(name).data for name in config.tasks)
    return dataset.read(config) if reads and not kept else None


def check_model(name: str, settings: Model, *, joints: int) -> None:
    """Build a model once.

    Raises UnknownName, or BadInput naming the size that is of the wrong type or does not
    fit the others.
    """
    preset = models.size(name, preset=settings.preset)
    if settings.sizes.get("joints", joints) != joints:
        raise BadInput(
            f"configuration key model.{name}.sizes.joints: {joints} was due, the joints of"
            " the protocol's skeleton; leave it out"
        )
    for key, value in settings.sizes.items():
        due = type(getattr(preset, key, value))
        fits = {
            int: isinstance(value, int),
            float: isinstance(value, (int, float)),
            tuple: isinstance(value, (list, tuple)),
        }
        if isinstance(value, bool) != (due is bool) or not fits.get(due, True):
            raise BadInput(
                f"configuration key model.{name}.sizes.{key}: {due.__name__} was due, got"
                f" {value!r}"
            )
    try:
        models.build(
            name,
            preset=settings.preset,
            loss=settings.train.loss,
            **{"joints": joints, **settings.sizes},
        )
    except BadInput:
        raise
    except (ArithmeticError, TypeError, ValueError) as error:
        raise BadInput(
            f"configuration key model.{name}.sizes: {settings.sizes} make no network:"
            f" {error}"
        ) from None


def jobs(config: Config, folder: Path) -> list[Job]:
    """All cells: those about the data, then backend by backend and model by model, each in the
    order that tasks build on each other.
    """
    asked = [task for task in tasks.table().values() if task.name in config.tasks]
    subjects = [("", "")]
    for backend in config.backend:
        subjects += [(backend, model) for model in ("", *config.model)]
    return [
        Job(task=task.name, backend=backend, model=model, config=config, folder=folder)
        for backend, model in subjects
        for task in asked
        if task.about == _kind(backend, model)
    ]


def _kind(backend: str, model: str) -> str:
    """What a cell of a backend and a model is about, in the words of `bench.tasks`."""
    if model:
        return "model"
    return "backend" if backend else "data"


def start(config: Config, *, out: Path, command: str, clips: Split | None = None) -> Path:
    """Make the run folder with `run.json`, and the clips where they were read; returns it."""
    started = datetime.now(UTC)
    folder = out / f"{started:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    folder.mkdir(parents=True)
    if clips is not None:
        dataset.keep(folder, clips, config)
    info = RunInfo(
        id=folder.name,
        started=started.isoformat(timespec="seconds"),
        command=command,
        config=config.model_dump(mode="json"),
        environment=machine.describe(),
        commit=machine.commit(),
        seed=config.seed,
    )
    write_info(folder, info)
    return folder


def resumed(folder: Path) -> Config:
    """The configuration of an earlier run. Raises BadInput where the folder is no run."""
    try:
        return configs.validate(records.load(folder).info.config)
    except FileNotFoundError:
        raise BadInput(
            f"{folder} is no run folder: it holds no run.json; --resume takes the folder"
            " that `python -m bench run` printed"
        ) from None
    except ValueError as error:
        raise BadInput(
            f"{folder}: run.json or records.jsonl cannot be read:"
            f" {' '.join(str(error).split())[:200]}"
        ) from None


def execute(
    folder: Path, config: Config, listen: Listener, finished: Callable[[Record], None]
) -> Outcome:
    """Run the cells that have no finished record yet.

    On Ctrl-C the workers save their state and KeyboardInterrupt goes on up.
    """
    done = {
        records.cell(record): record
        for record in records.load(folder).records
        if record.status == "ok"
    }
    todo = [job for job in jobs(config, folder) if _cell(job) not in done]

    def keep(record: Record) -> None:
        records.append(folder, record)
        finished(record)

    timed = [job for job in todo if tasks.get(job.task).timed]
    if any(tasks.get(job.task).data for job in todo):
        dataset.of(config, folder)  # before the workers, who would each read it
    Crew(config, listen, keep).serve(
        _grouped([job for job in todo if job not in timed], _worker), at_once=lanes(config)
    )
    for comparison in _comparisons(folder, config):
        keep(comparison)
    for contenders in _grouped(timed, lambda job: job.model):
        _compete(contenders, config, listen, keep)
    run = records.load(folder)
    write_info(
        folder,
        run.info.model_copy(
            update={"finished": datetime.now(UTC).isoformat(timespec="seconds")}
        ),
    )
    return Outcome(folder, run.records)


def _comparisons(folder: Path, config: Config) -> Iterator[Record]:
    """Each backend's ladder against that of the chosen one, from the traces that their
    workers left.
    """
    reference = config.against or config.backend[0]
    others = [
        backend
        for backend in config.backend
        if backend != reference and "parity" in config.tasks
    ]
    for backend, model in itertools.product(others, config.model):
        yield _comparison(folder, config, backend, model, reference)


def _comparison(
    folder: Path, config: Config, backend: str, model: str, reference: str
) -> Record:
    about = {
        "task": "compare",
        "backend": backend,
        "model": model,
        "device": config.device,
        "precision": config.precision,
    }
    try:
        checks = traces.compare(
            *(
                traces.load(traces.path(folder, name, model))
                for name in (backend, reference)
            )
        )
    except BadInput as error:
        return Record.model_validate(
            {**about, "status": "not_measured", "reason": str(error)}
        )
    wrong = [check for check in checks if not check.ok]
    reason = (
        f"{len(wrong)} values are further from {reference} than both may be; first"
        f" {wrong[0].kind} {wrong[0].name}"
        if wrong
        else ""
    )
    payload = Comparison(against=reference, checks=checks)
    return Record.model_validate(
        {
            **about,
            "status": "failed" if wrong else "ok",
            "reason": reason,
            "payload": payload,
        }
    )


def _compete(
    contenders: Sequence[Job],
    config: Config,
    listen: Listener,
    keep: Callable[[Record], None],
) -> None:
    """Time one model on all its backends, and keep the records with their ratios, in the
    order of the backends.
    """
    found: list[Record] = []
    Crew(config, listen, found.append).compete(contenders)
    order = [job.backend for job in contenders]
    for record in turns.compared(
        sorted(found, key=lambda record: order.index(record.backend))
    ):
        keep(record)


def write_info(folder: Path, info: RunInfo) -> None:
    """Replace `run.json` in one step."""
    draft = folder / ".run.json"
    draft.write_text(json.dumps(info.model_dump(mode="json"), indent=1), encoding="utf-8")
    draft.replace(folder / "run.json")


def _cell(job: Job) -> tuple[str, str, str, str, str]:
    return job.task, job.backend, job.model, job.config.device, job.config.precision


def _worker(job: Job) -> tuple[str, str]:
    """Jobs of one backend and one model share a worker."""
    return job.backend, job.model


def _grouped(jobs: Sequence[Job], key: Callable[[Job], object]) -> list[list[Job]]:
    """Jobs of one key together, in the order of their first."""
    groups: dict[object, list[Job]] = {}
    for job in jobs:
        groups.setdefault(key(job), []).append(job)
    return list(groups.values())
