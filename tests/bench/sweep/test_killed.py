"""A sweep whose coordinator is killed outright goes on, and does again only what had not ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from bench.sweep import index
from tests.bench.sweep.sweeping import written
from tests.paths import ROOT

# of the numpy backend, some seconds each: the kill comes between two ends
BASE = {"tasks": ["feasibility", "parity"], "profile": "smoke", "workers": 1}
WAIT = 240.0  # seconds for a cell to end on a busy machine


def test_a_coordinator_that_is_killed_loses_nothing(tmp_path: Path) -> None:
    file = written(tmp_path, base=BASE, grid={"seed": [0, 1, 2]})
    out = tmp_path / "runs"
    # a group of its own, so that nothing of it is left if the test fails
    process = _begun("--config", str(file), "--out", str(out))
    folder = _after_a_cell(process, out)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = (folder / index.FILE).read_bytes()
    done = index.read(folder).cells
    assert 0 < len(done) < 6
    again = _begun("--resume", str(folder))
    assert again.wait(WAIT) == 0
    lines = (folder / index.FILE).read_bytes()
    assert lines.startswith(before), "what had ended stands as it stood"
    assert len(lines.splitlines()) == 6, "and is not done again"
    known = index.read(folder).cells
    assert len(known) == 6
    assert {cell.status for cell in known.values()} == {"ok"}


def _begun(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "bench", "sweep", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _after_a_cell(process: subprocess.Popen[bytes], out: Path) -> Path:
    """The folder of a sweep as soon as a cell of it has ended."""
    end = time.monotonic() + WAIT
    while time.monotonic() < end and process.poll() is None:
        for place in out.glob(f"*/{index.FILE}"):
            return place.parent
        time.sleep(0.02)
    raise AssertionError("no cell has ended")
