"""How long it takes to convert real motion capture into a cache, and to say what it holds.

Whole commands, as a user waits for them. Run: `pytest --benchmark-only
tests/benchmarks/bench_cache.py`. The figures are printed beside what is due, and nothing is
asserted on time: another user's work on the machine is no fault of this one.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
REAL = ROOT.parent / "shared" / "data" / "bandai-namco-1"
ROUNDS = 5
CONVERT_DUE = 3.0  # seconds: a pause that one does not leave the desk for
INFO_DUE = 0.3  # seconds: an answer at once, imports included


def done(*arguments: str) -> None:
    """Run a command in a process: starting Python and importing NumPy is part of the wait."""
    command = [sys.executable, "-m", "bench", "data", *arguments]
    subprocess.run(command, capture_output=True, check=True, cwd=ROOT)


def seconds(*arguments: str) -> float:
    """Best wall-clock seconds of a command."""
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.perf_counter()
        done(*arguments)
        best = min(best, time.perf_counter() - started)
    return best


def test_convert_and_info(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], benchmark: Any
) -> None:
    if not REAL.is_dir():
        pytest.skip(f"the Bandai-Namco motion data is not at {REAL}")
    file = tmp_path / "bandai.cache"
    convert = seconds("convert", f"bvh:{REAL}", "--to", str(file))
    info = seconds("info", f"cache:{file}")
    takes = len(list(REAL.glob("*.bvh")))
    size = file.stat().st_size / 1e6
    with capsys.disabled():
        print(
            f"\nconvert of {takes} BVH files: {convert:.2f} s ({size:.0f} MB; due"
            f" {CONVERT_DUE:g} s); info on the cache: {info:.2f} s (due {INFO_DUE:g} s)"
        )
    # what was timed is what was asked for
    assert takes > 0
    assert size > 0
    benchmark.extra_info.update(convert=convert, info=info)
    benchmark.pedantic(lambda: done("info", f"cache:{file}"), rounds=3)
