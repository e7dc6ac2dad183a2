"""One run, reported once for all tests that only read."""

from __future__ import annotations

from pathlib import Path

import pytest

from reports import build
from tests.reports import sample_run


# For the whole session: ten figures take two seconds, and nobody writes into the folder.
@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three models with its report."""
    path = sample_run.write(tmp_path_factory.mktemp("run"), sample_run.mixed())
    assert build(path) == path / "report.md"
    return path


@pytest.fixture(scope="session")
def report(folder: Path) -> str:
    """The text of that report."""
    return (folder / "report.md").read_text(encoding="utf-8")
