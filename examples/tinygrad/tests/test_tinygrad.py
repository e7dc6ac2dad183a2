"""tinygrad as PosePort sees it: found, whole, right op by op, and training a small model."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "asked",
    [
        ("backends", "check", "tinygrad"),
        ("ops", "--backend", "tinygrad", "--op", "maximum", "--quick", "--out", "OUT"),
        (
            *("parity", "--backend", "tinygrad", "--model", "simple_baseline"),
            *("--profile", "smoke", "--out", "OUT"),
        ),
    ],
    ids=["contract", "ops", "ladder"],
)
def test_bench(asked: tuple[str, ...], tmp_path) -> None:
    words = [str(tmp_path) if word == "OUT" else word for word in asked]
    command = [sys.executable, "-m", "bench", *words]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
