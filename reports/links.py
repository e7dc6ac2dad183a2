"""Links from a statement to what it rests on: the line of a record, the line of a manifest."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import PurePath

from bench.records import FILE, MANIFESTS, Record, Run
from reports.blocks import Code, Inline, Link


def record(run: Run, one: Record, text: str) -> Link:
    """The line of a cell, as its file lies in the run folder."""
    # a run that was not read has no lines
    lines = zip(run.records, run.lines, strict=False)
    line = next((number for other, number in lines if other is one), None)
    return Link(text, FILE if line is None else f"{FILE}#L{line}")


def of_tasks(
    run: Run, backend: str, model: str, tasks: Collection[str]
) -> tuple[Inline, ...]:
    """The cells of some tasks; nothing where none of them is there.

    What is about a backend alone is a cell of each of its models.
    """
    found = [
        one
        for one in run.records
        if one.backend == backend and one.model in (model, "") and one.task in tasks
    ]
    several = len({(one.device, one.precision) for one in found}) > 1
    parts: list[Inline] = []
    for one in found:
        where = f" on {one.device} in {one.precision}" if several else ""
        parts += [", " if parts else "; see ", record(run, one, one.task + where)]
    manifest = f"{MANIFESTS}/{backend}.yaml"
    if (
        any(one.task == "feasibility" for one in found)
        and (run.folder / manifest).is_file()
    ):
        parts += [", ", Link("manifest", manifest)]
    return tuple(parts)


def source(run: Run, backend: str, place: str) -> Inline:
    """A place `file:line` of a manifest, by the copy that the run folder has of it."""
    file = f"{MANIFESTS}/{backend}.yaml"
    if not (run.folder / file).is_file():
        return Code(place)
    _, _, line = place.rpartition(":")
    # its folder is that of one machine
    shown = PurePath(place).name
    return Link(shown, f"{file}#L{line}" if line.isdigit() else file)
