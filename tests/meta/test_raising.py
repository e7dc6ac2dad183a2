"""A backend that raises anywhere, or answers with anything: its record says where.

Each method of the contract raises in turn, at its first call and at a later one, in the tasks as
a worker runs them; so do wrong answers and strange exceptions. What can be measured is kept.
"""

from __future__ import annotations

import contextlib
import io
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench import config as configs
from bench.config import Config
from bench.coordinator import dataset
from bench.coordinator.job import Job
from bench.processes import child
from bench.processes.worker import Worker
from bench.records import Exam, Feasibility, Parity, Record, Throughput, Training
from tests.meta.raising import NAME, Fault, raises, register
from tests.paths import ROOT

MODEL = "simple_baseline"
CONTENT: dict[str, Any] = {
    "model": {
        MODEL: {
            # no dropout: the oracle is fed its noise, and trains no model that draws some
            "sizes": {"width": 8, "stages": 1, "dropout": 0.0},
            "train": {
                "steps": 6,
                "batch": 8,
                "validate_every": 3,
                "validation_windows": 16,
                "lr": 0.01,
            },
        }
    },
    "small": 0.05,
    "device": "cpu",
    "threads": 1,
    "ops": ["add", "gelu"],
    "exam": {
        "modes": ["customary"],
        "dtypes": ["float32"],
        "cases": 2,
        "variants": "first",
        "generated": 0,
    },
    "parity": {"batch": 4, "frames": 5, "steps": 2, "optimizers": ["sgd"]},
    "throughput": {"batches": [2], "rounds": 3, "seconds": 0.001, "train_batch": 2},
}
TASKS = ("feasibility", "shape_ops", "parity", "train", "evaluate", "throughput")
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
        "repeats",
    ),
    "Program": (
        *("__init__", "load", "params", "put", "run", "numpy", "weights", "device_of"),
    ),
    "Trainer": (*("gradients", "apply", "step", "set_lr", "state", "load_state"),),
}
ALL = [f"{kind}.{name}" for kind, names in METHODS.items() for name in names]
# where a method is called by another one of the contract, that one is what the harness called
WITHIN = {
    "Program.__init__": ("Backend.program", "Backend.trainer"),
    "Program.load": ("Trainer.step", "Trainer.apply", "Trainer.load_state"),
    "Program.params": ("Trainer.step", "Trainer.apply"),
    "Program.run": ("Trainer.step", "Trainer.gradients"),
    "Trainer.gradients": ("Trainer.step",),
    "Trainer.apply": ("Trainer.step",),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with its data, and a trained model."""
    folder = tmp_path_factory.mktemp("run")
    dataset.ensure(config(), folder)
    with pytest.MonkeyPatch.context() as patch:
        assert serve(patch, "train", folder, never()).status == "ok"
    return folder


def config(**more: Any) -> Config:
    return configs.validate({**CONTENT, **more})


def never(method: str = "Program.put") -> Fault:
    """A fault that is not reached."""
    return Fault(method, call=10**9)


def job(task: str, folder: Path, backend: str = NAME, **more: Any) -> Job:
    model = "" if task == "shape_ops" else MODEL
    asked = config(**more)
    return Job(task=task, backend=backend, model=model, config=asked, folder=folder)


def serve(
    patch: pytest.MonkeyPatch, task: str, folder: Path, fault: Fault, **more: Any
) -> Record:
    """A record as a worker makes it, in this process."""
    register(patch, fault)
    with contextlib.redirect_stderr(io.StringIO()):  # tracebacks, which nobody reads
        return child.serve(job(task, folder, **more), io.StringIO())


def trained(home: Path, folder: Path) -> Path:
    """A folder of its own, with data and checkpoint."""
    shutil.copytree(home, folder, dirs_exist_ok=True)
    return folder


def untrained(home: Path, folder: Path) -> Path:
    """A folder of its own with the data alone: a training that has ended asks nothing more."""
    shutil.copy(home / "data.cache", folder)
    return folder


def raised(fault: Fault, what: str = "Planted: boom") -> str:
    """What a record must hold, as a pattern."""
    names = [fault.method, *WITHIN.get(fault.method, ())]
    methods = "|".join(f"Numpy{name}" for name in names).replace(".", r"\.")
    return rf"({methods}) raised {re.escape(what)} \(\w+\.py:\d+\)"


def assert_told(record: Record, said: str) -> None:
    """The record fails, says it, and its reason is one line."""
    assert record.status == "failed", record.reason
    assert record.reason.isprintable() and record.reason
    told = record.reason + (record.payload.model_dump_json() if record.payload else "")
    assert re.search(said, told), record.reason


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
    assert record.reason.startswith("wrong answers: add, gelu")


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


class Mute(Exception):
    """Its text raises too."""

    def __str__(self) -> str:
        raise ValueError("no text")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (SystemExit(3), "SystemExit: 3"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (Mute(), "Mute: (its text cannot be had: ValueError)"),
        (ValueError(), "ValueError"),
        (ValueError("\x1b[31mtwo\nlines\x1b[0m \ud800"), "ValueError: two lines"),
    ],
    ids=["exit", "interrupt", "mute", "empty", "strange"],
)
def test_whatever_a_kernel_raises_is_one_line(
    error: BaseException, said: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for task in ("shape_ops", "parity", "evaluate", "throughput"):
        fault = Fault("Program.run", raises(error))
        record = serve(monkeypatch, task, home, fault)
        assert_told(record, raised(fault, said))
        assert Record.model_validate_json(record.model_dump_json()) == record


@pytest.mark.parametrize(
    ("method", "deed", "tasks"),
    [
        ("Program.run", lambda _: None, TASKS[1:]),
        ("Program.run", lambda o: {**o, "more": 1}, ("shape_ops", "evaluate")),
        ("Program.params", lambda _: {}, ("parity", "train")),
        ("Program.numpy", lambda a: a.tolist(), ("shape_ops", "parity", "evaluate")),
        ("Program.put", lambda _: {}, ("train", "evaluate")),
        ("Trainer.gradients", lambda g: (g[0], {}), ("shape_ops", "parity")),
        ("Trainer.step", lambda _: None, ("parity", "train", "throughput")),
        ("Trainer.state", lambda _: None, ("train",)),
        ("Backend.features", lambda _: None, ("feasibility",)),
        ("Backend.trainer", lambda _: "no", ("parity", "train", "throughput")),
    ],
)
def test_a_wrong_answer_is_named_where_it_came_from(
    method: str,
    deed: Callable[[Any], Any],
    tasks: tuple[str, ...],
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for task in tasks:
        folder = untrained(home, tmp_path) if task == "train" else home
        fault = Fault(method, deed)
        record = serve(monkeypatch, task, folder, fault)
        own = rf"Numpy{method} gave .+ was due \(raising\.py:\d+\)"
        # or what the method that was called with it made of it, be it the inner one's error
        assert_told(record, rf"{own}|NumpyTrainer\.\w+ raised ")


def spoilt(array: Any) -> Any:
    return np.full_like(array, np.nan) if array.dtype.kind == "f" else array


@pytest.mark.parametrize(
    "deed", [spoilt, lambda a: a.ravel()[:1]], ids=["nan", "short"]
)
@pytest.mark.parametrize("task", ["shape_ops", "parity", "evaluate"])
def test_numbers_that_are_none_are_no_success(
    deed: Callable[[Any], Any],
    task: str,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    record = serve(monkeypatch, task, home, Fault("Program.numpy", deed))
    assert record.status == "failed" and record.reason.isprintable(), record.reason


@pytest.mark.parametrize("task", ["train", "evaluate", "throughput", "parity"])
def test_a_cuda_that_computes_on_the_cpu_is_invalid(
    task: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says that it has a GPU; its tensors, which the framework is asked about, lie here."""
    folder = untrained(home, tmp_path) if task == "train" else home
    fault = Fault("Backend.devices", lambda _: {"cuda": "", "cpu": ""})
    record = serve(monkeypatch, task, folder, fault, device="cuda")
    assert record.status == "invalid"
    assert (record.device, record.actual_device) == ("cuda", "cpu")
    assert record.reason.startswith("cuda was asked for, and results lie on cpu")


def test_a_framework_that_does_not_say_is_not_said_to_have_obeyed(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault = Fault("Program.device_of", lambda _: "")
    record = serve(monkeypatch, "throughput", home, fault)
    assert (record.status, record.actual_device) == ("ok", None)


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
    made = {"Backend": Backend, "Program": Program, "Trainer": Trainer}
    for kind, role in made.items():
        public = {name for name in vars(role) if not name.startswith("_")}
        left = {"checked"} if kind == "Backend" else set()
        noted = {name for name in role.__annotations__ if name not in stated}
        assert public | noted <= {*METHODS[kind], *left}, kind
