"""Benchmarks run the way that users of pytest-benchmark call them, and are no part of the tests."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import models
from bench import history, metrics
from bench.history.machines import machine
from bench.processes.machine import describe
from tests.conftest import BENCHMARKS, pytest_ignore_collect
from tests.paths import ROOT

OF_FRAMEWORKS = tuple(
    f"bench_{name}" for name in ("jax", "onnx", "tensorflow", "torch")
)


def run(*arguments: str) -> str:
    """What pytest prints."""
    command = [sys.executable, "-m", "pytest", *arguments]
    # not what this run's own workers are told
    own = {key: text for key, text in os.environ.items() if "PYTEST" not in key}
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, env=own
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def collected() -> str:
    """What the folder's tests are called, without frameworks."""
    asked = ("tests/benchmarks", "--backends=numpy", "--benchmark-only")
    return run("--collect-only", "-q", *asked)


def test_the_folder_is_run_without_frameworks_that_are_not_under_test(
    collected: str,
) -> None:
    assert (BENCHMARKS / "bench_torch.py").exists()
    lines = [line for line in collected.splitlines() if "::" in line]
    found = {Path(line.partition("::")[0]).name for line in lines}
    named = {path.name for path in BENCHMARKS.glob("bench_*.py")}
    # files of one framework are about models that were written in it by hand
    assert found == {name for name in named if not name.startswith(OF_FRAMEWORKS)}
    assert found >= {
        f"bench_{name}.py" for name in ("ops", "models", "sampler", "metrics")
    }


def test_every_op_model_and_metric_is_timed_without_a_line_of_its_own(
    collected: str,
) -> None:
    timed = set(re.findall(r"::(test_\w+)\[([^\]]+)\]", collected))
    for name in models.names():
        assert {
            ("test_infer", f"numpy-{name}"),
            ("test_train", f"numpy-{name}"),
        } <= timed
    assert {("test_op", f"numpy-{op}") for op in ("relu", "linear", "softmax")} <= timed
    assert {("test_metric", name) for name in metrics.names()} <= timed


def test_the_table_is_that_of_pytest_benchmark_and_a_history_reads_the_file(
    tmp_path: Path,
) -> None:
    asked = ["tests/benchmarks/bench_ops.py", "--backends=numpy", "--benchmark-only"]
    asked += ["-k", "leaky_relu", f"--benchmark-storage={tmp_path}"]
    run(*asked, "--benchmark-autosave")
    (file,) = tmp_path.glob("*/*.json")
    assert file.name.startswith("0001_numpy_")
    said = run(*asked, "--benchmark-compare")
    # called without its backend: it stands beside that of another one, too
    for source in ("NOW", "0001_numpy_"):
        assert f"test_op[leaky_relu] ({source}" in said, said
    (point,) = history.read([file]).points
    assert point.backend == "numpy"
    # the machine is the one that a run would have
    assert point.machine == machine(describe()).key


def test_they_are_no_part_of_the_tests(pytestconfig: pytest.Config) -> None:
    wanted = pytestconfig.getoption("benchmark_only")
    assert pytest_ignore_collect(BENCHMARKS, pytestconfig) is (None if wanted else True)
    assert pytest_ignore_collect(ROOT / "tests" / "meta", pytestconfig) is None
