"""Peak memory and exports, asked of a process of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench import config as configs
from bench.coordinator.job import Job
from bench.speed import aside

HELD = 300 << 17  # numbers of 8 bytes: 300 MiB, more than NumPy and a small model take


def test_a_subject_has_a_peak_that_is_its_own_and_what_cannot_be_is_said() -> None:
    config = configs.validate(
        {"model": {"simple_baseline": {"sizes": {"width": 8, "stages": 1}}}}
    )
    job = Job(
        task="throughput",
        backend="numpy",
        model="simple_baseline",
        config=config,
        folder=Path(),
    )
    held = np.ones(HELD)
    named = "forward at batch 1"
    peaks, sizes, missed = aside.told(job, [named, "forward at batch 9999"])
    assert sizes == {}, "NumPy writes no files"
    assert 0 < (peaks[named]["resident"] or 0) < held.nbytes
    both = peaks[named]["resident"], peaks[named]["device"]
    # asked one after the other, and a page may have come between
    assert both[0] == pytest.approx(both[1], rel=0.01)
    (name, why), *rest = missed.items()
    assert name == "memory of forward at batch 9999" and "KeyError" in why
    assert not rest
