"""`--backends` is read back: none is skipped in silence.

A misspelt name ends the run, a backend that is not installed fails its tests. Without the
option one framework is tested, and the header says which.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import backends
from tests.paths import ROOT

CONTRACT = ("tests/backends/test_backends.py", "-k", "test_the_contract")


def fresh_pytest(*arguments: str, before: str = "") -> subprocess.CompletedProcess[str]:
    """pytest in an interpreter of its own, after a statement."""
    # Not `python -m pytest`: what is installed must be pretended before the options are read.
    script = f"import sys, pytest; {before}\nsys.exit(pytest.main({list(arguments)!r}))"
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )


def run_pytest(asked: str, *, without: str = "") -> subprocess.CompletedProcess[str]:
    """One small test, where the module `without` cannot be imported."""
    # the import system's sign for "not there"
    hide = f"sys.modules[{without!r}] = None" if without else ""
    return fresh_pytest("-q", "--tb=line", "--backends", asked, *CONTRACT, before=hide)


def collect(where: Path, *installed: str, asked: str = "") -> str:
    """What is said of a folder of empty tests on a machine with these backends."""
    # The real frameworks need not be here: the option and the header ask nothing but names.
    pretend = f"import backends; backends.installed = lambda: {sorted(installed)}"
    # The files lie outside the checkout, where no configuration and no conftest would be found.
    done = fresh_pytest(
        *("-c", "pyproject.toml", "-p", "tests.conftest", "--collect-only", str(where)),
        *([asked] if asked else []),
        before=pretend,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def natives(tmp_path: Path) -> Path:
    """A folder with a native test for each framework, and one that is for all."""
    frameworks = [name for name in backends.names() if name != "numpy"]
    for name in (*(f"native_{framework}_more" for framework in frameworks), "shared"):
        test = f"def test_{name}():\n    pass\n"
        (tmp_path / f"test_{name}.py").write_text(test, encoding="utf-8")
    return tmp_path


def test_a_misspelt_backend_ends_the_run() -> None:
    done = run_pytest("numpy,tensrflow")
    assert done.returncode == 4
    assert "--backends: unknown tensrflow; known: " in done.stderr


def test_two_frameworks_in_one_process_end_the_run() -> None:
    done = run_pytest("numpy,torch,jax")
    assert done.returncode == 4
    assert "frameworks never share a process; choose one of torch, jax" in done.stderr


def test_a_backend_that_is_not_installed_fails_when_asked_for() -> None:
    done = run_pytest("numpy,torch", without="torch")
    assert done.returncode == 1
    assert "1 passed" in done.stdout and "1 error" in done.stdout
    assert "skipped" not in done.stdout
    said = "--backends asked for torch: backend torch needs torch, not installed here"
    assert said in done.stdout


def test_only_what_was_asked_for_is_tested() -> None:
    done = run_pytest("numpy")
    assert done.returncode == 0 and "1 passed" in done.stdout


def test_of_several_frameworks_the_first_by_name_is_tested(natives: Path) -> None:
    said = collect(natives, "numpy", "torch", "onnx", "tensorflow")
    assert "backends under test: numpy, onnx\n" in said
    ask = "`pytest --backends=tensorflow` tests that one"
    assert f"installed too: tensorflow, torch ({ask})\n" in said
    assert "not installed: jax\n" in said
    assert "test_native_onnx_more" in said and "test_shared" in said
    assert said.count("<Function ") == 2, "no native test of another framework"


def test_one_of_several_is_asked_for(natives: Path) -> None:
    said = collect(natives, "numpy", "torch", "jax", asked="--backends=torch")
    assert "backends under test: torch\n" in said
    assert "installed too: jax (`pytest --backends=jax` tests that one)\n" in said
    assert "test_native_torch_more" in said and said.count("<Function ") == 2


def test_without_a_framework_the_oracle_is_tested(natives: Path) -> None:
    said = collect(natives, "numpy")
    assert "backends under test: numpy\n" in said and "installed too" not in said
    assert "test_shared" in said and said.count("<Function ") == 1


def test_bare_pytest_collects_the_whole_suite_here() -> None:
    # whatever is installed, several frameworks included: nothing pretended
    done = fresh_pytest("--collect-only", "-q")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
