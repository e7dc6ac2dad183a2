"""Backends are found by listing, loaded when asked for, and described without being loaded."""

from __future__ import annotations

import importlib
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType

import pytest

import backends
from backends import kernels
from backends.base import Backend, Format
from backends.hiding import hide
from models import ops
from models.errors import BadInput, Missing, PosePortError, UnknownName
from tests.backends.packages import outside
from tests.paths import ROOT


def test_the_folders_are_the_registry() -> None:
    assert {"numpy", "torch"} <= set(backends.names())
    assert "numpy" in backends.installed()
    assert set(backends.installed()) <= set(backends.names())


def test_an_unknown_backend_names_its_neighbours() -> None:
    said = "unknown backend 'torhc': did you mean torch.*known: "
    with pytest.raises(UnknownName, match=said):
        backends.load("torhc")


@pytest.mark.parametrize(
    ("stated", "remedy"),
    [
        # our extras know nothing of it, whatever it calls its own
        ({"EXTRA": "inhouse"}, "install what has no_such_framework"),
        ({"INSTALL": "pip install\nhouse==2.1"}, "pip install house==2.1"),
        ({"INSTALL": "x" * 5000}, f"{200 * 'x'}... (5,000 characters)"),
    ],
)
def test_a_missing_framework_of_an_outside_package_is_got_as_it_says(
    stated: dict[str, str], remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside(monkeypatch, REQUIRES=("no_such_framework",), **stated)
    assert "inhouse" in backends.names()
    assert "inhouse" not in backends.installed()
    with pytest.raises(Missing) as caught:
        backends.load("inhouse")
    due = f"backend inhouse needs no_such_framework, not installed here: {remedy}"
    assert str(caught.value) == due


def test_a_missing_framework_of_ours_names_the_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("backends.onnx.REQUIRES", ("no_such_framework",))
    with pytest.raises(Missing) as caught:
        backends.require("onnx")
    assert str(caught.value) == (
        "backend onnx needs no_such_framework, not installed here: pip install -e"
        ' ".[onnx]" -c constraints.txt'
    )


def test_an_outside_package_adds_a_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    numpy = backends.load("numpy")
    outside(monkeypatch, REQUIRES=(), EXTRA="", load=lambda: numpy)
    assert "inhouse" in backends.installed()
    assert backends.load("inhouse") is numpy


def test_each_framework_has_a_module_that_tells_it_is_loaded() -> None:
    found = backends.frameworks()
    assert "numpy" not in found, "NumPy is everywhere"
    # a backend written in NumPy alone needs none either
    assert set(found) <= set(backends.names())
    assert found["torch"] == "torch"
    # onnx alone writes files, and may be loaded in any process
    assert found["onnx"] == "onnxruntime"


def test_versions_of_all_that_decides_numbers_are_told() -> None:
    found = backends.packages()
    assert {"numpy", "torch", "jaxlib", "keras", "onnxruntime"} <= set(found)
    assert len(set(found)) == len(found)


def test_an_outside_manifest_may_leave_its_packages_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    outside(monkeypatch, REQUIRES=("fast", "numpy"), EXTRA="")
    assert backends.frameworks()["inhouse"] == "fast"
    assert "fast" in backends.packages()
    # two backends name it
    assert backends.packages().count("numpy") == 1


def test_an_outside_manifest_may_state_its_packages(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # a distribution is not always called as its module
    outside(monkeypatch, REQUIRES=("fast",), EXTRA="", PACKAGES=("fast-runtime",))
    assert "fast-runtime" in backends.packages()
    assert "fast" not in backends.packages()


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        ({}, "has no REQUIRES, a tuple of module names; docs/backends.md"),
        ({"REQUIRES": "torch"}, "has no REQUIRES, a tuple of module names; docs/"),
        ({"REQUIRES": (), "EXTRA": ""}, "has no load(); docs/backends.md"),
        (
            {"REQUIRES": (), "load": 3},
            "has no load, a function that makes the Backend; ",
        ),
        ({"REQUIRES": (1,)}, "has no REQUIRES, a tuple of module names; docs/"),
        ({"REQUIRES": (), "PACKAGES": "torch"}, "has no PACKAGES, a tuple of"),
        ({"REQUIRES": (), "EXTRA": 3}, "has no EXTRA, a text that says what"),
        ({"REQUIRES": (), "INSTALL": 3}, "has no INSTALL, a text that says how"),
        ({"REQUIRES": (), "EXPORTS": ["onnx"]}, "has no EXPORTS, a mapping of"),
        ({"REQUIRES": (), "checkpoint": 3}, "has no checkpoint, a function"),
    ],
)
def test_a_manifest_without_its_fields_says_which(
    monkeypatch: pytest.MonkeyPatch, manifest: dict[str, object], said: str
) -> None:
    outside(monkeypatch, **manifest)
    with pytest.raises(Missing) as caught:
        backends.load("inhouse")
    due = f"backend inhouse: its manifest inhouse_backend {said}"
    assert str(caught.value).startswith(due)


def test_two_packages_of_one_name_are_refused_and_others_go_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("one", "other"):
        home = tmp_path / name / f"{name}-1.0.dist-info"
        home.mkdir(parents=True)
        (home / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\n")
        (home / "entry_points.txt").write_text(
            f"[poseport.backends]\ntwin = {name}_manifest\n"
        )
        monkeypatch.syspath_prepend(str(tmp_path / name))
    with pytest.raises(BadInput) as caught:
        backends.require("twin")
    said = str(caught.value)
    for name in ("one", "other"):
        assert f"{name}_manifest of {name} in {tmp_path / name}" in said
    backends.require("numpy")
    assert "twin" in backends.names()
    assert "twin" not in backends.installed()


def test_a_list_of_entry_points_that_cannot_be_read_hides_no_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, line in (("sound", "sound = sound_manifest"), ("torn", "torn")):
        home = tmp_path / f"{name}-1.0.dist-info"
        home.mkdir()
        (home / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\n")
        (home / "entry_points.txt").write_text(f"[poseport.backends]\n{line}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert {"sound", "numpy"} <= set(backends.names())


def test_an_outside_backend_takes_no_format_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    formats = {"onnx": Format(".x"), "own": Format(".own")}
    outside(monkeypatch, REQUIRES=(), EXPORTS=formats)
    assert backends.exporter("onnx")[0] == "onnx"
    assert backends.exporter("own")[0] == "inhouse"


def test_a_name_that_is_no_part_of_a_path_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    entry = EntryPoint("../up", "inhouse_backend", "poseport.backends")
    monkeypatch.setattr("backends.manifests.entry_points", lambda *, group: [entry])
    with pytest.raises(Missing, match="a name of letters, digits, - and _ was due"):
        backends.require("../up")
    assert "numpy" in backends.installed()


def test_an_outside_package_takes_no_name_of_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours = backends.distributions("numpy")
    entry = EntryPoint("numpy", "inhouse_backend", "poseport.backends")
    monkeypatch.setattr("backends.manifests.entry_points", lambda *, group: [entry])
    assert backends.distributions("numpy") == ours
    due = (
        "PosePort's own; inhouse_backend, of the same name, is passed over: rename its"
        " entry point"
    )
    assert backends.passed_over("numpy") == due
    assert backends.passed_over("torch") == ""


def test_a_name_that_an_option_means_something_else_by_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    entry = EntryPoint("all", "inhouse_backend", "poseport.backends")
    monkeypatch.setattr("backends.manifests.entry_points", lambda *, group: [entry])
    with pytest.raises(Missing, match="other than all; rename the entry point"):
        backends.require("all")


def test_what_manifests_say_loads_no_framework() -> None:
    script = """
import sys
import backends
backends.packages()
print([name for name in backends.frameworks().values() if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "[]", done.stderr


def strays(module: ModuleType) -> list[str]:
    """Public functions of an `ops.py` that are no kernels: misspelt, or in the wrong file."""
    # what makes the table for a setting (NumPy's working precision, ONNX's opset) is called so
    makers = {"kernels", "at"}
    return sorted(kernels.written(vars(module)).keys() - ops.table().keys() - makers)


def test_every_function_beside_the_kernels_is_a_kernel(backend: Backend) -> None:
    assert strays(importlib.import_module(f"backends.{backend.name}.ops")) == []


def planted(source: str) -> ModuleType:
    """A module of kernels, as a backend might have it."""
    module = ModuleType("planted")
    exec(source, module.__dict__)
    return module


def test_a_misspelt_kernel_is_found() -> None:
    module = planted(
        "def matmull(a, b): ...\ndef _helper(): ...\nfrom os import fspath"
    )
    with pytest.raises(PosePortError, match="planted: function matmull is no op"):
        kernels.of(vars(module), {})
    assert strays(module) == ["matmull"]


def test_a_kernel_is_added_by_its_name_alone() -> None:
    module = planted("def gelu(x, *, approximate): ...\ndef _gelu(x): ...")
    table = kernels.of(vars(module), {"relu": abs})
    assert table == {"relu": abs, "gelu": module.gelu}


def test_a_kernel_that_is_written_twice_is_refused() -> None:
    module = planted("def gelu(x, *, approximate): ...")
    with pytest.raises(
        PosePortError, match="planted: gelu written and renamed; keep one"
    ):
        kernels.of(vars(module), {"gelu": abs})


def test_what_a_manifest_would_make_up_is_not_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def raising(field: str) -> object:
        raise RuntimeError(f"no {field}")

    outside(monkeypatch, REQUIRES=(), load=Backend, __getattr__=raising)
    assert "inhouse" in backends.names()
    assert "numpy" in backends.packages()
    assert backends.keeper() != "inhouse"
    assert backends.exporter("onnx")[0] == "onnx"


def test_hiding_again_hides_no_deeper(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    hide(["poseport_no_module"])
    once = list(sys.meta_path)
    hide(["colorsys"])
    assert sys.meta_path == once
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("colorsys")
