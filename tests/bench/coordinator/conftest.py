"""What tests of several files ask for."""

from __future__ import annotations

import threading

import pytest

from bench.coordinator import crew
from tests.bench.coordinator.small_runs import Scripted


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> type[Scripted]:
    """`Scripted` in place of workers; its lists belong to the class, so they are made anew."""
    monkeypatch.setattr(Scripted, "answers", {})
    monkeypatch.setattr(Scripted, "asked", [])
    monkeypatch.setattr(Scripted, "events", [])
    monkeypatch.setattr(Scripted, "stopped", threading.Event(), raising=False)
    monkeypatch.setattr(crew, "Worker", Scripted)
    return Scripted
