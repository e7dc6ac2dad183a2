"""How a framework is installed, told of modules made for it: no framework is imported."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest

from bench.feasibility import build, wheels
from models.errors import BadInput

DIES = "import os, sys\nif 'calm' in sys.modules:\n    os.abort()\n"


@pytest.fixture
def fakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`calm` is well, `touchy` ends a process that has imported it before, `broken` raises."""
    (tmp_path / "calm.py").write_text("print('hello')\n", encoding="utf-8")
    (tmp_path / "touchy.py").write_text(DIES, encoding="utf-8")
    (tmp_path / "broken.py").write_text("raise OSError('no lib')\n", encoding="utf-8")
    about = tmp_path / "calm-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: calm\nVersion: 1.0\nRequires-Dist: numpy<1\n"
        "Requires-Dist: numpy>1\nRequires-Dist: nowhere-at-all; extra == 'more'\n",
        encoding="utf-8",
    )
    (about / "RECORD").write_text("calm.py,,\ngone.py,,\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_an_order_of_imports_that_ends_the_process_is_told(fakes: Path) -> None:
    found = build.orders("calm", {"other": "touchy", "same": "calm"})
    assert found["touchy, calm"] == "ok"
    assert "SIGABRT" in found["calm, touchy"]
    assert len(found) == 2


def test_an_import_is_timed_or_its_end_told(fakes: Path) -> None:
    seconds, ended = build.import_time("calm")
    assert seconds is not None and seconds > 0 and ended == ""
    seconds, ended = build.import_time("broken")
    assert seconds is None and "no lib" in ended


def test_size_and_conflicts_are_read_off_what_is_installed(fakes: Path) -> None:
    assert build.installed_size("calm") == (fakes / "calm.py").stat().st_size
    assert build.installed_size("nowhere-at-all") is None
    here = metadata.version("numpy")
    assert build.conflicts(["calm"]) == [f"calm requires numpy<1; here is {here}"]


def test_a_backend_without_a_framework_has_no_build() -> None:
    with pytest.raises(BadInput, match="numpy: it needs no framework"):
        build.evidence("numpy")


def test_wheels_are_read_as_they_are_declared(fakes: Path) -> None:
    assert wheels.installed(["calm", "nowhere-at-all"]) == {}
    file = fakes / "calm-1.0.dist-info" / "WHEEL"
    tags = ["cp311-cp311-manylinux_2_17_x86_64", "cp311-cp311-manylinux2014_x86_64"]
    file.write_text("".join(f"Tag: {tag}\n" for tag in tags), encoding="utf-8")
    assert wheels.installed(["calm"]) == {"calm": {"3.11": ("linux-x86_64",)}}
    # what is installed is told, known or not
    file.write_text("Tag: cp311-cp311-plan9_mips\n", encoding="utf-8")
    assert wheels.installed(["calm"]) == {"calm": {"cp311-cp311-plan9_mips": ()}}
