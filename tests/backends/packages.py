"""A backend `inhouse` of an outside package, of a module that is there or of one in a file."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType

import pytest

from backends import foreign


def outside(monkeypatch: pytest.MonkeyPatch, **manifest: object) -> None:
    """Register a backend `inhouse` as an installed package would, by its entry point."""
    module = ModuleType("inhouse_backend")
    module.__dict__.update(manifest)
    monkeypatch.setitem(sys.modules, "inhouse_backend", module)
    entry = EntryPoint("inhouse", "inhouse_backend", "poseport.backends")

    def entries(*, group: str) -> list[EntryPoint]:
        return [entry] if group == "poseport.backends" else []

    monkeypatch.setattr("backends.manifests.entry_points", entries)


def written(monkeypatch: pytest.MonkeyPatch, folder: Path, deed: str) -> Path:
    """The manifest of `inhouse` as a file, which nobody has imported or tried."""
    outside(monkeypatch)
    monkeypatch.delitem(sys.modules, "inhouse_backend")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delenv(foreign.TRIED, raising=False)
    monkeypatch.setattr(foreign, "_HERE", {})
    place = folder / "inhouse_backend.py"
    place.write_text(deed)
    return place


def is_alive(process: int) -> bool:
    """Whether a process is there, and has not ended with nobody to ask how. Of Linux."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"
