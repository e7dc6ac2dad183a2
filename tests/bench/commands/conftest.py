"""Fixtures of the commands: a folder to work in, and a backend that is not installed."""

from __future__ import annotations

import sys
import types
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

import backends


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def pretended(monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend of an outside package whose framework is not installed."""
    manifest = types.ModuleType("pretended_manifest")
    vars(manifest).update(REQUIRES=("no_such_framework",), EXTRA="pretended")
    monkeypatch.setitem(sys.modules, "pretended_manifest", manifest)
    entry = EntryPoint("pretended", "pretended_manifest", "poseport.backends")
    monkeypatch.setattr(backends, "_outside", lambda: {"pretended": entry})
