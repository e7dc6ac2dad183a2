"""Repro packs: the node that diverges, as a folder that asks the question again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends.base import Settings
from backends.numpy import program
from backends.numpy.backend import NumpyBackend
from bench import config as configs
from bench.__main__ import main
from bench.coordinator.job import Job
from bench.exam.probe import Probe
from bench.parity import locate, repro
from bench.parity import task as parity
from models.errors import BadInput

SIZES = {"width": 16, "stages": 1}
WHERE = "models/zoo/simple_baseline.py:1"


def job(folder: Path, *, located: bool = True) -> Job:
    ladder = {
        "steps": 2,
        "optimizers": ["sgd"],
        "rungs": ["forward"],
        "locate": located,
    }
    config = configs.validate(
        {"model": {"simple_baseline": {"sizes": SIZES}}, "parity": ladder, "threads": 1}
    )
    return Job(
        task="parity",
        backend="numpy",
        model="simple_baseline",
        config=config,
        folder=folder,
    )


class Patient(NumpyBackend):
    """The oracle under another name, in which faults are planted.

    What judges it stays whole.
    """

    name = "patient"

    def program(self, graph: Any, settings: Settings) -> Any:
        # as coarse as a framework is
        made = super().program(graph, Settings(precision="fp32"))
        made.native = program.function(
            graph, {**program.kernels(np.float32), **self.planted}
        )
        return made

    planted: Mapping[str, Callable[..., Any]] = {}


def leaky(x: np.ndarray) -> np.ndarray:
    """Not what relu means."""
    return np.maximum(x, 0.01 * x)


def test_locate_packs_the_first_node_that_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Patient, "planted", {"relu": leaky})
    finding = parity.run(job(tmp_path), Patient(), "cpu", lambda *heard: None)
    assert finding.status == "failed"
    due = (
        r"first node beyond its budget: relu relu\w* at models/zoo/simple_baseline.py:\d+"
        r" \(value off"
    )
    assert re.search(due, finding.reason)
    pack = tmp_path / "repro" / "numpy-simple_baseline"
    assert {path.name for path in pack.iterdir()} == {
        "probe.json",
        "graph.json",
        "arrays.safetensors",
        "environment.json",
        "README.md",
    }
    probe = repro.read(pack)
    assert probe.op == "relu"
    assert probe.where.startswith("models/zoo/simple_baseline.py:")
    assert "value off by" in locate.judge(probe, Patient(), Settings())
    monkeypatch.setattr(Patient, "planted", {})
    assert locate.judge(probe, Patient(), Settings()) == "", "mended, the pack agrees"
    environment = json.loads((pack / "environment.json").read_text())
    assert environment["versions"]["numpy"] == np.__version__
    command = f"python -m bench parity --repro {pack} --backend numpy"
    assert command in (pack / "README.md").read_text()


def test_nothing_is_packed_where_nothing_is_wrong_or_nobody_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = parity.run(job(tmp_path), Patient(), "cpu", lambda *heard: None)
    assert sound.status == "ok"
    monkeypatch.setattr(Patient, "planted", {"relu": leaky})
    asked = job(tmp_path, located=False)
    wrong = parity.run(asked, Patient(), "cpu", lambda *heard: None)
    assert wrong.status == "failed"
    assert not (tmp_path / "repro").exists()


def test_a_pack_holds_literals_attributes_and_gradients(tmp_path: Path) -> None:
    def packed(name: str, probe: Probe) -> Probe:
        """What comes back of a probe."""
        return repro.read(repro.write(tmp_path / name, probe, "wrong", backend="numpy"))

    x = np.linspace(-1, 1, 6, dtype=np.float32).reshape(2, 3)
    # the second lies column by column: a file that kept bytes as they lie would turn it
    back = packed("pack", Probe("concat", (x, x.T.copy().T), {"axis": 1}, where=WHERE))
    assert (back.op, back.attributes, back.where) == ("concat", {"axis": 1}, WHERE)
    np.testing.assert_array_equal(back.operands[1], x)
    scalar = packed("scalar", Probe("multiply", (x, np.array(2.0, np.float32)), {}))
    assert np.shape(scalar.operands[1]) == ()
    assert locate.judge(scalar, Patient(), Settings()) == ""
    literal = packed("literal", Probe("multiply", (x, 3.0), {}))
    assert literal.operands[1] == 3.0


def test_the_command_asks_a_backend_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    x = np.ones((2, 3), np.float32)
    probe = Probe("relu", (x,), {}, where=WHERE)
    pack = repro.write(tmp_path / "pack", probe, "wrong", backend="numpy")
    assert main(["parity", "--repro", str(pack), "--backend", "numpy"]) == 0
    assert capsys.readouterr().out == "numpy: agrees with the oracle\n"


def test_what_is_no_pack_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is no repro pack"):
        repro.read(tmp_path)
