"""A backend that raises anywhere: its record says where, and what can be measured is kept.

Each method of the contract raises in turn, at its first call and at a later one, in the tasks as
a worker runs them.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.processes.worker import Worker
from bench.records import Exam, Feasibility, Parity, Record, Throughput, Training
from tests.meta.raising import NAME, Fault
from tests.meta.raising_cells import (
    MODEL,
    TASKS,
    assert_told,
    job,
    never,
    prepared,
    raised,
    serve,
    untrained,
)
from tests.paths import ROOT

# the tasks in which a method is called, beside the ladder, which calls nearly all of them
ASKED = {
    "Backend": ("feasibility", "shape_ops", "throughput"),
    "Program": ("shape_ops", "evaluate"),
    "Trainer": ("train",),
}
METHODS = {
    "Backend": (
        *("kernels", "gaps", "part_gaps", "modes", "devices", "device", "precisions"),
        *("program", "trainer", "synchronize", "peak_memory", "pin", "features"),
        *("repeats", "editions", "optimizers", "draws_noise"),
    ),
    "Program": (
        *("__init__", "load", "params", "put", "run", "numpy", "weights", "device_of"),
    ),
    "Trainer": (*("gradients", "apply", "step", "set_lr", "state", "load_state"),),
}
ALL = [f"{kind}.{name}" for kind, names in METHODS.items() for name in names]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with its data, and a trained model."""
    return prepared(tmp_path_factory.mktemp("run"))


@pytest.mark.parametrize("task", TASKS)
def test_an_honest_backend_fails_nowhere(
    task: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = untrained(home, tmp_path) if task == "train" else home
    record = serve(monkeypatch, task, folder, never())
    assert (record.status, record.reason) == ("ok", "")
    ran = task != "feasibility"  # which is static
    assert record.actual_device == ("cpu" if ran else None)
    assert record.actual_precision == ("fp32" if ran else None)


@pytest.mark.parametrize("method", ALL)
def test_a_method_that_raises_is_named_by_the_records(
    method: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    met = 0
    for task in ("parity", *ASKED[method.partition(".")[0]]):
        folder = untrained(home, tmp_path) if task == "train" else home
        fault = Fault(method)
        record = serve(monkeypatch, task, folder, fault)
        if fault.fired:
            met += 1
            assert_told(record, raised(fault))
        else:
            assert (record.status, record.reason) == ("ok", ""), task
    # NumPy looks at its precisions itself; other backends ask by `checked`
    assert met or method == "Backend.precisions", "no task has asked"


@pytest.mark.parametrize("task", ["parity", "train"])
@pytest.mark.parametrize(
    "method",
    [
        *("Program.put", "Program.run", "Program.numpy", "Program.params"),
        *("Trainer.step", "Trainer.gradients", "Trainer.set_lr"),
    ],
)
def test_and_so_it_is_at_a_later_call(
    method: str,
    task: str,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fault = Fault(method, call=2)
    record = serve(monkeypatch, task, untrained(home, tmp_path), fault)
    assert fault.fired
    assert_told(record, raised(fault))


def kept(record: Record, kind: type[Any]) -> Any:
    assert isinstance(record.payload, kind), record.reason
    return record.payload


def test_a_training_that_is_broken_off_keeps_curve_and_checkpoint(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = untrained(home, tmp_path)
    record = serve(monkeypatch, "train", folder, Fault("Trainer.step", call=6))
    payload = kept(record, Training)
    assert payload.steps == 5 and payload.loss_steps == (3, 5)
    assert payload.validation_steps == (3,) and payload.validation_mpjpe[0]
    due = r"\), after 5 steps; the checkpoint of step 3 is kept$"
    assert re.search(due, record.reason), record.reason
    assert (tmp_path / payload.checkpoint).exists()


def test_a_ladder_keeps_the_rungs_beside_the_one_that_raised(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = serve(monkeypatch, "parity", home, Fault("Trainer.gradients"))
    checks = kept(record, Parity).checks
    held = {check.kind for check in checks if check.ok}
    assert {"weights", "forward", "loss"} <= held
    lost = [check for check in checks if not check.ok]
    assert lost and all("NumpyTrainer." in check.note for check in lost)


def test_an_exam_keeps_the_questions_that_were_answered(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = serve(monkeypatch, "shape_ops", home, Fault("Backend.trainer"))
    rows = kept(record, Exam).rows
    assert {row.question for row in rows if row.result == "failed"} == {"gradient"}
    assert all(row.result == "passed" for row in rows if row.question == "value")
    due = "wrong answers: add, gelu (NumpyBackend.trainer raised Planted: boom ("
    assert record.reason.startswith(due)


@pytest.mark.parametrize("method", ["gaps", "part_gaps", "modes"])
def test_an_exam_is_put_without_what_the_backend_was_to_say(
    method: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = serve(monkeypatch, "shape_ops", home, Fault(f"Backend.{method}"))
    rows = kept(record, Exam).rows
    assert rows and all(row.result == "passed" for row in rows)
    assert record.reason.startswith(f"NumpyBackend.{method} raised Planted: boom (")


def test_features_that_raise_leave_the_coverage(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = serve(monkeypatch, "feasibility", home, Fault("Backend.features"))
    payload = kept(record, Feasibility)
    assert payload.graph_ops.keys() == {"train", "infer"}
    assert payload.features["features"].startswith("NumpyBackend.features raised")


@pytest.mark.parametrize("method", ["trainer", "peak_memory", "pin"])
def test_the_forward_pass_is_timed_all_the_same(
    method: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = serve(monkeypatch, "throughput", home, Fault(f"Backend.{method}"))
    timings = kept(record, Throughput).timings
    assert timings[0].what == "forward" and timings[0].seconds
    assert len(timings) == (1 if method == "trainer" else 2)


PACKAGE = """
import sys
sys.path.insert(0, {root!r})
from tests.meta.raising import Fault, raises, shaky

REQUIRES, EXTRA = (), "shaky"

def load():
    return shaky(Fault({method!r}, raises({error}), {call}))
"""


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Worker]:
    """One that finds three backends in an outside package."""
    site = tmp_path / "site"
    (site / "shaken").mkdir(parents=True)
    lines = ["[poseport.backends]"]
    for name, (method, error, call) in REAL.items():
        text = PACKAGE.format(root=str(ROOT), method=method, error=error, call=call)
        (site / "shaken" / f"{name}.py").write_text(text)
        lines.append(f"{name} = shaken.{name}")
    (site / "shaken" / "__init__.py").write_text("")
    about = site / "shaken-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: shaken\nVersion: 1\n")
    (about / "entry_points.txt").write_text("\n".join([*lines, ""]))
    monkeypatch.setenv("PYTHONPATH", str(site))
    worker = Worker(threads=1)
    yield worker
    worker.close()


# what raises, what it raises, at which call
REAL = {
    "leaver": ("Program.run", "SystemExit(3)", 1),
    "breaker": ("Trainer.step", "OSError('gone')", 5),
    "dealer": ("Backend.devices", "KeyError('cpu')", 1),
}


def test_a_real_worker_tells_the_same_and_lives_on(worker: Worker, home: Path) -> None:
    due = {
        "leaver": r"^NumpyProgram.run raised SystemExit: 3 \(raising.py:\d+\)",
        "breaker": r"^NumpyTrainer.step raised OSError: gone \(raising.py:\d+\), after 4",
        "dealer": r"^NumpyBackend.devices raised KeyError: 'cpu' \(raising.py:\d+\)",
    }
    assert due.keys() == REAL.keys()
    for name, said in due.items():
        task = "evaluate" if name == "leaver" else "train"
        asked = job(task, home, name)
        if task == "evaluate":
            kept_there = home / "checkpoints"
            own = asked.checkpoint
            shutil.copy(kept_there / f"{NAME}-{MODEL}.safetensors", own)
        record = worker.run(asked, lambda text, share: None, timeout=120)
        assert record.status == "failed" and re.search(said, record.reason), record
    assert worker._process is not None and worker._process.poll() is None


def test_the_table_is_the_contract() -> None:
    """A method that the contract gains is to raise here too."""
    from backends.base import Backend, Program, Trainer

    stated = {"name", "native", "graph", "program"}
    # asked where a training wants them: tests/bench/training holds what then comes
    unasked = {"Backend": {"checked", "keeps", "replicas"}, "Program": {"title"}}
    made = {"Backend": Backend, "Program": Program, "Trainer": Trainer}
    for kind, role in made.items():
        public = {name for name in vars(role) if not name.startswith("_")}
        noted = {name for name in role.__annotations__ if name not in stated}
        left = unasked.get(kind, set())
        assert public | noted <= {*METHODS[kind], *left}, kind
