"""Killed in a step, while a checkpoint is written, and in a validation: nothing is lost."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from backends.base import Backend
from bench.coordinator.job import chosen
from bench.training import checkpoint
from tests.bench.training.killed import PLACES, job_of
from tests.bench.training.small_jobs import run
from tests.kills import differing
from tests.paths import ROOT


def test_a_training_that_is_killed_three_times_ends_as_if_nothing_had_been(
    tmp_path: Path, backend: Backend
) -> None:
    whole, parts = (job_of(tmp_path / name, backend) for name in ("whole", "parts"))
    due = run(whole, backend)
    for place in PLACES:
        child = [sys.executable, "-m", "tests.bench.training.killed"]
        given = [backend.name, str(parts.folder), place]
        ended = subprocess.run([*child, *given], cwd=ROOT, capture_output=True)
        assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()[-2000:]
        # the first one was validated and written before any of them
        assert checkpoint.load(parts.checkpoint).progress["step"] == 25
    came = run(parts, backend)
    assert (came.loss, came.validation_mpjpe) == (due.loss, due.validation_mpjpe)
    for asked in ("last", "best"):
        one, other = (
            checkpoint.load(chosen(job.checkpoint, asked)) for job in (whole, parts)
        )
        for group in checkpoint.GROUPS:
            assert differing(one, other, group) == []
    # the last one and the best: no half of a file is left
    assert len(list(parts.checkpoint.parent.iterdir())) == 2
