"""What a part of a run says: what was not run is not measured, and never a gap."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.commands._summary import summary
from bench.records import Exam, ExamRow, Payload, Record
from reports import wrongly
from tests.reports import sample_run as sample
from tests.reports.judged import of, told, verdicts
from tests.reports.pages import report_of, section

NOT = "not measured"
NO_CURVE = sample.parity().model_copy(update={"checks": sample.parity().checks[:-1]})
FAILING = sample.parity(worst=0.02)


@pytest.mark.parametrize(
    ("payload", "answers", "overall"),
    [
        # Its exam was not put, but its ladder was climbed.
        (NO_CURVE, (NOT, "yes in part", NOT), "yes in part"),
        (sample.parity(), (NOT, "yes in part", "yes in part"), "yes in part"),
        (FAILING, (NOT, "no", "yes in part"), "no"),
        # What is there says nothing of what it computes.
        (sample.feasibility(), ("yes", NOT, NOT), "undecided"),
        (sample.feasibility(via="gap"), ("no", NOT, NOT), "no"),
        (sample.training(), (NOT, NOT, NOT), NOT),
        (sample.throughput(), (NOT, NOT, NOT), NOT),
    ],
)
def test_one_task_alone_answers_its_own_question_and_no_other(
    payload: Payload, answers: tuple[str, ...], overall: str
) -> None:
    whole, model = verdicts([sample.record(payload)])
    assert tuple(model.answers.values())[:3] == answers
    assert (model.answer, whole.answer) == (overall, overall)


def test_a_part_of_a_run_says_what_it_rests_on(tmp_path: Path) -> None:
    text = section(report_of(tmp_path, [sample.record(NO_CURVE)]), "Verdict")
    assert (
        "It rests on: Does it compute the same? Not measured: Can it be expressed? Does it"
        " train the same?"
    ) in text
    assert "**not measured** (not run): training was not measured" in text
    assert "**yes with gaps**" not in text
    whole = section(report_of(tmp_path / "whole", sample.good()), "Verdict")
    assert "It rests on" not in whole


# The exam of a backend


def rows(op: str, result: str, dtype: str, amount: int = 1) -> list[ExamRow]:
    """Answers to one question after another."""
    given = {"op": op, "question": "value", "mode": "eager", "dtype": dtype}
    numbers = {"error": 0.5, "bound": 1e-5} if result == "failed" else {}
    return [
        ExamRow.model_validate(
            {**given, "case": f"{i}x3", "result": result, "note": "why", **numbers}
        )
        for i in range(2, 2 + amount)
    ]


def exam(*parts: list[ExamRow]) -> Record:
    """The exam of these answers."""
    asked = [row for part in parts for row in part]
    return sample.record(Exam(rows=tuple(asked), customary="eager"), model="")


def test_an_exam_that_fails_leads_where_no_model_was_tried() -> None:
    wrong = exam(rows("relu", "failed", "float32", 2), rows("relu", "passed", "int64"))
    [whole] = verdicts([wrong])
    assert whole.answer == "undecided"
    assert whole.reasons[0].text == (
        "ops fail in the op exam: relu (2 of 3; first: 2x3 float32 value off by 0.5000,"
        " 1.000e-05 allowed)"
    )
    assert whole.changes == ("mend relu",)
    [well] = verdicts([exam(rows("relu", "passed", "float32"))])
    assert well.changes == ("run at least one model",)


def test_declared_gaps_are_told_as_such_with_their_types_and_what_float32_does() -> (
    None
):
    halves = [*rows("conv", "gap", "float16"), *rows("conv", "gap", "bfloat16")]
    plain = rows("conv", "passed", "float32")
    items = [item for item in sample.good() if item.task != "shape_ops"]
    for base, more in ((plain, " (float32 passes)"), ([], "")):
        good = list(sample.exam().rows)
        whole = verdicts([*items, exam(good, halves, base)])[0]
        said = (
            "gaps that the backend declares, met by no model of this run: conv in bfloat16,"
            " float16" + more
        )
        texts = [one.text for one in whole.reasons if one.text.startswith("gaps")]
        assert texts == [said]
        assert not told(whole, "fail")
        # met by no model, it decides nothing
        assert whole.answer == "yes"


def test_wrong_answers_show_one_case_and_count_all() -> None:
    both = [*rows("add", "failed", "int64"), *rows("sub", "failed", "int64", 3)]
    raised = both[0].model_copy(update={"error": None, "note": "X raised"})
    assert wrongly.told(rows("add", "passed", "int64")) == ""
    assert wrongly.told([raised, *both[1:]]) == (
        "add (1 of 1; first: 2x3 int64 value X raised), sub (3 of 3)"
    )


# Precisions


def in_bf16(*more: Record) -> list[Record]:
    """The good run, asked for in bf16."""
    half = {"precision": "bf16"}
    items = [item.model_copy(update=half) for item in sample.good() if item.backend]
    return [sample.about_data(sample.baselines()), *items, *more]


def test_a_half_that_the_exam_was_not_asked_is_said() -> None:
    found = of(in_bf16(), "torch")
    assert told(found, "the op exam did not ask bfloat16") == [NOT]
    assert told(found, "the loss curve on cpu fp32 is within") == ["yes"]
    assert told(found, "71.25 mm on cpu bf16 against") == ["yes"]
    needs = ("batch_norm", "matmul")
    asked = exam(*(rows(op, "passed", "bfloat16") for op in needs))
    assert told(of(in_bf16(asked), "torch"), "did not ask") == []


# What is learnt


def test_what_is_learnt_decides_only_where_no_training_is_held_against_it() -> None:
    weak = sample.evaluation(score=500.0)
    base = [one for one in sample.good() if one.task != "evaluate"]
    alone = of([*base, sample.record(weak)], "torch")
    words = "learnt more than the least-squares linear map: no, at this size"
    assert told(alone, words) == ["yes with gaps"]
    other = [one for one in sample.compared() if one.task != "evaluate"]
    beside = of([*base, sample.record(weak), *other], "torch")
    assert told(beside, words) == [None]
    assert beside.answers["trains"] == "yes"


# A noisy host


def test_a_noisy_host_voids_its_rates_wherever_they_would_stand(
    tmp_path: Path,
) -> None:
    noisy = sample.record(sample.throughput(noise_floor=0.3))
    text = report_of(tmp_path, [noisy])
    assert "15,530" not in text
    assert "void" in section(text, "Throughput and latency")
    why = "the host is noisy: the same program differs from itself by 30.00 %"
    assert why in section(text, "Throughput and latency")
    assert why in section(text, "What was not measured, and why")
    assert "What would change it: a quieter machine" in section(text, "Verdict")
    assert summary(noisy) == f"no rate: {why}"


def test_a_precision_of_single_checks_was_run(tmp_path: Path) -> None:
    text = report_of(tmp_path, in_bf16())
    never = section(text, "What was not measured, and why")
    assert "`fp32`" not in never and "precision `fp16`" in never
