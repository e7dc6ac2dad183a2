"""The measured manifest: what a backend was seen to do, and only that."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from backends.numpy.backend import NumpyBackend
from bench.feasibility import probe
from bench.feasibility.manifest import Manifest
from bench.records import Exam, ExamRow
from models.optim import Optimizer


def row(op: str, result: str, dtype: str = "float32", note: str = "") -> ExamRow:
    said: dict[str, Any] = {"op": op, "result": result, "dtype": dtype, "note": note}
    return ExamRow(case="(2,)", question="value", mode="eager", **said)


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exam of four questions: the whole of it takes half a minute."""
    rows = (
        row("add", "passed"),
        row("erf", "failed", note="RuntimeError: no such thing"),
        row("relu", "passed"),
        row("add", "passed", "float16"),
        row("add", "failed", "bfloat16"),
    )
    monkeypatch.setattr(probe, "_exam", lambda backend: Exam(rows=rows))


@pytest.mark.usefixtures("answered")
def test_what_answers_right_is_declared_and_what_does_not_is_lacking() -> None:
    found = probe.manifest(NumpyBackend(), {"version": "1"})
    said = Manifest.model_validate(found)
    assert said.name == "numpy-measured"
    assert set(said.ops) == {"add", "relu"}
    assert said.lacks["erf"] == "RuntimeError: no such thing"
    assert said.dtypes == ("float16", "float32")
    assert (said.rank, said.dynamic_shapes, said.autograd) == (8, "yes", "no")
    assert said.optimizers == ("sgd", "adam", "adamw", "rmsprop")
    assert said.contradiction() is None


@pytest.mark.usefixtures("answered")
def test_a_bound_of_ranks_and_a_wrong_optimizer_are_seen() -> None:
    class Flat(NumpyBackend):
        def program(self, graph: Any, settings: Any) -> Any:
            if any(len(type_.shape) > 4 for type_ in graph.types.values()):
                raise RuntimeError("rank 5")
            return super().program(graph, settings)

        def trainer(self, graph: Any, optimizer: Any, settings: Any) -> Any:
            made = super().trainer(graph, optimizer, settings)
            if optimizer.rule == "adam":
                made.apply = lambda grads: None  # type: ignore[method-assign]
            return made

    found = probe.manifest(Flat(), {})
    assert found["rank"] == 4
    assert found["optimizers"] == ["sgd", "adamw", "rmsprop"]


def test_a_line_has_the_gradient_that_is_written_down() -> None:
    graph, start = probe._line()
    trainer = NumpyBackend().trainer(graph, Optimizer("sgd", 0.0, 0.0), probe.CPU)
    trainer.program.load({"w": start})
    x = np.array([1.0, 0.0, 2.0], np.float32)
    _, grads = trainer.gradients(trainer.program.put({"x": x}))
    np.testing.assert_allclose(grads["w"], x)
