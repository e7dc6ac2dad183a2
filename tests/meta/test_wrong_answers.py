"""Strange exceptions and wrong answers: each is one line that names the method, and no success."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.records import Record
from tests.meta.raising import Fault, raises
from tests.meta.raising_cells import (
    TASKS,
    assert_told,
    prepared,
    raised,
    serve,
    untrained,
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with its data, and a trained model."""
    return prepared(tmp_path_factory.mktemp("run"))


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
