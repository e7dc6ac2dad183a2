"""What becomes of a file that was written.

It is put in place where it reads back as it was made, and thrown away where anything goes
wrong.

The backend here is one of an outside package, in this process: what its files read back as
is the test's to say.
"""

from __future__ import annotations

import json
import sys
import types
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import backends
from backends.base import Arrays, Format, Portable, Settings
from backends.numpy.backend import NumpyBackend
from backends.numpy.program import NumpyProgram
from bench.__main__ import main
from bench.takeaway import checking, export
from bench.takeaway.export import Order
from models.errors import PosePortError
from models.graph import Graph
from tests.bench.takeaway.exports import Said, arguments, trained
from tests.zoo import tiny


class Bent(NumpyProgram, Portable):
    """Writes a file, and what it reads from it is off by `amount`."""

    amount = 0.0

    def export(self, path: Path, format: str, *, sample: Arrays, about: str) -> None:
        path.write_text("a model")

    def reopen(self, path: Path, format: str) -> Any:
        assert path.read_text() == "a model"
        return lambda arrays: {
            name: value + self.amount for name, value in self(arrays).items()
        }


class BentBackend(NumpyBackend):
    def program(self, graph: Graph, settings: Settings) -> Bent:
        return Bent(graph, Settings(precision="fp32"))


def register(monkeypatch: pytest.MonkeyPatch, **manifest: Any) -> None:
    """A backend `bent` of an outside package, here in this process.

    It writes .bent files.
    """
    told = {
        "REQUIRES": (),
        "EXTRA": "bent",
        "EXPORTS": {"bent": Format(".bent")},
        "load": BentBackend,
        **manifest,
    }
    module = types.ModuleType("bent_backend")
    module.__dict__.update(told)
    monkeypatch.setitem(sys.modules, "bent_backend", module)
    entry = EntryPoint("bent", "bent_backend", "poseport.backends")
    monkeypatch.setattr(backends, "_outside", lambda: {"bent": entry})
    # a child would not know of it
    monkeypatch.setattr(
        "bench.processes.question.ask", lambda name, given: export.examine(given)
    )


def order(out: Path, *more: str) -> list[str]:
    """A command line that writes a .bent file."""
    return arguments("simple_baseline", "bent", out, *more)


@pytest.mark.parametrize("amount", [0.0, 1e-3, np.nan])
def test_a_file_that_reads_back_otherwise_is_thrown_away(
    amount: float, tmp_path: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(monkeypatch)
    monkeypatch.setattr(Bent, "amount", amount)
    out = tmp_path / "model.bent"
    out.write_text("the old one")
    wrong = bool(amount)  # NaN is true
    assert main(order(out)) == wrong
    said = capsys.readouterr().out
    assert out.read_text() == ("the old one" if wrong else "a model")
    assert [path.name for path in tmp_path.iterdir()] == ["model.bent"]
    assert ("nothing written: what bent read back is off by " in said) == wrong
    assert main(order(out, "--json")) == wrong
    document = json.loads(capsys.readouterr().out)
    assert document["ok"] == (not wrong)
    assert set(document["files"]) == (set() if wrong else {"model.bent"})
    if np.isnan(amount):
        assert document["error"] is None
    else:
        # relative to the largest value, which is of the order of 1
        assert document["error"] == pytest.approx(amount, rel=20)


def test_people_read_what_was_written_and_how_its_inputs_are_scaled(
    tmp_path: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(monkeypatch)
    weights, out = tmp_path / "best.safetensors", tmp_path / "model.bent"
    trained(weights, "simple_baseline")
    given = order(out, "--weights", str(weights))
    assert main(given) == 0
    first, *types, read, scaled = capsys.readouterr().out.splitlines()
    assert first == f"{out}: infer graph of simple_baseline, 7 bytes in 1 file"
    assert types == [
        "  input keypoints (batch, 32) float32",
        "  output pose (batch, 48) float32",
    ]
    assert read.startswith("  read back by bent: off by 0.0e+00, 5e-06 allowed")
    assert "standardised first" in scaled
    assert main([*given, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["scaling"] == {
        "mean": [[0.5, 0.5]] * 16,
        "std": [[2.0, 2.0]] * 16,
    }


def test_a_framework_that_breaks_down_leaves_nothing(
    tmp_path: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(
        self: Bent, path: Path, format: str, *, sample: Arrays, about: str
    ) -> None:
        path.write_text("half a mo")
        raise RuntimeError("out of\ndisk")

    register(monkeypatch)
    monkeypatch.setattr(Bent, "export", half)
    assert main(order(tmp_path / "model.bent")) == 1
    told = "bent cannot write it: Bent.export raised RuntimeError: out of disk ("
    assert capsys.readouterr().err.startswith(told)
    assert list(tmp_path.iterdir()) == []


def test_a_framework_that_writes_nothing_is_named(
    tmp_path: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(self: Bent, *given: object, **named: object) -> None: ...

    # as if what it has read were right
    register(monkeypatch)
    monkeypatch.setattr(Bent, "export", nothing)
    monkeypatch.setattr(Bent, "reopen", lambda self, *given: self)
    assert main(order(tmp_path / "model.bent")) == 1
    due = "bent cannot write it: Bent.export wrote nothing; model.bent was due\n"
    assert capsys.readouterr().err == due
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("read", [None, {}, {"pose": 0, "loss": 0}])
def test_a_reader_that_gives_something_else_is_named(
    read: Any, tmp_path: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reopen(self: Bent, path: Path, format: str) -> Any:
        return lambda arrays: read

    register(monkeypatch)
    monkeypatch.setattr(Bent, "reopen", reopen)
    assert main(order(tmp_path / "model.bent")) == 1
    due = "Bent.reopen: what it has read does not give pose by name\n"
    assert capsys.readouterr().err == due
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_refuses_a_single_frame_is_thrown_away(
    tmp_path: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reopen(self: Bent, path: Path, format: str) -> Any:
        def read(arrays: Arrays) -> Arrays:
            if 1 in arrays["keypoints"].shape[:2]:
                raise RuntimeError("Guard failed: keypoints.size()[1] != 1")
            return self(arrays)

        return read

    register(monkeypatch)
    monkeypatch.setattr(Bent, "reopen", reopen)
    assert main(arguments("motionbert", "bent", tmp_path / "model.bent")) == 1
    frames = tiny("motionbert").frames
    assert capsys.readouterr().err.startswith(
        f"Bent.reopen: what it has read fails at batch 1, {frames} frames, which the model"
    )
    assert list(tmp_path.iterdir()) == []


def test_it_is_run_at_the_ends_of_what_the_model_takes() -> None:
    own = tiny("motionbert").frames
    due = {"motionbert": {1, own, 27}, "videopose3d": {27, 28, 41}}
    for model, frames in due.items():
        spec = tiny(model)
        shapes = checking._shapes(spec.infer, spec.frames)
        assert {length for _, length in shapes} == frames
        assert {(1, min(frames)), (2, min(frames)), (5, spec.frames)} <= set(shapes)
    # statistics of one sample are none
    train = tiny("simple_baseline").train
    assert checking._shapes(train, 1) == [(2, 1), (5, 1)]


def test_random_weights_are_told(
    tmp_path: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(monkeypatch)
    assert main(order(tmp_path / "model.bent", "--seed", "5")) == 0
    told = "  weights are random (seed 5), of no training: its poses mean nothing"
    assert told in capsys.readouterr().out
    assert main(order(tmp_path / "model.bent", "--json")) == 0
    weights = json.loads(capsys.readouterr().out)["about"]["weights"]
    assert weights["random"] is True and weights["seed"] == 0


def test_a_process_that_dies_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(name: str, given: list[str]) -> None:
        # as far as a child may come
        Path(json.loads(given[1])["out"]).write_text("half a mo")
        raise PosePortError("the process ended with exit code -9")

    register(monkeypatch)
    monkeypatch.setattr("bench.processes.question.ask", die)
    asked = Order(
        "simple_baseline", "bent", str(tmp_path / "model.bent"), preset="small"
    )
    with pytest.raises(PosePortError, match="exit code -9"):
        export.export(asked)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_framework_is_exit_3_with_the_extra_to_install(
    tmp_path: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(monkeypatch, REQUIRES=("no_such_framework",))
    assert main(order(tmp_path / "model.bent")) == 3
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        "backend bent needs no_such_framework, not installed here: install what has"
        " no_such_framework\n"
    )
    assert list(tmp_path.iterdir()) == []
