"""What is said of several hypotheses: their number, and what of the truth each way needs."""

from __future__ import annotations

from bench.commands import _summary
from bench.records import Aggregate
from reports.sections import _accuracy
from tests.reports import sample_run as sample
from tests.reports.sample_payloads import evaluation, mpjpe

MADE = (
    Aggregate(rule="mean", name="P-Agg", metrics=(mpjpe(50.0),)),
    Aggregate(
        rule="best", name="P-Best", needs="the true poses", metrics=(mpjpe(40.0),)
    ),
)
PAYLOAD = evaluation().model_copy(update={"hypotheses": 5, "aggregates": MADE})
RECORD = sample.record(PAYLOAD, model="d3dp")


def test_the_table_says_what_a_number_needs() -> None:
    (found,) = _accuracy.hypotheses([(RECORD, PAYLOAD)])
    rows = found.frame.astype(str).to_dict("records")
    assert [row["One pose by"] for row in rows] == ["P-Agg", "P-Best"]
    assert [row["Needs"] for row in rows] == ["nothing more", "the true poses"]
    assert [row["Hypotheses"] for row in rows] == ["5", "5"]
    assert [row["MPJPE (mm) ↓"] for row in rows] == ["50.00", "40.00"]


def test_models_of_one_pose_have_no_such_table() -> None:
    assert _accuracy.hypotheses([(RECORD, evaluation())]) == []


def test_the_terminal_says_it_too() -> None:
    said = _summary.summary(RECORD)
    assert (
        "of 5 hypotheses P-Agg 50.0 mm, P-Best 40.0 mm (needs the true poses)" in said
    )
    assert "hypotheses" not in _summary.summary(sample.record(evaluation()))
