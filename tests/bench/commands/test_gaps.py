"""What an exam finds wrong becomes gaps, one for each cause, with which it is held true again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends.base import Gap, Program, Settings
from backends.numpy.backend import NumpyBackend
from backends.numpy.program import NumpyProgram
from bench import config as configs
from bench.commands import _gaps
from bench.coordinator.job import Job
from bench.exam import task
from bench.records import Exam, ExamRow, Record
from models.graph import Graph
from reports import wrongly

EXAM = {"dtypes": ["float32", "float16"], "variants": "none", "numbers": "none"}
OPS = ["add", "sin", "tanh"]


class Poor(NumpyBackend):
    """No halves at all, and a sine that is wrong for two axes."""

    def program(self, graph: Graph, settings: Settings) -> Program:
        return Wrong(graph, settings)


class Wrong(NumpyProgram):
    def run(self, feeds: Any) -> dict[str, Any]:
        if any(value.dtype == "float16" for value in self.graph.types.values()):
            names = "/".join(node.op for node in self.graph.nodes)
            raise RuntimeError(f"no CPU kernel of {names} for Half")
        found = super().run(feeds)
        odd = [
            name
            for name, node in zip(found, self.graph.nodes, strict=False)
            if node.op == "sin" and found[name].ndim == 2
        ]
        return found | {name: found[name] + 1 for name in odd}


def examined(folder: Path, gaps: tuple[Gap, ...] = ()) -> Exam:
    config = configs.validate({"ops": OPS, "exam": EXAM, "device": "cpu"})
    job = Job(task="shape_ops", backend="numpy", model="", config=config, folder=folder)
    backend = Poor()
    backend.part_gaps = gaps
    found = task.run(job, backend, "cpu", lambda text, share: None).payload
    assert isinstance(found, Exam)
    return found


def test_gaps_that_are_accepted_are_what_the_exam_finds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exam = examined(tmp_path)
    wrong = [row for row in exam.rows if row.result == "failed"]
    assert wrong
    file = tmp_path / "gaps.py"
    record = Record(task="shape_ops", backend="poor", status="failed", payload=exam)
    _gaps.accept(file, [record])
    assert "to be read and signed" in capsys.readouterr().err
    held: dict[str, Any] = {}
    exec(compile(file.read_text(), str(file), "exec"), held)
    found = held["PART_GAPS"]
    halves = [gap for gap in found if gap.dtype == "float16"]
    assert [(gap.op, gap.question, gap.device) for gap in halves] == [
        ("add sin tanh", "value", "cpu")
    ]
    again = examined(tmp_path, found)
    assert {row.result for row in again.rows} == {"passed", "gap"}
    assert sum(row.result == "gap" for row in again.rows) == len(wrong)


def test_nothing_is_written_where_nothing_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "gaps.py"
    record = Record(task="shape_ops", backend="poor", status="failed")
    _gaps.accept(file, [record])
    assert not file.exists()


def row(op: str, note: str, **more: Any) -> ExamRow:
    said = {"case": "2x3", "question": "value", "mode": "eager", "dtype": "float16"}
    return ExamRow(**{**said, "op": op, "result": "failed", "note": note, **more})


def test_many_failures_of_one_cause_are_one_line() -> None:
    rows = [
        row(f"op{i}", f'RuntimeError: "op{i}" not implemented for Half (ops.py:{i})')
        for i in range(1, 40)
    ]
    assert len(wrongly.by_cause(rows)) == 1
    said = wrongly.told(rows)
    assert said.startswith("op1, op10, op11, op12, op13, op14 and 33 more (value in")
    assert "39 times" in said
    apart = [*rows, row("add", "", error=1.0, bound=0.1), row("mul", "", error=np.pi)]
    assert len(wrongly.by_cause(apart)) == 3


def test_a_declared_gap_that_passes_is_no_gap_to_accept() -> None:
    rows = [row("add", "declared gap passes, remove it from the gaps of poor: why")]
    assert _gaps.gaps(rows, device="cpu") == []


def test_a_gap_may_be_of_several_types() -> None:
    gap = Gap("add", "why", "int64 int32")
    asked = {
        "op": "add",
        "mode": "eager",
        "question": "value",
        "case": "",
        "device": "",
    }
    found = [
        gap.fits(dtype=one, **asked) for one in ("int64", "int32", "float32", "int")
    ]
    assert found == [True, True, False, False]
