"""One number of one run, with all that must be equal before it may stand in a row with others."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from bench.records import Record, Timing

# One series has one value of each of these: numbers of another machine, protocol, size or setting
# are never joined by a line.
SERIES = (
    "metric",
    "machine",
    "protocol_hash",
    "task",
    "model",
    "backend",
    "what",
    "batch",
    "frames",
    "device",
    "precision",
    "mode",
    "threads",
    "setup",
)
Key = tuple[object, ...]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a kind of record says: a number, and what of its circumstances the record knows."""

    metric: str
    value: float
    unit: str
    better: Literal["lower", "higher"]
    main: bool = False  # shown where nobody asks for a metric
    low: float | None = None  # ends of its 95 % interval
    high: float | None = None
    floor: float | None = None  # relative difference that the host calls equal
    samples: int | None = None
    what: str = ""  # forward, train_step, ...
    batch: int | None = None
    frames: int | None = None
    threads: int | None = None
    mode: str = ""
    protocol_hash: str = ""
    setup: str = ""  # hash of sizes, and of the recipe where that bears on the number


@dataclass(frozen=True, kw_only=True)
class Point(Measured):
    """A number of a run."""

    task: str
    model: str
    backend: str
    device: str
    precision: str
    machine: str  # hash of what identifies it
    machine_name: str  # the same in words
    run: str
    started: str  # ISO 8601
    commit: str
    versions: str  # of the packages, as `torch 2.13.0, numpy 2.4.6`
    preset: str
    source: str  # folder or file

    @property
    def series(self) -> Key:
        """What it shares with the numbers that it may stand beside."""
        return tuple(getattr(self, name) for name in SERIES)


def digest(content: Mapping[str, object]) -> str:
    """A short name of some settings. What is None was not said, and does not count."""
    said = {key: value for key, value in content.items() if value is not None}
    text = json.dumps(said, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def size(record: Record, row: Timing) -> str:
    """A short name of the size of what was timed.

    A preset is a name: what a call costs tells one that has been changed.
    """
    return digest({**record.config, "flops": row.flops})
