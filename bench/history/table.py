"""Points as a table of DuckDB, which divides them into series and writes files of them.

It lies in memory, and ends with the command.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.data.formats import sheet
from bench.history.point import SERIES, Point
from models.errors import Missing

if TYPE_CHECKING:
    import duckdb
    import pandas

FORMATS = {".csv": "FORMAT csv, HEADER", ".parquet": "FORMAT parquet"}
WHOLE = ("batch", "frames", "threads", "samples")
REAL = ("value", "low", "high", "floor")
# of each run of a series, in the order of time
ALONG = ("run", "started", "commit", "versions", "value", "low", "high", "source")


@dataclass(frozen=True)
class Series:
    """Numbers that may stand in a row, by the time of their runs."""

    key: dict[str, Any]  # what they share, by the names of `SERIES`
    machine_name: str
    preset: str
    unit: str
    better: str
    floor: float | None  # the median of their A/A floors
    along: dict[str, list[Any]]  # by the names of `ALONG`

    @property
    def values(self) -> list[float]:
        """The numbers alone."""
        return self.along["value"]


def frame(points: Sequence[Point]) -> pandas.DataFrame:
    """A row for each point, a column for each of its fields."""
    import pandas

    names = [each.name for each in fields(Point)]
    made = pandas.DataFrame([asdict(each) for each in points], columns=names)
    # a date that nobody can read is no reason to lose the number
    made["started"] = pandas.to_datetime(
        made["started"], utc=True, format="ISO8601", errors="coerce"
    )
    # said, since a column of which nothing is known would be of any type
    types = {**dict.fromkeys(WHOLE, "Int64"), **dict.fromkeys(REAL, "float64")}
    return made.astype(types)


def series(points: Sequence[Point]) -> list[Series]:
    """Points divided by all that must be equal between two of them, the longest series first."""
    shared = ", ".join(SERIES)
    along = ", ".join(f"list({name} ORDER BY started, run)" for name in ALONG)
    rows = (
        _connected(points)
        .execute(
            f"SELECT {shared}, any_value(machine_name), any_value(preset), any_value(unit),"
            f" any_value(better), median(floor), {along} FROM points"
            f" GROUP BY {shared} ORDER BY count(*) DESC, {shared}"
        )
        .fetchall()
    )
    head, shared_too = len(SERIES), len(SERIES) + 5
    found = []
    for row in rows:
        name, preset, unit, better, floor = row[head:shared_too]
        one = Series(
            key=dict(zip(SERIES, row, strict=False)),
            machine_name=name,
            preset=preset,
            unit=unit,
            better=better,
            floor=floor,
            along=dict(zip(ALONG, row[shared_too:], strict=True)),
        )
        found.append(one)
    return found


def write(points: Sequence[Point], path: Path) -> None:
    """CSV or Parquet, by the end of the name. Raises OSError where it cannot be written."""
    if path.suffix.lower() == ".csv":
        points = [_as_text(point) for point in points]
    connection = _connected(points)
    # COPY takes no parameter for its file
    place = str(path).replace("'", "''")
    how = FORMATS[path.suffix.lower()]
    connection.execute(
        f"COPY (SELECT * FROM points ORDER BY started, run) TO '{place}' ({how})"
    )


def _as_text(point: Point) -> Point:
    """With texts that a spreadsheet takes for nothing else."""
    texts = {
        field.name: sheet.cell(getattr(point, field.name)) for field in fields(point)
    }
    return replace(point, **texts)


def _connected(points: Sequence[Point]) -> duckdb.DuckDBPyConnection:
    """A database of one table. Raises Missing where DuckDB is not installed."""
    try:
        import duckdb
    except ImportError:
        raise Missing(
            "history: DuckDB is not installed; pip install 'poseport[history]'"
        ) from None
    made = frame(points)
    # UTC without saying so: some versions of DuckDB want pytz for a zone
    made["started"] = made["started"].dt.tz_localize(None)
    connection = duckdb.connect()
    connection.register("given", made)
    connection.execute("CREATE TABLE points AS SELECT * FROM given")
    return connection
