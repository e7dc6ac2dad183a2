"""Options and profiles of the test suite: `--backends a,b` says which are tested; asked for but missing is a failure, not a skip."""

from __future__ import annotations

import pytest
from hypothesis import settings

import backends
from backends.base import Backend
from models.errors import Missing

settings.register_profile("poseport", deadline=None, max_examples=30, derandomize=True)
settings.load_profile("poseport")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--backends` for a comma-separated list."""
    parser.addoption("--backends", default="", help="backends to test, separated by commas (default: those whose framework is installed)")


def pytest_configure(config: pytest.Config) -> None:
    """A misspelt name ends the run before a test is collected."""
    _asked(config)


def pytest_report_header(config: pytest.Config) -> str:
    """Which backends are under test, and which are known but not here."""
    absent = sorted(set(backends.names()) - set(backends.installed()))
    return f"backends: {', '.join(_asked(config))}" + (f" (not installed: {', '.join(absent)})" if absent else "")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test that takes `backend` runs once per backend."""
    if "backend" in metafunc.fixturenames:
        metafunc.parametrize("backend", _asked(metafunc.config), indirect=True, scope="session")


@pytest.fixture(scope="session")
def backend(request: pytest.FixtureRequest) -> Backend:
    """A backend under test. One that was asked for and is not here fails the test."""
    try:
        return backends.load(request.param)
    except Missing as error:
        pytest.fail(f"--backends asked for {request.param}: {error}")


def _asked(config: pytest.Config) -> list[str]:
    """Names given, or every installed one. Raises UsageError for a name nobody registered."""
    given = [name.strip() for name in str(config.getoption("--backends")).split(",") if name.strip()]
    unknown = sorted(set(given) - set(backends.names()))
    if unknown:
        raise pytest.UsageError(f"--backends: unknown {', '.join(unknown)}; known: {', '.join(backends.names())}")
    return given or backends.installed()
