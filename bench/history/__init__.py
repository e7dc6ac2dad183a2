"""Many runs as one table: a number over time, machine by machine and protocol by protocol.

Nothing is copied: run folders, and files of pytest-benchmark, are read where they lie, each time.

    from bench import history

    table = history.frame(["runs"])  # a pandas.DataFrame, one row for each number
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from bench.history.point import Point
from bench.history.reading import Read, read

if TYPE_CHECKING:
    import pandas

__all__ = ["Point", "Read", "frame", "read"]


def frame(folders: Iterable[str | Path]) -> pandas.DataFrame:
    """A row for each number of some run folders, folders of such, or files of pytest-benchmark.

    Columns are the fields of `Point`; `started` is a time in UTC. Raises BadInput for a place
    that holds no run.
    """
    from bench.history import table

    return table.frame(read([Path(each) for each in folders]).points)
