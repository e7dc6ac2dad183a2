"""What is done at once: the cells of a point that one worker is given, or that compete."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import tasks
from bench.config import Config
from bench.coordinator import run as runs
from bench.coordinator.job import Job
from bench.sweep.index import Index
from bench.sweep.keys import Keys, digest
from bench.sweep.points import Points, Told

TRAIN = runs.TRAIN


@dataclass(frozen=True)
class Lot:
    """Cells of one point, told by their keys; what they are is made when it is needed."""

    place: int  # in the grid
    part: int  # of the point
    run: str  # name of the point's folder
    backend: str
    alone: bool  # nothing else may compute meanwhile
    keys: tuple[str, ...]


def divided(config: Config, folder: Path) -> list[tuple[Job, ...]]:
    """The cells of a point: by backend and model, then those that are timed by model."""
    found = runs.jobs(config, folder)
    timed = [job for job in found if tasks.get(job.task).timed]
    untimed = [job for job in found if not tasks.get(job.task).timed]
    groups = runs.grouped(untimed, lambda job: (job.backend, job.model))
    groups += runs.grouped(timed, lambda job: (job.task, job.model))
    return [tuple(group) for group in groups]


def planned(points: Points, keys: Keys, told: Told) -> list[Lot]:
    """All lots of a sweep, backend by backend, so that one worker serves many; timed ones last."""
    found = []
    for number, place in enumerate(points.grid.places(), start=1):
        told("telling cells apart", place / points.grid.size)
        config = points.config(place)
        groups = divided(config, Path())
        named = [keys.of(group) for group in groups]
        # what the folder is of stands in its name: a file that was changed makes others
        whole = digest(str(named))
        run = f"{number:05d}-{whole[:6]}"
        for part, (group, own) in enumerate(zip(groups, named, strict=True)):
            alone = tasks.get(group[0].task).timed
            found.append(Lot(place, part, run, group[0].backend, alone, own))
    return sorted(found, key=lambda lot: (lot.alone, lot.backend))


def todo(lot: Lot, jobs: Sequence[Job], index: Index, attempts: int) -> list[Job]:
    """The cells of a lot that are left to be done."""
    left = {
        job.task
        for job, key in zip(jobs, lot.keys, strict=True)
        if not index.is_done(key, attempts)
    }
    if lot.alone:
        # against each other, or not at all: one alone would have no ratio
        return list(jobs) if left else []
    on_weights = {job.task for job in jobs if TRAIN in tasks.get(job.task).after}
    if on_weights & left and not jobs[0].checkpoint.exists():
        left |= {TRAIN}
    if TRAIN in left:
        left |= on_weights
    return [job for job in jobs if job.task in left]
