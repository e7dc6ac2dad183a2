"""tinygrad as PosePort sees it: short, whole, and right in ops that once went wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "poseport_tinygrad"


def test_it_is_written_in_150_lines() -> None:
    files = list(PACKAGE.glob("*.py"))
    assert len(files) == 3
    assert sum(len(file.read_text().splitlines()) for file in files) <= 150


@pytest.mark.parametrize(
    "asked",
    [
        ("backends", "check", "tinygrad"),
        (
            *("ops", "--backend", "tinygrad", "--quick", "--out", "OUT"),
            *("--op", "maximum", "--op", "less_equal", "--op", "flip"),
        ),
    ],
    ids=["contract", "ops"],
)
def test_bench(asked: tuple[str, ...], tmp_path: Path) -> None:
    words = [str(tmp_path) if word == "OUT" else word for word in asked]
    command = [sys.executable, "-m", "bench", *words]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
