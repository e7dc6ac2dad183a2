"""autograd as PosePort sees it: short, whole, and right in ops that once went wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "poseport_autograd"


def test_it_is_written_in_120_lines() -> None:
    files = list(PACKAGE.glob("*.py"))
    assert len(files) == 2
    assert sum(len(file.read_text().splitlines()) for file in files) <= 120


@pytest.mark.parametrize(
    "asked",
    [
        ("backends", "check", "autograd"),
        (
            *("ops", "--backend", "autograd", "--quick", "--out", "OUT"),
            *("--op", "argsort", "--op", "sparse_matmul", "--op", "conv"),
        ),
    ],
    ids=["contract", "ops"],
)
def test_bench(asked: tuple[str, ...], tmp_path: Path) -> None:
    words = [str(tmp_path) if word == "OUT" else word for word in asked]
    command = [sys.executable, "-m", "bench", *words]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
