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

HALVES = ("float16", "bfloat16")
EXAM = {"dtypes": ["float32", *HALVES], "variants": "none", "numbers": "none"}
OPS = ["add", "sin", "tanh"]


class Poor(NumpyBackend):
    """No halves at all, a sine that is wrong for two axes, a hyperbolic tangent of none."""

    def program(self, graph: Graph, settings: Settings) -> Program:
        return Wrong(graph, settings)


class Wrong(NumpyProgram):
    def run(self, feeds: Any) -> dict[str, Any]:
        if any(value.dtype in HALVES for value in self.graph.types.values()):
            names = "/".join(node.op for node in self.graph.nodes)
            raise RuntimeError(f"no CPU kernel of {names} for Half")
        found = super().run(feeds)
        odd = [
            name
            for name, node in zip(found, self.graph.nodes, strict=False)
            if node.op == "sin" and found[name].ndim == 2
        ]
        none = [
            name
            for name, node in zip(found, self.graph.nodes, strict=False)
            if node.op == "tanh"
        ]
        found |= {name: found[name] * np.float32(np.nan) for name in none}
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
    # of no known device, as of an exam whose last worker had nothing left to ask
    record = Record(
        task="shape_ops", backend="poor", device="auto", status="failed", payload=exam
    )
    _gaps.accept(file, [record])
    assert "to be read and signed" in capsys.readouterr().err
    held: dict[str, Any] = {}
    exec(compile(file.read_text(), str(file), "exec"), held)
    found = held["PART_GAPS"]
    about = [(gap.op, gap.dtype, gap.mode, gap.question, gap.device) for gap in found]
    value = ("", "value", "cpu")
    assert about[0] == ("add sin tanh", "bfloat16 float16", *value)
    assert ("sin", "float32", *value) in about
    assert ("tanh", "float32", *value) in about
    assert all(gap.reason for gap in found)
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


def gaps(rows: list[ExamRow], *modes: str) -> list[Gap]:
    return _gaps.gaps(rows, device="cpu", modes=modes)


def test_a_mode_is_named_where_the_backend_has_others_that_pass_or_were_not_asked() -> (
    None
):
    both = [row("add", "why"), row("add", "why", mode="compiled")]
    named = [
        [gap.mode for gap in gaps(rows, *modes)]
        for rows, modes in (
            (both[:1], ("eager",)),
            (both[:1], ("eager", "compiled")),
            (both, ("eager", "compiled")),
            (both[:1], ()),  # of a record that does not say which there are
        )
    ]
    assert named == [[""], ["eager"], [""], ["eager"]]


def test_types_that_fail_wholly_and_those_that_fail_in_part_are_apart() -> None:
    rows = [
        row("add", "no int64", dtype="int64"),
        row("add", "no int32", dtype="int32"),
        row("add", "no float32", dtype="float32", case="2x3 of a.b", result="passed"),
        row("add", "no float32", dtype="float32", case="(2,) of a.b"),
    ]
    found = [(gap.dtype, gap.case, gap.varies) for gap in gaps(rows, "eager")]
    assert found == [
        ("float32", r"^(\(2,\) of a\.b)$", False),
        ("int32 int64", "", False),
    ]


def test_a_case_that_fails_and_passes_is_said_to_vary() -> None:
    [gap] = gaps([row("add", "why"), row("add", "", result="passed")], "eager")
    assert (gap.case, gap.varies) == ("", True)


def test_of_what_ends_workers_the_cases_that_were_not_asked_are_in_the_gap() -> None:
    rows = [row("add", "SIGFPE", ended="crashed"), row("add", "", result="passed")]
    [gap] = gaps(rows, "eager")
    assert (gap.case, gap.varies) == ("", True)
    [gap] = gaps(rows[:1], "eager")
    assert (gap.case, gap.varies) == ("", True)


def test_a_closed_gap_with_numbers_is_no_gap_to_accept_either() -> None:
    said = "declared gap passes, remove it from the gaps of poor: why"
    assert gaps([row("add", said, error=0.0, bound=0.1)], "eager") == []


def test_what_is_not_finite_is_said_in_words_in_a_record_that_was_read_too() -> None:
    rows = [row("add", "", error=np.inf, bound=0.5), row("sub", "", bound=0.5)]
    said = "NaN or infinity on one side alone, 0.5000 allowed"
    assert [gap.reason for gap in gaps(rows, "eager")] == [said, said]


def test_sizes_and_names_in_brackets_hide_no_common_cause() -> None:
    rows = [
        row("conv", "[conv] takes no array of type int64 of (2, 3)", dtype="int64"),
        row("conv_like", "[conv] takes no array of type int32 of (4,)", dtype="int32"),
    ]
    assert len(wrongly.by_cause(rows)) == 2  # by type
    assert len({cause.alike for cause in wrongly.by_cause(rows)}) == 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", '"plain"'),
        (r"a\.b", r'r"a\.b"'),
        ('says "no"', "'says \"no\"'"),
        ("it's", '"it\'s"'),
        ("a\nb", '"a\\nb"'),
        ("a\\", '"a\\\\"'),
    ],
)
def test_literals_have_no_needless_escapes(value: str, text: str) -> None:
    assert _gaps._text(value) == text
    assert eval(text) == value
