"""A worker's time is its own: what it waits for others does not count."""

from __future__ import annotations

import subprocess
import sys

from bench.processes.ending import Late
from bench.processes.limit import Limit


def test_nobody_is_killed_while_another_computes() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, text=True
    )
    with process:
        limit = Limit(process, Late(60.0, "timeout"), left=60.0)
        clock = limit._job
        with limit.waiting():
            clock.join(30)
            assert not clock.is_alive(), "it runs on"
        assert limit._job.is_alive()
        assert limit._job.interval > 59
        limit.lift()
        process.communicate("\n")
    assert limit.passed is None
