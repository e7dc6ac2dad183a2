"""Options and profiles of the test suite: `--backends a,b` says which are tested; asked for
but missing is a failure, not a skip.

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

ASKING = {"backend", "faults", "format", "patient"}  # fixtures that hold a backend

settings.register_profile("poseport", deadline=None, max_examples=30, derandomize=True)
settings.load_profile("poseport")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--backends` for a comma-separated list; a misspelt name ends the run before a test
    is collected.
    """
    asked = (
        "backends to test, separated by commas (default: numpy and the framework installed)"
    )
    parser.addoption("--backends", type=_names, default="", help=asked)
    parser.addoption(
        "--traces",
        type=Path,
        default=None,
        help="folder to keep the zoo's ladders in, for `bench parity --compare`",
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out `test_native_NAME*.py` where NAME is not under test."""
    found = re.match(r"test_native_([a-z]+)", collection_path.name)
    return True if found and found[1] not in config.getoption("--backends") else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what asks something of a backend."""
    for item in items:
        if ASKING & set(getattr(item, "fixturenames", ())) or item.path.name.startswith(
            "test_native"
        ):
            item.add_marker("framework")


def pytest_report_header(config: pytest.Config) -> str:
    """Which backends are under test, and which are known but not here."""
    absent = sorted(set(backends.names()) - set(backends.installed()))
    return f"backends: {', '.join(config.getoption('--backends'))}" + (
        f" (not installed: {', '.join(absent)})" if absent else ""
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test that takes `backend` runs once per backend."""
    if "backend" in metafunc.fixturenames:
        metafunc.parametrize(
            "backend",
            metafunc.config.getoption("--backends"),
            indirect=True,
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
    """Names given, or every installed one.

    Raises ArgumentTypeError for a name nobody registered, and for two frameworks.
    """
    given = [name.strip() for name in text.split(",") if name.strip()]
    if unknown := sorted(set(given) - set(backends.names())):
        raise argparse.ArgumentTypeError(
            f"unknown {', '.join(unknown)}; known: {', '.join(backends.names())}"
        )
    asked = given or backends.installed()
    frameworks = [name for name in asked if name != "numpy"]
    if len(frameworks) > 1:
        raise argparse.ArgumentTypeError(
            f"frameworks never share a process; choose one of {', '.join(frameworks)}"
        )
    return asked
