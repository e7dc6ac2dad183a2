"""Folders of made-up runs: one setting, some days, one machine or another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.records import Record
from tests.reports import sample_run

MACHINES = {
    "small": {"processor": "Sample One", "cores": 2, "memory_bytes": 4 << 30},
    "large": {"processor": "Sample Two", "cores": 64, "memory_bytes": 256 << 30},
}


def run(place: Path, *items: Record, day: int = 1, machine: str = "small") -> Path:
    """A run of a day in January."""
    place.mkdir(parents=True, exist_ok=True)
    here = {**MACHINES[machine], "system": "Linux-6.1-x86_64", "python": "3.11.9"}
    return sample_run.write(
        place,
        list(items),
        id=place.name,
        started=f"2026-01-{day:02d}T03:04:05+00:00",
        environment=here,
        commit=f"c{day}",
    )


def timed(seconds: float, **change: object) -> Record:
    """A forward pass that took so long."""
    row = sample_run.timing(
        seconds=seconds,
        rounds=tuple(seconds * (0.98 + 0.01 * (i % 5)) for i in range(15)),
        **change,
    )
    return sample_run.record(
        sample_run.throughput(row, noise_floor=0.01), config={"preset": "tiny"}
    )


def days(folder: Path, seconds: Sequence[float], *, machine: str = "small") -> Path:
    """A run a day."""
    for number, each in enumerate(seconds, start=1):
        run(folder / f"{machine}-{number}", timed(each), day=number, machine=machine)
    return folder
