"""Options and profiles of the test suite.

`--backends a,b` says which are tested; asked for but missing is a failure, not a skip.

Frameworks never share a process: one may be asked for beside NumPy, and tests of the
others' native objects are not collected.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest
from hypothesis import settings

import backends
from backends.base import Backend
from models.errors import Missing

BENCHMARKS = Path(__file__).parent / "benchmarks"
ASKING = {"backend", "faults", "format", "patient"}  # fixtures that hold a backend

# A busy machine must not fail a test, and two runs must draw the same examples.
settings.register_profile("poseport", deadline=None, max_examples=30, derandomize=True)
settings.load_profile("poseport")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--backends` takes a comma-separated list.

    A misspelt name ends the run before a test is collected.
    """
    asked = (
        "backends to test, separated by commas"
        " (default: numpy and the first framework installed, by name)"
    )
    # The parser passes a default that is text through `type` too: no option is the empty list.
    parser.addoption("--backends", type=_names, default="", help=asked)
    parser.addoption(
        "--traces",
        type=Path,
        default=None,
        help="folder to keep the zoo's ladders in, for `bench parity --compare`",
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the files of frameworks that are not under test, and benchmarks.

    Those are run where somebody names their folder, or wants benchmarks only.
    """
    left_out = None  # leaves the decision to others: False would collect what pytest leaves out
    if collection_path == BENCHMARKS:
        return left_out if config.getoption("benchmark_only", default=False) else True
    found = re.match(r"(test_native|bench)_([a-z]+)", collection_path.name)
    if not found or found[2] in config.getoption("--backends"):
        return left_out
    # benchmarks are named after a framework, or after what they time
    framework = found[1] == "test_native" or found[2] in backends.names()
    return True if framework else left_out


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what asks something of a backend."""
    # Here and not by hand in each file: a fixture taken through another one counts too.
    for item in items:
        asks = ASKING & set(getattr(item, "fixturenames", ()))
        if asks or item.path.name.startswith("test_native"):
            item.add_marker("framework")


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Which backends are under test, which others are here, and which are not."""
    tested, here = config.getoption("--backends"), backends.installed()
    lines = [f"backends under test: {', '.join(tested)}"]
    if others := [name for name in _frameworks(here) if name not in tested]:
        ask = f"pytest --backends={others[0]}"
        lines.append(f"installed too: {', '.join(others)} (`{ask}` tests that one)")
    if absent := sorted(set(backends.names()) - set(here)):
        lines.append(f"not installed: {', '.join(absent)}")
    return lines


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test that takes `backend` runs once per backend."""
    if "backend" in metafunc.fixturenames:
        metafunc.parametrize(
            "backend",
            metafunc.config.getoption("--backends"),
            indirect=True,  # names are collected; frameworks are imported when a test runs
            scope="session",
        )


@pytest.fixture
def traces_folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where ladders are kept: for others to read where `--traces` says so."""
    return request.config.getoption("--traces") or tmp_path


@pytest.fixture(scope="session")
def backend(request: pytest.FixtureRequest) -> Backend:
    """A backend under test. One that was asked for and is not here fails the test."""
    try:
        return backends.load(request.param)
    except Missing as error:
        pytest.fail(f"--backends asked for {request.param}: {error}")


def _names(text: str) -> list[str]:
    """Names given; else numpy and the first framework installed, in the order of their names.

    Raises ArgumentTypeError for a name nobody registered, and for two frameworks.
    """
    given = [name.strip() for name in text.split(",") if name.strip()]
    if unknown := sorted(set(given) - set(backends.names())):
        raise argparse.ArgumentTypeError(
            f"unknown {', '.join(unknown)}; known: {', '.join(backends.names())}"
        )
    frameworks = _frameworks(given)
    if len(frameworks) > 1:
        raise argparse.ArgumentTypeError(
            f"frameworks never share a process; choose one of {', '.join(frameworks)}"
        )
    return given or ["numpy", *_frameworks(backends.installed())[:1]]


def _frameworks(names: list[str]) -> list[str]:
    return [name for name in names if name != "numpy"]
