"""Benchmarks run the way that users of pytest-benchmark call them, and are no part of the tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import BENCHMARKS, pytest_ignore_collect
from tests.paths import ROOT


def collected(*arguments: str) -> set[str]:
    """The files that a call takes tests from."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", *arguments]
    # not what this run's own workers are told
    own = {key: text for key, text in os.environ.items() if "PYTEST" not in key}
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, env=own
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line for line in done.stdout.splitlines() if "::" in line]
    return {Path(line.partition("::")[0]).name for line in lines}


def test_the_folder_is_run_without_frameworks_that_are_not_under_test() -> None:
    assert (BENCHMARKS / "bench_torch.py").exists()
    found = collected("tests/benchmarks", "--backends=numpy", "--benchmark-only")
    subjects = ("cache", "loop", "metrics", "pictures", "windows")
    assert found == {f"bench_{subject}.py" for subject in subjects}


def test_they_are_no_part_of_the_tests(pytestconfig: pytest.Config) -> None:
    wanted = pytestconfig.getoption("benchmark_only")
    assert pytest_ignore_collect(BENCHMARKS, pytestconfig) is (None if wanted else True)
    assert pytest_ignore_collect(ROOT / "tests" / "meta", pytestconfig) is None
