"""Every number of a timing: what a later version of the records adds is followed, too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bench.history.point import Measured, size
from bench.records import Record, RunInfo, Throughput, Timing

# what a timing is of, how it was taken, and the ends of its interval
FACTS = {"batch", "frames", "threads", "samples", "warm_up_steps", "flops"}
ENDS = {"low", "high"}
MAIN = "frames_per_second"
RATIOS = {"ratio", "behind"}  # beside another backend, and no numbers of this one alone
# metric, or its last word -> unit; shares, ratios and counts have none
UNITS = {
    "seconds": "s",
    "bytes": "B",
    **dict.fromkeys(("p50", "p90", "p95", "p99"), "s"),
}


def measured(record: Record, run: RunInfo) -> Iterator[Measured]:
    """The timings that count."""
    assert isinstance(record.payload, Throughput)
    for row in record.payload.counting:
        for metric, value in _numbers(row.model_dump()):
            low, high = _ends(row, metric)
            yield Measured(
                metric=metric,
                value=value,
                unit=_unit(metric),
                better="higher" if metric.endswith("_per_second") else "lower",
                main=metric == MAIN,
                low=low,
                high=high,
                floor=record.payload.floor(row),
                samples=row.samples,
                what=row.what,
                batch=row.batch,
                frames=row.frames,
                threads=row.threads,
                # one of the modes of a backend, in records that know of several
                mode=str(getattr(row, "mode", "") or ""),
                setup=size(record, row),
            )


def _numbers(
    content: Mapping[str, Any], before: str = ""
) -> Iterator[tuple[str, float]]:
    """Each number by its name; of a part within a part by both names."""
    for name, value in content.items():
        if name in RATIOS or (not before and name in FACTS | ENDS):
            continue
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{before}{name}_")
        # True is a number to Python
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield before + name, float(value)


def _ends(row: Timing, metric: str) -> tuple[float | None, float | None]:
    """The interval that the record has: of the seconds, and so of the rate."""
    if metric == "seconds":
        return row.low, row.high
    if metric == MAIN and row.low and row.high:
        per_call = row.batch * row.frames
        return per_call / row.high, per_call / row.low
    return None, None


def _unit(metric: str) -> str:
    if metric.endswith("_per_second"):
        return f"{metric.removesuffix('_per_second')}/s"
    return UNITS.get(metric.rpartition("_")[2], "")
