"""`--backends` is read back: a misspelt name ends the run, a backend that is not installed
fails its tests, none is skipped in silence.
"""

from __future__ import annotations

import subprocess
import sys

from tests.paths import ROOT


def run_pytest(asked: str, *, without: str = "") -> subprocess.CompletedProcess[str]:
    """One small test in a fresh interpreter, where the module `without` cannot be imported."""
    arguments = [
        "-q",
        "--tb=line",
        "--backends",
        asked,
        "tests/backends/test_backends.py",
        "-k",
        "test_the_contract",
    ]
    hide = f"sys.modules[{without!r}] = None; " if without else ""
    script = f"import sys; {hide}import pytest; sys.exit(pytest.main({arguments!r}))"
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )


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
    assert (
        "1 passed" in done.stdout
        and "1 error" in done.stdout
        and "skipped" not in done.stdout
    )
    assert (
        "--backends asked for torch: backend torch needs torch, not installed here"
        in done.stdout
    )


def test_only_what_was_asked_for_is_tested() -> None:
    done = run_pytest("numpy")
    assert done.returncode == 0 and "1 passed" in done.stdout
