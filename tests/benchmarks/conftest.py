"""What all benchmarks share: a backend held to one thread, a size, and the ratios told at the end.

The file says nothing of a backend: `--backends` names them, as in the tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from backends.base import Backend
from bench.processes import machine


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--preset`: the size of the zoo's models."""
    parser.addoption(
        "--preset",
        default="tiny",
        help="preset of the models that are timed: tiny, small, paper (default: tiny)",
    )


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_update_machine_info(machine_info: dict[str, Any]) -> None:
    """With what `python -m bench history` knows a machine by, and the versions that count."""
    machine_info["poseport"] = machine.describe()
    machine_info["versions"] = machine.versions()


def pytest_sessionstart(session: pytest.Session) -> None:
    """`--benchmark-autosave` calls a file by the backend, too: `0001_torch_COMMIT_TIME`."""
    benchmarks = getattr(session.config, "_benchmarksession", None)
    if benchmarks and benchmarks.autosave:
        tested = session.config.getoption("--backends")
        benchmarks.autosave = "_".join((*tested, benchmarks.autosave))


@pytest.fixture
def pinned(backend: Backend, benchmark: Any, pytestconfig: pytest.Config) -> Backend:
    """A backend on one thread: more add noise, and hide what a call costs.

    Where it is the only one, tests are called without it: `--benchmark-compare` puts those beside
    each other that are called alike, here and in the file of another backend.
    """
    backend.pin(threads=1)
    if len(pytestconfig.getoption("--backends")) == 1:
        benchmark.name = benchmark.name.replace(f"[{backend.name}-", "[", 1)
        benchmark.fullname = benchmark.fullname.replace(f"[{backend.name}-", "[", 1)
    benchmark.extra_info.update(backend=backend.name, device="cpu", threads=1)
    return backend


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Beneath pytest-benchmark's table what it has no column for."""
    session = getattr(config, "_benchmarksession", None)
    timed = session.benchmarks if session else ()
    ratios = [each for each in timed if "paired" in each.extra_info]
    if not ratios:
        return
    terminalreporter.section("ratios of rounds in turns, with 95 % intervals")
    for each in ratios:
        terminalreporter.write_line(f"{each.name}: {_told(each.extra_info)}")


def _told(info: Mapping[str, Any]) -> str:
    due = f"; due: {info['due']}" if "due" in info else ""
    return (
        f"{info['beside']} {info['paired']:.3f}"
        f" ({info['paired_low']:.3f} to {info['paired_high']:.3f}),"
        f" {info['turns']} rounds{due}"
    )
