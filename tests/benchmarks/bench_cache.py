"""How long it takes to convert real motion capture into a cache, and to say what a cache
holds: whole commands, as a user waits for them.

Run: `python -m pytest -q tests/benchmarks/bench_cache.py`.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REAL = ROOT.parent / "shared" / "data" / "bandai-namco-1"
ROUNDS = 5


def seconds(*arguments: str) -> float:
    """Best wall-clock seconds of a command."""
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "bench", "data", *arguments],
            capture_output=True,
            check=True,
            cwd=ROOT,
        )
        best = min(best, time.perf_counter() - started)
    return best


def test_convert_and_info(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if not REAL.is_dir():
        pytest.skip(f"the Bandai-Namco motion data is not at {REAL}")
    file = tmp_path / "bandai.cache"
    convert = seconds("convert", f"bvh:{REAL}", "--to", str(file))
    info = seconds("info", f"cache:{file}")
    with capsys.disabled():
        takes = len(list(REAL.glob("*.bvh")))
        print(
            f"\nconvert of {takes} BVH files: {convert:.2f} s"
            f" ({file.stat().st_size / 1e6:.0f} MB); info on the cache: {info:.2f} s"
        )
    assert convert <= 3.0
    assert info <= 0.3
