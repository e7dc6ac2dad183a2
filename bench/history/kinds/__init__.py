"""What has a history: a file for a task, by the task's name, whose `measured` reads its records."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from bench.history.point import Measured
from bench.records import Record, RunInfo
from models import folder


@cache
def tasks() -> tuple[str, ...]:
    """Tasks whose records have numbers to follow."""
    return tuple(folder.files(Path(__file__).parent))


def measured(record: Record, run: RunInfo) -> Iterator[Measured]:
    """All numbers of a record that count; none of one that failed or is void."""
    # a cell that is unsupported in part may have timed the rest
    if record.payload is None or record.status not in ("ok", "unsupported"):
        return
    kind: Any = importlib.import_module(f"{__name__}.{record.task}")
    yield from kind.measured(record, run)
