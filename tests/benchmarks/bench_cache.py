"""How long it takes to convert real motion capture into a cache, and to say what it holds.

Whole commands, as a user waits for them. Run: `pytest --benchmark-only
tests/benchmarks/bench_cache.py`. What is due stands in `extra_info`, and nothing is asserted on
time: another user's work on the machine is no fault of this one.
"""

from __future__ import annotations

import subprocess
import sys
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


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the cache lies that both commands speak of."""
    if not REAL.is_dir():
        pytest.skip(f"the Bandai-Namco motion data is not at {REAL}")
    return tmp_path_factory.mktemp("cache") / "bandai.cache"


def test_convert(file: Path, benchmark: Any) -> None:
    # what is there already is not written over
    def anew() -> None:
        file.unlink(missing_ok=True)

    benchmark.group = "data commands"
    benchmark.pedantic(
        done,
        ("convert", f"bvh:{REAL}", "--to", str(file)),
        setup=anew,
        rounds=ROUNDS,
    )
    benchmark.extra_info.update(due=CONVERT_DUE, bytes=file.stat().st_size)


def test_info(file: Path, benchmark: Any) -> None:
    if not file.exists():
        done("convert", f"bvh:{REAL}", "--to", str(file))
    benchmark.group = "data commands"
    benchmark.pedantic(done, ("info", f"cache:{file}"), rounds=ROUNDS)
    benchmark.extra_info.update(due=INFO_DUE)
