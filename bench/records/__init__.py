"""What a run writes down: one record per cell (task x backend x model), versioned, as JSON.

A number is measured or it is `None`; `None` is never zero. `reports/` imports this module
and nothing else of `bench`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Literal

from bench.records import migration
from bench.records.detours import Detour, Detours
from bench.records.feasibility import (
    Answers,
    Extra,
    Feasibility,
    Obstacle,
    OpNeed,
)
from bench.records.frozen import Frozen
from bench.records.payloads import (
    Again,
    Aggregate,
    Audit,
    AuditRow,
    Baseline,
    Baselines,
    Check,
    Comparison,
    Evaluation,
    Exam,
    ExamRow,
    Latency,
    Limits,
    Metric,
    Parity,
    Payload,
    Ratio,
    Scored,
    Semantics,
    SemanticsRow,
    ThirdParty,
    ThirdPartyRow,
    Throughput,
    Timing,
    Training,
)
from bench.records.profile import Profile, ProfileRow
from models.errors import BadInput, shortened

__all__ = [
    "ASIDE",
    "Again",
    "Aggregate",
    "Answers",
    "Audit",
    "AuditRow",
    "Baseline",
    "Baselines",
    "Check",
    "Comparison",
    "Detour",
    "Detours",
    "Evaluation",
    "Exam",
    "ExamRow",
    "Extra",
    "FILE",
    "Feasibility",
    "Frozen",
    "Latency",
    "Limits",
    "MANIFESTS",
    "Metric",
    "Obstacle",
    "OpNeed",
    "Parity",
    "Payload",
    "Profile",
    "ProfileRow",
    "Ratio",
    "Record",
    "Run",
    "RunInfo",
    "SCHEMA",
    "Scored",
    "Semantics",
    "SemanticsRow",
    "ThirdParty",
    "ThirdPartyRow",
    "Throughput",
    "Timing",
    "Training",
    "append",
    "append_lines",
    "cell",
    "load",
    "mend",
    "read",
    "whole_lines",
]

FILE = "records.jsonl"
MANIFESTS = (
    "manifests"  # of frameworks on paper, copied so that a run folder has its evidence
)
ASIDE = "records.broken.jsonl"  # its lines that could not be read
SCHEMA = 2  # 2: the trivial baselines are a record of their own
AGAIN = "read it with the version that wrote it, or run it again"
TASK_NAMED = re.compile(rb'"task"\s*:\s*"([^"]*)"')

Status = Literal[
    "ok",
    "failed",
    "crashed",
    "timeout",
    "out_of_memory",
    "not_written",
    "unsupported",
    "not_measured",
    "invalid",
]
Cell = tuple[str, str, str, str, str]  # task, backend, model, device, precision


class Record(Frozen):
    """One cell of a run. `payload` is absent unless something was measured."""

    schema_version: int = SCHEMA
    task: str  # as in `bench.tasks`, or compare
    backend: str  # empty for what is about the data alone
    model: str = ""  # empty for what is about a backend alone, too
    device: str = "cpu"  # asked for
    # where results lay, as the framework says; another than `device` makes the record
    # `invalid`. None where nothing was run, or where the framework does not say
    actual_device: str | None = None
    precision: str = "fp32"  # asked for
    # of the programs that were made: oracles, validation and exam ask for their own
    actual_precision: str | None = None
    status: Status
    reason: str = ""  # one line, whenever status is not ok
    seconds: float | None = None  # wall time of the worker
    peak_rss_bytes: int | None = None
    config: dict[str, object] = {}  # the model's sizes
    payload: Payload | None = None
    versions: dict[str, str] = {}  # of the worker process: python, numpy, torch, ...


class RunInfo(Frozen):
    """`run.json`: what was asked, where it ran, what it was made of."""

    schema_version: int = SCHEMA
    id: str
    started: str  # ISO 8601, UTC
    finished: str | None = None
    command: str
    config: dict[str, object]
    environment: dict[str, object]  # bench.processes.machine.describe()
    commit: str | None = None
    seed: int = 0
    # what `bench.data.facts` says of the clips; empty where the run needs none
    data: dict[str, object] = {}


class Run(Frozen):
    """A run folder read back."""

    info: RunInfo
    records: tuple[Record, ...]
    folder: Path
    broken: tuple[int, ...] = ()  # numbers of the lines that could not be read, from 1
    lines: tuple[int, ...] = ()  # number of the line of each record, where it was read
    migrated: bool = (
        False  # written under an older schema, and read as if under this one
    )


def append(folder: Path, record: Record) -> None:
    """Add one line to `records.jsonl` in a single write.

    Half a line that a power cut left at the end is cut off first.
    """
    append_lines(folder / FILE, [record.model_dump_json()])


def append_lines(path: Path, lines: Sequence[str]) -> None:
    """Add lines to a file in a single write; half a line at its end is cut off first."""
    added = "".join(f"{line}\n" for line in lines).encode()
    with open(path, "a+b") as file:
        end = file.seek(0, os.SEEK_END)
        if end and _at(file, end - 1) != b"\n":
            file.truncate(path.read_bytes().rfind(b"\n") + 1)
        file.write(added)


def _at(file: BinaryIO, place: int) -> bytes:
    """The byte at a place."""
    file.seek(place)
    return file.read(1)


def load(folder: Path, tasks: Collection[str] = ()) -> Run:
    """Read a run folder; the last record of a cell wins, a torn last line is left out.

    So is a line that cannot be read, whose number is told. Of `tasks` alone, where some are
    named: the long records of others are then not looked into. Raises FileNotFoundError when the
    folder holds no `run.json`, BadInput for records of a schema that cannot be read as this one.
    """
    content = json.loads((folder / "run.json").read_bytes())
    _known_schema(content, folder / "run.json")
    info = RunInfo.model_validate(migration.current(content, SCHEMA))
    records: dict[Cell, Record] = {}
    lines: dict[Cell, int] = {}
    broken = []
    for number, line in whole_lines(folder / FILE):
        try:
            found = _read_line(line, tasks, f"{folder / FILE}, line {number}")
        except BadInput:
            raise
        except (ValueError, RecursionError):
            broken.append(number)
        else:
            # a cell done again stands where it stood
            for record in found:
                records[cell(record)] = record
                lines[cell(record)] = number
    return Run(
        info=info,
        records=tuple(records.values()),
        folder=folder,
        broken=tuple(broken),
        lines=tuple(lines[key] for key in records),
        migrated=migration.due(content),
    )


def _read_line(line: bytes, tasks: Collection[str], where: str) -> list[Record]:
    """The records of a line; several where an older schema kept several things in one.

    Raises ValueError or RecursionError for what is no record, BadInput for another schema.
    """
    if tasks and not _may_be_of(line, tasks):
        return []
    content = json.loads(line)
    _known_schema(content, where)
    if not migration.due(content):
        found = [Record.model_validate_json(line)]
    else:
        found = _brought_up(content, where)
    return [record for record in found if not tasks or record.task in tasks]


def _may_be_of(line: bytes, tasks: Collection[str]) -> bool:
    """Whether a line names one of the tasks, or is no record.

    By its bytes: to parse a ladder takes a hundred times as long.
    """
    if not (line.startswith(b"{") and line.endswith(b"}")):
        return True
    named = set(TASK_NAMED.findall(line))
    return any(task.encode() in named for task in tasks)


def _brought_up(content: dict[str, object], where: str) -> list[Record]:
    """A record of an older schema. Raises BadInput where it has no counterpart in this one."""
    try:
        found = migration.records(content, SCHEMA)
        return [Record.model_validate(each) for each in found]
    except (ValueError, TypeError, KeyError) as error:
        # its first line says of what: the whole would tell every field of every record
        reason = shortened(str(error).replace("\n", " "), 120)
        raise BadInput(
            f"{where}: a record of schema {content['schema_version']} that schema {SCHEMA} has"
            f" no counterpart of ({reason}); {AGAIN}"
        ) from None


def mend(folder: Path) -> tuple[int, ...]:
    """Put the lines that cannot be read aside, into `records.broken.jsonl`; their numbers.

    Only for who alone writes in the folder. Raises as `read` does.
    """
    broken = read(folder).broken
    if not broken:
        return ()
    path = folder / FILE
    kept: list[bytes] = []
    aside: list[bytes] = []
    for number, line in whole_lines(path):
        (aside if number in broken else kept).append(line + b"\n")
    # aside first: cut off between the two, a line is there twice, and never nowhere
    with (folder / ASIDE).open("ab") as file:
        file.writelines(aside)
    draft = folder / f".{FILE}"
    draft.write_bytes(b"".join(kept))
    draft.replace(path)
    return broken


def whole_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The whole lines of a file, each with its number, without the empty ones."""
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    for number, line in enumerate(lines, start=1):
        if line:
            yield number, line


def _known_schema(content: object, where: object) -> None:
    """Raise BadInput for what a version of PosePort wrote that this one cannot follow."""
    came = content.get("schema_version") if isinstance(content, dict) else SCHEMA
    if came not in (None, SCHEMA, *migration.OLDER):
        raise BadInput(
            f"{where} is of schema {came!r:.20}, and this version reads schema {SCHEMA}; {AGAIN}"
        )


def read(folder: Path, tasks: Collection[str] = ()) -> Run:
    """As `load`, of a folder that somebody named. Raises BadInput where it is no run folder."""
    try:
        return load(folder, tasks)
    except BadInput:
        raise  # which is a ValueError, too
    except (FileNotFoundError, NotADirectoryError):
        raise BadInput(
            f"{folder} is no run folder: it holds no run.json; give the folder that"
            " `python -m bench run` printed"
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        said = f"run.json or records.jsonl that this version cannot read: {reason}"
        raise BadInput(f"{folder} holds {said}; run it again") from None


def cell(record: Record) -> Cell:
    """What makes a cell: task, backend, model, device, precision."""
    return record.task, record.backend, record.model, record.device, record.precision
