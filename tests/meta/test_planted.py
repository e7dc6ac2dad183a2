"""The harness is tested on every backend: a planted fault fails, and is named with its line.

It fails the ladder at the right rung, and the exam at its op. The faults of a backend are
`faults/NAME.py`: its table of kernels (`ops`) and, by the names that `DUE` gives them, what is
put into it.
"""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import backends
from backends.base import Backend
from bench import config as configs
from bench.coordinator.job import Finding, Job
from bench.exam import task as shape_ops
from bench.parity import task as parity
from bench.processes.machine import ROOT
from bench.records import Exam, Parity

FILES = sorted(path.stem for path in Path(__file__).with_name("faults").glob("*.py"))
# every hidden layer is square, so that a transposed weight fits
SIZES: dict[str, dict[str, Any]] = {
    "motionbert": {
        "width": 16,
        "representation": 16,
        "depth": 1,
        "heads": 2,
        "mlp_ratio": 1,
    },
    "poseformer": {"width": 8, "depth": 1, "frames": 9},
    "simple_baseline": {"width": 16, "stages": 1},
}


# enough to fail, few enough for every fault on every backend
LADDER = {"batch": 4, "frames": 5, "steps": 2, "optimizers": ["sgd"]}


@dataclass(frozen=True)
class Due:
    """What is to be said of a fault.

    The op to blame, the model that shows it, the first rung that fails; `kernel` is planted.
    """

    op: str
    model: str
    rung: str
    kernel: str


DUE = {
    "tanh GELU for exact": Due("gelu", "poseformer", "forward", "gelu"),
    "LayerNorm eps 1e-3": Due("layer_norm", "poseformer", "forward", "layer_norm"),
    "attention scale doubled": Due("attention", "poseformer", "forward", "attention"),
    "weight transposed": Due("linear", "simple_baseline", "forward", "linear"),
    "softmax over the wrong axis": Due("softmax", "motionbert", "forward", "softmax"),
    "BatchNorm momentum swapped": Due(
        "batch_norm_train", "simple_baseline", "state", "momentum_swapped"
    ),
    "BatchNorm variance biased": Due(
        "batch_norm_train", "simple_baseline", "state", "variance_biased"
    ),
    "BatchNorm eps 0.1": Due("batch_norm", "simple_baseline", "forward", "batch_norm"),
    "gradient cut": Due("relu", "simple_baseline", "gradient", "gradient_cut"),
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests that take `faults` run once for each file whose backend is under test."""
    if "faults" in metafunc.fixturenames:
        tested = metafunc.config.getoption("--backends")
        here = [name for name in FILES if name in tested]
        # session: a framework is imported once
        metafunc.parametrize("faults", here, indirect=True, scope="session")


@pytest.fixture(scope="session")
def faults(request: pytest.FixtureRequest) -> ModuleType:
    """The faults of a backend."""
    return importlib.import_module(f"tests.meta.faults.{request.param}")


def patient(faults: ModuleType) -> Backend:
    """The backend that the faults are planted in."""
    backend = backends.load(faults.NAME)
    if hasattr(faults, "OPSET"):
        # the one backend whose nodes have versions
        backend.opset = faults.OPSET  # type: ignore[attr-defined]
    return backend


def plant(monkeypatch: pytest.MonkeyPatch, faults: ModuleType, fault: str) -> None:
    due = DUE[fault]
    # elsewhere than in the op to blame, where a backend has no gradient of its own to spoil
    op = getattr(faults, "PLANTED", {}).get(due.kernel, due.op)
    wrong = {op: getattr(faults, due.kernel)}
    monkeypatch.setattr(faults.ops, "KERNELS", {**faults.ops.KERNELS, **wrong})


def job(
    faults: ModuleType, task: Any, folder: Path, model: str = "", **asked: Any
) -> Job:
    """A cell of tiny sizes."""
    content = {
        "model": {name: {"sizes": sizes} for name, sizes in SIZES.items()},
        "threads": 1,
        **asked,
    }
    return Job(
        task=task,
        backend=faults.NAME,
        model=model,
        config=configs.validate(content),
        folder=folder,
    )


def climb(
    faults: ModuleType, model: str, folder: Path, *rungs: str
) -> tuple[Finding, Parity]:
    asked = job(faults, "parity", folder, model, parity={**LADDER, "rungs": rungs})
    finding = parity.run(asked, patient(faults), "cpu", lambda text, share: None)
    assert isinstance(finding.payload, Parity)
    return finding, finding.payload


def examine(faults: ModuleType, folder: Path, *ops: str) -> tuple[Finding, Exam]:
    asked = job(
        faults,
        "shape_ops",
        folder,
        ops=list(ops),
        exam={"modes": ["customary"], "dtypes": ["float32"]},
    )
    finding = shape_ops.run(asked, patient(faults), "cpu", lambda text, share: None)
    assert isinstance(finding.payload, Exam)
    return finding, finding.payload


def test_every_backend_but_the_oracle_has_its_faults() -> None:
    assert sorted(set(backends.names()) - {"numpy"}) == FILES, (
        "what is right by definition cannot be wrong"
    )


def test_an_honest_backend_climbs_the_whole_ladder(
    faults: ModuleType, tmp_path: Path
) -> None:
    finding, found = climb(faults, "simple_baseline", tmp_path)
    assert (finding.status, finding.reason) == ("ok", "")
    assert (found.first_failure, found.culprit) == ("", "")
    # or a rung that was left out would be one that nothing can fail
    due = {"weights", "forward", "loss", "gradient", "step", "state", "trajectory"}
    assert {check.kind for check in found.checks} >= due


@pytest.mark.parametrize("fault", DUE)
def test_the_ladder_fails_and_its_culprit_is_the_op_at_its_model_line(
    fault: str, faults: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    due = DUE[fault]
    plant(monkeypatch, faults, fault)
    finding, found = climb(
        faults, due.model, tmp_path, "weights", "forward", "gradient"
    )
    assert finding.status == "failed"
    assert found.first_failure.startswith(f"{due.rung}: "), found.first_failure
    culprit = rf"{due.op} \S+ at (models/zoo/{due.model}\.py):(\d+) \("
    match = re.match(culprit, found.culprit)
    assert match, found.culprit
    file, number = match[1], int(match[2])
    line = (ROOT / file).read_text().splitlines()[number - 1]
    assert re.search(r"\w\(", line), "the line of the model file calls something"
    assert found.culprit in finding.reason
    assert found.first_failure in finding.reason
    # a value that is right has no culprit but its gradient
    assert ("(gradient" in found.culprit) == (due.rung == "gradient")


@pytest.mark.parametrize("fault", DUE)
def test_the_exam_fails_and_names_the_op(
    fault: str, faults: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    due = DUE[fault]
    plant(monkeypatch, faults, fault)
    finding, found = examine(faults, tmp_path, due.op, "add")
    assert (finding.status, finding.reason) == ("failed", f"wrong answers: {due.op}")
    failed = [row for row in found.rows if row.result == "failed"]
    question = "gradient" if due.rung == "gradient" else "value"
    assert question in {row.question for row in failed}
    # `add` was asked too, and is right
    assert {row.op for row in failed} == {due.op}
