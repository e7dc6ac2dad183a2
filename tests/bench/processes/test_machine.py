"""The framework's version in records, whatever its package is called."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from bench.processes import machine


def packaged(folder: Path, package: str, module: str) -> None:
    """A folder that holds an installed package with a module."""
    (folder / f"{module}.py").write_text("")
    home = folder / f"{package.replace('-', '_')}-3.2.dist-info"
    home.mkdir()
    (home / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {package}\nVersion: 3.2\n"
    )
    (home / "top_level.txt").write_text(f"{module}\n")


def test_a_package_that_is_not_called_as_its_module_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packaged(tmp_path, "house-frame", "houseframe")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(sys.modules, "houseframe", ModuleType("houseframe"))
    machine._by_module.cache_clear()
    monkeypatch.setattr("backends.packages", lambda: ("numpy", "houseframe", "absent"))
    found = machine.versions()
    assert found["house-frame"] == "3.2"
    assert set(found) == {"python", "numpy", "house-frame"}


def test_of_a_module_without_a_package_what_it_states_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = ModuleType("checkedout")
    module.__dict__["__version__"] = "0.9.dev1"
    monkeypatch.setitem(sys.modules, "checkedout", module)
    monkeypatch.setattr("backends.packages", lambda: ("checkedout",))
    assert machine.versions()["checkedout"] == "0.9.dev1"
