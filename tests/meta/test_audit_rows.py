"""What an audit makes of what tasks find: a blind harness misses, a jumpy one accuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import backends
from backends.base import Settings
from backends.numpy.backend import NumpyBackend
from bench.audit import asking, catalogue, task
from bench.audit.planting.proxy import WrongBackend
from bench.coordinator.job import Finding, Job
from bench.coordinator.spec import spec_of
from bench.processes import contract
from bench.records import AuditRow, Check, Exam, ExamRow, Parity
from tests.meta.small_audits import job, quiet, rows_of

# cases of the exam are infinite on purpose, and compilers warn of their own future
pytestmark = [
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
RELU = "relu: cut"
LINE = "models/zoo/simple_baseline.py:73"


def answering(
    monkeypatch: pytest.MonkeyPatch, answer: Callable[[Job], Finding]
) -> None:
    """Tasks find what `answer` says, and nothing is computed."""
    monkeypatch.setattr(asking, "served", lambda job, backend: answer(job))


def ladder(op: str, where: str) -> Finding:
    """A ladder that fails and blames a node."""
    check = Check(
        kind="gradient", name="w", error=1.0, bound=0.1, ok=False, graph="train"
    )
    blamed = check.model_copy(update={"op": op, "where": where})
    return Finding(Parity(checks=(blamed,), first_failure="gradient: w"), "failed", "w")


def exam(**questions: str) -> Finding:
    """An exam in which each op fails a question."""
    rows = [
        ExamRow(
            op=op,
            case="2x3",
            question=question,  # type: ignore[arg-type]
            mode="eager",
            dtype="float32",
            result="failed",
        )
        for op, question in questions.items()
    ]
    return Finding(Exam(rows=tuple(rows)), "failed", "wrong answers")


def test_a_blind_harness_misses_under_both_profiles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def answer(job: Job) -> Finding:
        asked.append(job.config.parity.steps)
        return Finding(None)

    answering(monkeypatch, answer)
    row = rows_of(NumpyBackend(), tmp_path, [RELU])[RELU]
    assert (row.result, row.profile, row.by) == ("missed", "standard", ())
    assert len(set(asked)) == 2, "the second profile asks for more"


def test_what_a_backend_refuses_everywhere_it_cannot_do_wrongly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, lambda job: Finding(None, "unsupported", "no such thing"))
    rows = rows_of(NumpyBackend(), tmp_path, [RELU])
    assert {row.result for row in rows.values()} == {"not_applicable"}
    assert rows[RELU].note == "no such thing"


def test_a_harness_that_is_always_red_is_told_by_its_controls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, lambda job: ladder("relu", LINE))
    rows = rows_of(NumpyBackend(), tmp_path, [RELU])
    assert rows[RELU].result == "caught", "which alone would prove nothing"
    assert {row.result for row in rows.values() if row.kind == "none"} == {"accused"}


def test_an_audit_fails_by_the_names_of_what_is_not_as_due(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, lambda job: Finding(None))
    folder = job("numpy", tmp_path, faults=["optimizer"])
    finding = task.run(folder, NumpyBackend(), "cpu", quiet)
    assert finding.status == "failed"
    planted = [
        fault for kind, fault in catalogue.table().values() if kind == "optimizer"
    ]
    start = f"{len(planted)} not as due: {planted[0].name}; "
    assert finding.reason.startswith(start)
    assert finding.reason.endswith("; ...")


@pytest.mark.parametrize(
    ("op", "where", "right"),
    [
        ("relu", LINE, (True, True)),
        ("relu", "models/zoo/simple_baseline.py:1", (True, False)),
        ("linear", LINE, (False, True)),
    ],
)
def test_op_and_line_are_right_where_the_planted_ones_are_named(
    op: str,
    where: str,
    right: tuple[bool, bool],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def answer(job: Job) -> Finding:
        if job.task == "shape_ops":
            return Finding(None)
        # as a ladder does: else nothing is planted, and no line can be right
        wrong.program(spec_of(job).train, Settings())
        return ladder(op, where)

    _, fault = catalogue.table()[RELU]
    wrong = WrongBackend(NumpyBackend(), fault.planting)
    monkeypatch.setattr(task, "WrongBackend", lambda backend, planting: wrong)
    answering(monkeypatch, answer)
    row = task.examine(job("numpy", tmp_path), NumpyBackend(), "kernel", fault, "smoke")
    assert row.by == ("parity: weights",)
    assert (row.op_right, row.line_right) == right


def test_an_exam_blames_values_before_gradients() -> None:
    # every gradient is taken of products and sums
    _, fault = catalogue.table()["multiply: 5 % too large in float16"]
    both: Any = asking._read(
        "shape_ops", "", exam(multiply="value", negative="gradient")
    )
    assert both.op == fault.op
    alone: Any = asking._read(
        "shape_ops", "", exam(relu="gradient", negative="gradient")
    )
    assert alone.op == "relu, negative"


@pytest.mark.parametrize("name", ["multiply: doubled", "sum: last element left out"])
def test_an_op_that_every_probe_is_made_of_is_blamed_itself(
    name: str, tmp_path: Path
) -> None:
    # its first victim in the graph is a linear layer, whose gradient is asked with it
    _, fault = catalogue.table()[name]
    row = task.examine(job("numpy", tmp_path), NumpyBackend(), "kernel", fault, "smoke")
    assert row.by[-1].startswith("parity: ")
    assert (row.op_right, row.line_right) == (True, True), row.note


def test_rows_that_an_interrupted_audit_has_left_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, lambda job: ladder("relu", LINE))
    before = rows_of(NumpyBackend(), tmp_path, [RELU])

    def never(job: Job) -> Finding:
        raise AssertionError(f"{job.task} is asked again")

    answering(monkeypatch, never)
    with open(tmp_path / "audit-numpy.jsonl", "a", encoding="utf-8") as file:
        file.write('{"fault": "torn')
    assert rows_of(NumpyBackend(), tmp_path, [RELU]) == before


def test_a_worker_that_watches_its_backend_is_audited_below_its_eye(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = catalogue.table()["load works once"]
    monkeypatch.setattr(catalogue, "table", lambda: {"load works once": one})
    watched = contract.watched(backends.load("numpy"), contract.Watch())
    finding = task.run(job("numpy", tmp_path), watched, "cpu", quiet)
    assert (finding.status, finding.reason) == ("ok", "")


def test_a_torn_row_is_cut_off_before_the_next_is_written(tmp_path: Path) -> None:
    asked = job("numpy", tmp_path)
    row = AuditRow(fault="a", kind="program", result="caught")
    task._keep(asked, row)
    with open(task._file(asked), "a", encoding="utf-8") as file:
        file.write('{"fault": "b", "ki')
    assert set(task._kept(asked)) == {"a"}
    task._keep(asked, row.model_copy(update={"fault": "c"}))
    assert set(task._kept(asked)) == {"a", "c"}
