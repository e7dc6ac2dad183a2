"""What is declared, missing or wrong and that no model needs: told, and never held against one."""

from __future__ import annotations

import pytest

from bench.records import Exam, ExamRow, Record
from tests.reports import sample_run as sample
from tests.reports.judged import instead, of, told, verdicts, without

ROW = sample.exam().rows[
    -1
]  # on the values of batch_norm, which the sample model needs


def exam(*more: ExamRow, gaps: dict[str, str] | None = None, **about: object) -> Record:
    """The exam in which all is right, with more rows."""
    rows = (*sample.exam().rows, *more)
    found = Exam(rows=rows, gaps=gaps or {}, customary="eager")
    return sample.record(found, model="", **about)


def row(result: str, **change: object) -> ExamRow:
    """An answer on batch_norm, with a change."""
    return ROW.model_copy(update={"result": result, "note": "no such", **change})


def beside(*exams: Record) -> list[Record]:
    return [*without("shape_ops"), *exams]


# Ops


def test_an_op_that_is_needed_and_declared_in_part_is_a_gap_until_the_ladder_clears_it() -> (
    None
):
    found = exam(row("gap"))
    words = "gaps that the backend declares in cases of ops it needs: batch_norm"
    held = of(beside(found), "torch")
    assert (told(held, words), held.answer) == ([None], "yes")
    blind = of([one for one in beside(found) if one.task != "parity"], "torch")
    assert told(blind, words) == ["yes with gaps"]
    # open all the same: nobody knows what the model computes
    assert blind.answers["computes"] == "undecided"


def test_an_op_without_a_right_slope_is_a_gap_though_its_values_are_right() -> None:
    model = of(beside(exam(row("gap", question="gradient"))), "torch")
    said = "ops it needs are gaps, as the backend declares: batch_norm in float32, its gradient"
    assert told(model, said) == ["yes with gaps"]


def test_an_op_that_is_not_there_is_told_with_what_is_known_of_its_need() -> None:
    gone = exam(gaps={"conv_transpose": "none"})
    whole, model = verdicts(beside(gone))
    assert told(whole, "does not have, needed by no model asked: conv_transpose") == [
        None
    ]
    assert (whole.answer, model.answer) == ("yes", "yes")
    [alone] = verdicts([gone])
    said = "does not have, and no model was asked for its ops: conv_transpose"
    assert (told(alone, said), alone.changes) == ([None], ("run at least one model",))


def test_a_half_that_fails_is_no_matter_of_a_run_in_float32() -> None:
    wrong = exam(row("failed", dtype="float16"))
    whole, model = verdicts(beside(wrong))
    said = "fail in the op exam in halves that no model of this run was asked in"
    assert (told(whole, said), told(model, "float16")) == ([None], [])
    assert (whole.answer, model.answer) == ("yes", "yes")
    # The exam alone was asked for it.
    [alone] = verdicts([wrong])
    assert told(alone, "ops fail in the op exam: batch_norm") == ["undecided"]


@pytest.mark.parametrize("result", ["gap", "failed"])
def test_the_exam_of_another_device_says_nothing_of_a_model_that_ran_on_this(
    result: str,
) -> None:
    there = exam(row(result), device="cuda", actual_device="cuda")
    model = of(beside(exam(), there), "torch")
    assert model.answer == "yes" and not told(model, "batch_norm (")
    # With no exam on its own device, none was put.
    alone = of(beside(there), "torch")
    assert told(alone, "the op exam has no numbers") == ["not measured"]


# Optimizers


def missing(rule: str, **about: object) -> list[Record]:
    """The good run, trained with adam, whose backend does not have an optimizer."""
    left = {f"optimizer {rule}": "no squares"}
    return instead(sample.parity().model_copy(update={"left_out": left}), **about)


def test_an_optimizer_that_no_recipe_uses_is_told_of_the_backend() -> None:
    whole, model = verdicts(missing("rmsprop"))
    assert (whole.answer, model.answer, told(model, "rmsprop")) == ("yes", "yes", [])
    said = "does not have, needed by no model asked: optimizer rmsprop (no squares)"
    assert told(whole, said) == [None]


def test_the_models_own_that_is_missing_is_a_gap_of_its_training() -> None:
    stopped = {"status": "unsupported", "reason": "update: no squares"}
    for about in (stopped, {}):
        model = of(missing("adam", **about), "torch")
        assert model.answers["computes"] == "yes"
        assert model.answers["trains"] == "yes with gaps"
        assert not told(verdicts(missing("adam", **about))[0], "does not have")


def test_what_the_backend_lacks_beside_optimizers_stays_a_gap_of_what_it_computes() -> (
    None
):
    left = sample.parity().model_copy(update={"left_out": {"gradient": "no autograd"}})
    stopped = {"status": "unsupported", "reason": "gradient: no autograd"}
    assert of(instead(left, **stopped), "torch").answers["computes"] == "yes with gaps"
