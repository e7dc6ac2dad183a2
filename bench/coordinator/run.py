"""The coordinator: which cells there are, in which order, and what is kept of them.

A worker serves a backend, model after model; records are appended as they come; timing is last, in
turns. No framework is imported here. An interrupted run goes on with `resume`: finished cells are
kept, all others are done again.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench import config as configs
from bench import records, tasks
from bench.config import Config
from bench.coordinator import contests, dataset
from bench.coordinator.comparing import comparisons
from bench.coordinator.crew import Crew, Keep, Listener, lanes
from bench.coordinator.job import Job
from bench.data.formats import places, yaml_file
from bench.feasibility import TASK as FEASIBILITY
from bench.feasibility import declared
from bench.processes.machine import Where
from bench.records import Record, RunInfo, Throughput
from bench.tasks import Task
from bench.training import checkpoint
from models.errors import BadInput

# the configuration of a run folder, resolved, as a recipe that does the same again
RESOLVED = "recipe.yaml"
# said by options, by `model` and by the steps, which `share` has cut already
LEFT_OUT = {"profile", "recipe", "run", "models", "share"}
TRAIN = "train"  # the task whose result lies beside the records, as a checkpoint
FINE = ("ok", "unsupported", "not_measured")  # nothing that was measured went wrong


@dataclass(frozen=True)
class Outcome:
    """A finished run."""

    folder: Path
    records: tuple[Record, ...]

    @property
    def failed(self) -> list[Record]:
        """Cells in which something measured went wrong."""
        return [record for record in self.records if record.status not in FINE]


def jobs(config: Config, folder: Path) -> list[Job]:
    """All cells: those about the data, then backend by backend and model by model.

    Within each, tasks come in the order that they build on each other.
    """
    asked = [task for task in tasks.table().values() if _is_asked(task, config)]
    subjects = [("", "")]
    for backend in config.backend:
        subjects += [(backend, model) for model in ("", *config.model)]
    return [
        Job(task=task.name, backend=backend, model=model, config=config, folder=folder)
        for backend, model in subjects
        for task in asked
        if task.about in _kinds(config, backend, model)
        # of a framework on paper nothing can be run
        and (backend not in config.declared or task.name == FEASIBILITY)
    ]


def _is_asked(task: Task, config: Config) -> bool:
    """Whether a task is part of a run: other seeds are, of whatever is trained.

    Nothing is trained to evaluate a file.
    """
    if task.name == TRAIN and config.checkpoint not in ("last", "best"):
        return "evaluate" not in config.tasks
    seeds = config.seeds > 1 and task.about == "repeated" and TRAIN in config.tasks
    return seeds or task.name in config.tasks


def _kinds(config: Config, backend: str, model: str) -> tuple[str, ...]:
    """What a cell of a backend and a model may be about, in the words of `bench.tasks`."""
    if not model:
        return ("backend",) if backend else ("data",)
    repeated = config.seeds > 1 or config.refers(backend)
    return ("model", "repeated") if repeated else ("model",)


def start(
    config: Config,
    *,
    out: Path,
    command: str,
    fill: Callable[[Path], None] = lambda folder: None,
    experiment: str | None = None,
) -> Path:
    """Make the run folder with `run.json`; returns it. `fill` puts there what a run begins with.

    Its name begins with that of the experiment, where there is one.
    """
    folder = out / unique(experiment)
    folder.mkdir(parents=True)
    fill(folder)
    begin(folder, config, command=command, where=Where.here())
    return folder


def unique(beginning: str | None = None) -> str:
    """A name for a folder: the time, and what tells apart two runs of one second."""
    name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    return f"{beginning}-{name}" if beginning else name


def begin(folder: Path, config: Config, *, command: str, where: Where) -> None:
    """Make a run of a folder, by its configuration and `run.json`."""
    started = datetime.now(UTC)
    _write_resolved(folder, config)
    info = RunInfo(
        id=folder.name,
        started=started.isoformat(timespec="seconds"),
        # a path may hold bytes that are no text, and JSON holds texts alone
        command=command.encode(errors="backslashreplace").decode(),
        config=config.model_dump(mode="json"),
        environment=dict(where.environment),
        commit=where.commit,
        seed=config.seed,
    )
    # Last: a folder that holds it is a run that can be resumed.
    write_info(folder, info)


def resumed(folder: Path) -> Config:
    """The configuration of an earlier run. Raises BadInput where the folder is no run.

    So it does for a run of an older schema: its cells would stand beside others of another kind.
    """
    run = records.read(folder)
    if run.migrated:
        raise BadInput(
            f"{folder} is of an older schema than {records.SCHEMA}: it can be read, and not gone on"
            f" with; {records.AGAIN}"
        )
    try:
        return configs.validate(run.info.config)
    except BadInput as error:
        raise BadInput(f"{folder}: run.json cannot be gone on with: {error}") from None


def go_on(folder: Path, config: Config) -> tuple[int, ...]:
    """Write down what an earlier run is asked from now on.

    Gives the numbers of the lines of its records that cannot be read; they are put aside.
    """
    broken = records.mend(folder)
    info = records.load(folder).info
    asked = config.model_dump(mode="json")
    if asked != info.config:
        _write_resolved(folder, config)
        write_info(folder, info.model_copy(update={"config": asked}))
    return broken


def execute(
    folder: Path,
    config: Config,
    listen: Listener,
    finished: Keep,
    *,
    todo: Sequence[Job] | None = None,
) -> Outcome:
    """Run the cells that have no finished record yet: `todo`, where that is known already.

    On Ctrl-C the workers save their state and KeyboardInterrupt goes on up.
    """
    if todo is None:
        todo = unfinished(folder, config)
    if any(tasks.get(job.task).data for job in todo):
        dataset.ensure(config, folder)  # before the workers, who would each read it
        info = records.load(folder).info
        told = dataset.told(folder)
        write_info(folder, info.model_copy(update={"data": told}))

    def keep(record: Record) -> None:
        records.append(folder, record)
        finished(record)

    todo = _off_paper(todo, config, keep)
    timed = [job for job in todo if tasks.get(job.task).timed]
    untimed = [job for job in todo if job not in timed]
    groups = grouped(untimed, lambda job: (job.backend, job.model))
    with Crew(config, listen, keep) as crew:
        crew.serve(groups, at_once=lanes(config))
    for comparison in comparisons(folder, config):
        keep(comparison)
    _time(timed, config, listen, keep)
    finish(folder)
    return Outcome(folder, records.load(folder).records)


def finish(folder: Path) -> None:
    """Write down when a run has ended."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    write_info(folder, read_info(folder).model_copy(update={"finished": now}))


def _time(timed: Sequence[Job], config: Config, listen: Listener, keep: Keep) -> None:
    """When all else is quiet: models one after the other, their backends against each other."""
    with contests.ring(config, listen) as contest:
        for contenders in grouped(timed, lambda job: (job.task, job.model)):
            for record in contest(contenders):
                keep(record)


def _off_paper(todo: Sequence[Job], config: Config, keep: Keep) -> list[Job]:
    """What is left to workers: frameworks on paper are read off their manifests, here and now."""
    on_paper = [job for job in todo if job.backend in config.declared]
    for name, folder in {job.backend: job.folder for job in on_paper}.items():
        _keep_manifest(folder, name, config.declared[name])
    for job in on_paper:
        keep(declared.record(job))
    return [job for job in todo if job.backend not in config.declared]


def _keep_manifest(folder: Path, name: str, path: Path) -> None:
    """A copy beside the records, which name its lines."""
    copy = folder / records.MANIFESTS / f"{name}.yaml"
    copy.parent.mkdir(exist_ok=True)
    places.write(copy, path.read_text(encoding="utf-8"))


def unfinished(folder: Path, config: Config) -> list[Job]:
    """The cells that have no finished record, or rest on what is lost."""
    known = records.load(folder).records
    done = {records.cell(record) for record in known if _answered(record)}
    found = jobs(config, folder)
    on_weights = [job for job in found if TRAIN in tasks.get(job.task).after]
    asking = {(job.backend, job.model) for job in on_weights if job.cell not in done}
    lost = {
        (job.backend, job.model)
        for job in found
        if job.task == TRAIN and job.cell in done and _is_lost(job, asking)
    }
    todo = []
    for job in found:
        after = (job.task, *tasks.get(job.task).after)
        untrained = (job.backend, job.model) in lost and TRAIN in after
        if job.cell not in done or untrained:
            todo.append(job)
    # backends are timed against each other, in turns: one alone would have no ratio
    alone = {job.model for job in todo if tasks.get(job.task).timed}
    again = [job for job in found if tasks.get(job.task).timed and job.model in alone]
    return [job for job in found if job in todo or job in again]


def _answered(record: Record) -> bool:
    """Whether nothing would change by asking again: a backend may lack a part of what is timed."""
    timed = isinstance(record.payload, Throughput) and record.status == "unsupported"
    return record.status == "ok" or timed


def _is_lost(job: Job, asking: set[tuple[str, str]]) -> bool:
    """Whether the weights of a training that has ended cannot be read, or are gone and missed."""
    if not job.checkpoint.exists():
        # taken away to save room, perhaps: nobody misses them where all is done
        return (job.backend, job.model) in asking
    try:
        checkpoint.load(job.checkpoint)
    except BadInput:
        return True
    return False


def read_info(folder: Path) -> RunInfo:
    """What `run.json` says of a run of this version."""
    return RunInfo.model_validate_json((folder / "run.json").read_bytes())


def write_info(folder: Path, info: RunInfo) -> None:
    """Replace `run.json` in one step."""
    draft = folder / ".run.json"
    # a line for each key; indented throughout, it would take Python ten times as long
    said = info.model_dump(mode="json").items()
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in said]
    draft.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    draft.replace(folder / "run.json")


def _write_resolved(folder: Path, config: Config) -> None:
    content = config.model_dump(mode="json", exclude=LEFT_OUT)
    for settings in content["model"].values():
        # how long it is can be said in one way alone
        train = settings["train"]
        del train["epochs" if train["epochs"] is None else "steps"]
    folder.joinpath(RESOLVED).write_text(yaml_file.text(content), encoding="utf-8")


def grouped(jobs: Sequence[Job], key: Callable[[Job], object]) -> list[list[Job]]:
    """Jobs of one key together, in the order of their first."""
    groups: dict[object, list[Job]] = {}
    for job in jobs:
        groups.setdefault(key(job), []).append(job)
    return list(groups.values())
