"""What the host has spoilt has no history; what has one has its units."""

from __future__ import annotations

import pytest

from bench.history.kinds import throughput as kind
from bench.history.point import Measured
from bench.records import Ratio, RunInfo, Timing
from tests.reports import sample_run

RUN = RunInfo(
    id="r",
    started="2026-01-01T00:00:00+00:00",
    command="bench",
    config={},
    environment={},
)


def measured(row: Timing, noise_floor: float = 0.01) -> list[Measured]:
    payload = sample_run.throughput(row, noise_floor=noise_floor)
    return list(kind.measured(sample_run.record(payload), RUN))


def test_what_does_not_count_has_no_history() -> None:
    row = sample_run.timing()
    assert measured(row)
    assert not measured(row.model_copy(update={"doubts": ("others",)}))
    assert not measured(row.model_copy(update={"lies": ("cached",)}))
    assert not measured(row.model_copy(update={"steady": False}))
    # each by its own floor; one that has none by that of all
    assert not measured(row, noise_floor=0.2)
    assert measured(row.model_copy(update={"noise_floor": 0.01}), noise_floor=0.2)
    assert not measured(row.model_copy(update={"noise_floor": 0.2}))


@pytest.mark.parametrize(
    ("metric", "unit"),
    [
        ("frames_per_second", "frames/s"),
        ("seconds", "s"),
        ("p95", "s"),
        ("make_seconds", "s"),
        ("peak_memory_bytes", "B"),
        ("drift", ""),
        ("noise_floor", ""),
        ("output_error", ""),
    ],
)
def test_each_number_has_its_unit(metric: str, unit: str) -> None:
    beside = Ratio(against="b", value=2.0, low=1.9, high=2.1)
    row = sample_run.timing(
        behind=beside,
        drift=0.1,
        noise_floor=0.01,
        output_error=0.1,
        make_seconds=1.0,
        peak_memory_bytes=5,
    )
    found = {one.metric: one for one in measured(row)}
    assert found[metric].unit == unit
    assert not [name for name in found if name.startswith(("ratio", "behind"))]
