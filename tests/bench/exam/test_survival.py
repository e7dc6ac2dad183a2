"""An exam goes on without the op that ends its workers, and blames nobody else."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from backends.base import Backend, Gap, Program, Settings
from backends.numpy.backend import NumpyBackend
from bench import config as configs
from bench.config import Config
from bench.coordinator.job import Death, Finding, Job
from bench.exam import task
from bench.processes.steps import Steps, place
from bench.processes.worker import Worker
from bench.records import Exam
from models.graph import Graph
from tests.bench.processes import strange

Kills = Callable[[set[str], int], bool]  # ops of a program, programs before it
EXAM = {"dtypes": ["float32"], "cases": 2, "variants": "none", "numbers": "none"}
OPS = ("add", "tanh", "sigmoid", "sin")


class Died(BaseException):
    """In the place of a process's end."""


class Deadly(NumpyBackend):
    """Ends the worker at some programs."""

    def __init__(self, kills: Kills) -> None:
        self._kills, self.programs = kills, 0

    def program(self, graph: Graph, settings: Settings) -> Program:
        if self._kills(set(graph.census()), self.programs):
            raise Died
        self.programs += 1
        return super().program(graph, settings)


def config(**more: Any) -> Config:
    return configs.validate({"ops": OPS, "exam": EXAM, "device": "cpu", **more})


def asked(job: Job, kills: Kills, file: Path | None = None) -> tuple[Exam, list[Death]]:
    """The exam, by as many workers as it takes, and how those before the last ended."""
    finding, deaths = found(job, lambda: Deadly(kills), file)
    assert isinstance(finding.payload, Exam)
    return finding.payload, deaths


def found(
    job: Job, backend: Callable[[], Backend], file: Path | None = None
) -> tuple[Finding, list[Death]]:
    """The same with all that is said of it."""
    deaths: list[Death] = []
    while True:
        said: dict[str, Any] = {}
        sends: Callable[[Mapping[str, Any]], None] = said.update
        told = job.model_copy(update={"deaths": tuple(deaths)})
        try:
            finding = task.run(
                told,
                backend(),
                "cpu",
                lambda text, share: None,
                steps=Steps(told, sends, file=file),
            )
        except Died:
            about = {key: said.get(key, "") for key in ("step", "part")}
            first = bool(said["first"])
            death = Death(**about, status="crashed", reason="SIGSEGV", first=first)
            deaths.append(death)
            assert len(deaths) < 40, "it goes on for ever"
            continue
        return finding, deaths


def job(folder: Path, **more: Any) -> Job:
    return Job(
        task="shape_ops",
        backend="numpy",
        model="",
        config=config(**more),
        folder=folder,
    )


def results(exam: Exam, op: str) -> set[str]:
    return {row.result for row in exam.rows if row.op == op}


def test_the_op_that_ends_workers_is_found_and_the_others_are_answered(
    tmp_path: Path,
) -> None:
    file = tmp_path / "steps.jsonl"
    exam, deaths = asked(job(tmp_path), lambda ops, before: "sin" in ops, file)
    wrong = [row for row in exam.rows if row.result == "failed"]
    assert {(row.op, row.question, row.ended) for row in wrong} == {
        ("sin", "value", "crashed")
    }
    assert {row.note for row in wrong} == {"SIGSEGV"}
    for op in ("add", "tanh", "sigmoid"):
        assert results(exam, op) == {"passed"}
    # the program of all, that of the op, and each question of it
    assert len(deaths) == 2 + len(wrong)


def test_an_op_whose_body_alone_does_it_keeps_its_values(tmp_path: Path) -> None:
    """Sigmoid is made of tanh, and of its own kernel nothing is wrong."""
    exam, _ = asked(job(tmp_path), lambda ops, before: "tanh" in ops)
    values = {
        row.result
        for row in exam.rows
        if (row.op, row.question) == ("sigmoid", "value")
    }
    assert values == {"passed"}
    ended = {(row.op, row.question) for row in exam.rows if row.ended}
    assert ended <= {("tanh", "value"), ("sigmoid", "kernel")}
    assert ("tanh", "value") in ended


def test_who_follows_another_is_not_blamed_for_what_that_has_left(
    tmp_path: Path,
) -> None:
    """As where a heap is spoilt: whatever comes third dies, and nothing does alone."""
    both = {**EXAM, "dtypes": ["float32", "float16"]}
    exam, deaths = asked(
        job(tmp_path, exam=both), lambda ops, before: before == 2, tmp_path / "steps"
    )
    assert deaths
    assert {row.result for row in exam.rows} == {"passed"}
    assert {row.op for row in exam.rows} == set(OPS)


def test_of_an_op_that_always_does_it_only_some_are_asked(tmp_path: Path) -> None:
    every = {**EXAM, "cases": 0, "variants": "first", "numbers": "first"}
    exam, deaths = asked(
        job(tmp_path, exam=every, ops=["sin", "add"]), lambda ops, before: "sin" in ops
    )
    assert sum(bool(row.ended) for row in exam.rows) == 3
    assert len(deaths) <= 6
    (about,) = exam.left_out
    assert about.startswith("sin, value of ")
    assert exam.left_out[about] == "3 others ended workers"


def of_gaps(*gaps: Gap) -> Backend:
    """A backend whose sine ends the worker."""
    backend = Deadly(lambda ops, before: "sin" in ops)
    backend.part_gaps = gaps
    return backend


def test_an_exam_whose_workers_end_in_declared_gaps_alone_has_not_failed(
    tmp_path: Path,
) -> None:
    every = {**EXAM, "cases": 0, "variants": "first", "numbers": "first"}
    one = job(tmp_path, exam=every, ops=["sin", "add"])
    finding, _ = found(one, lambda: of_gaps(Gap("sin", "ends the process")))
    assert (finding.status, finding.reason) == ("ok", "")
    assert isinstance(finding.payload, Exam)
    rows = finding.payload.rows
    assert [row.result for row in rows if row.ended] == ["gap"] * 3
    assert finding.payload.left_out  # which says that the rest was not asked


def test_a_gap_of_some_cases_that_end_workers_keeps_no_other_case_from_being_asked(
    tmp_path: Path,
) -> None:
    every = {**EXAM, "cases": 0, "variants": "first", "numbers": "first"}
    one = job(tmp_path, exam=every, ops=["sin", "add"])
    whole, _ = asked(one, lambda ops, before: False)
    first = next(row.case for row in whole.rows if row.op == "sin")
    gap = Gap("sin", "ends the process", case=f"^{re.escape(first)}$")
    finding, _ = found(one, lambda: of_gaps(gap))
    assert finding.status == "failed"
    assert isinstance(finding.payload, Exam)
    ended = [row.result for row in finding.payload.rows if row.ended]
    assert ended.count("gap") == 1
    # as many as of an op without a gap: the declared one is not among them
    assert ended.count("failed") == 3


def test_when_its_time_is_over_what_is_known_is_told(tmp_path: Path) -> None:
    file = tmp_path / "steps.jsonl"
    steps = Steps(job(tmp_path), lambda said: None, file=file)
    steps.resume(task._question(job(tmp_path)))
    row = {"op": "add", "case": "2", "question": "value", "mode": "eager"}
    steps.keep("eager 0", [{**row, "dtype": "float32", "result": "passed"}])
    over = job(tmp_path, ops=["add"]).model_copy(update={"over": True})
    exam, _ = asked(over, lambda ops, before: True, file)
    assert not exam.rows  # they were of other ops
    over = job(tmp_path).model_copy(update={"over": True})
    steps.resume(task._question(over))
    steps.keep("eager 0", [{**row, "dtype": "float32", "result": "passed"}])
    exam, _ = asked(over, lambda ops, before: True, file)
    assert [one.op for one in exam.rows] == ["add"]


def test_a_run_that_is_gone_on_with_asks_nothing_twice(tmp_path: Path) -> None:
    class Stopped(BaseException):
        pass

    file = place(job(tmp_path))

    def stops(ops: set[str], before: int) -> bool:
        raise Stopped

    whole, _ = asked(job(tmp_path), lambda ops, before: False, file)
    again, _ = asked(job(tmp_path), stops, file)
    assert again.rows == whole.rows
    with pytest.raises(Stopped):
        asked(job(tmp_path, seed=1), stops, file)  # another question
    Steps(job(tmp_path), lambda said: None, file=file).forget()
    assert not file.exists()


def test_workers_that_hang_and_die_leave_the_rest_of_an_exam(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deed = """
        from backends.numpy import program
        right = program.kernels
        def wrong(working):
            def hangs(x):
                time.sleep(100)
            def aborts(x):
                os.abort()
            return {**right(working), "tanh": hangs, "sin": aborts}
        program.kernels = wrong
    """
    package = strange.install(tmp_path, {"deadly": deed})
    monkeypatch.setenv("PYTHONPATH", str(package))
    few = {**EXAM, "cases": 1, "seconds": 2}
    one = job(tmp_path / "run", exam=few, ops=["add", "tanh", "sin"], threads=1)
    worker = Worker(threads=1)
    try:
        record = worker.run(
            one.model_copy(update={"backend": "deadly"}),
            lambda text, share: None,
            timeout=300,
        )
    finally:
        worker.close()
    assert record.status == "failed"
    assert record.reason.startswith(
        "ended workers: sin, tanh; wrong answers: sin, tanh"
    )
    assert isinstance(record.payload, Exam)
    told = {row.op: row for row in record.payload.rows if row.ended}
    assert told["tanh"].ended == "timeout"
    assert told["tanh"].note.startswith("no result after 2 s in hangs (deadly.py:")
    assert told["tanh"].note.endswith("; raise it with --set exam.seconds=SECONDS")
    assert told["sin"].ended == "crashed"
    assert "signal SIGABRT in aborts (deadly.py:" in told["sin"].note
    assert results(record.payload, "add") == {"passed"}
    assert not place(one).exists()
