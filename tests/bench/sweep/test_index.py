"""Which cells of a sweep are done."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.records import Status
from bench.sweep.conducting import _line
from bench.sweep.index import Index
from tests.reports import sample_run


@pytest.mark.parametrize(
    ("floor", "attempts", "done"), [(0.01, 3, True), (0.5, 3, False), (0.5, 1, True)]
)
def test_what_a_noisy_host_has_timed_is_tried_again(
    tmp_path: Path, floor: float, attempts: int, done: bool
) -> None:
    record = sample_run.record(sample_run.throughput(noise_floor=floor))
    index = Index(tmp_path)
    index.add([_line(record, "k", "run", 0)])
    assert index.is_done("k", attempts) == done


@pytest.mark.parametrize(("status", "done"), [("ok", True), ("crashed", False)])
def test_answers_are_kept_and_accidents_are_not(
    tmp_path: Path, status: Status, done: bool
) -> None:
    record = sample_run.record(sample_run.parity()).model_copy(
        update={"status": status}
    )
    index = Index(tmp_path)
    index.add([_line(record, "k", "run", 0)])
    assert index.is_done("k", 3) == done
