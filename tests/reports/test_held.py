"""What the report says of the pipeline's own oracle."""

from __future__ import annotations

from pathlib import Path

from bench.records import Check, Payload
from tests.reports import sample_payloads, sample_run
from tests.reports.pages import report_of, row_with, section


def check(kind: str, *, error: float = 1e-7, ok: bool = True) -> Check:
    return Check(
        kind=kind, name=f"some {kind}", error=error, bound=5e-6, ok=ok, graph="infer"
    )


def page(tmp_path: Path, *payloads: Payload) -> str:
    """The section on training of a run with these cells."""
    records = [sample_run.record(payload) for payload in payloads]
    return section(report_of(tmp_path, records), "Training and accuracy")


def test_checks_are_counted_and_the_first_that_fails_is_named(tmp_path: Path) -> None:
    trained = sample_payloads.training().model_copy(
        update={"checks": (check("start"), check("batch")), "start": "9fadc1887e4074dc"}
    )
    scored = sample_payloads.evaluation().model_copy(
        update={
            "checks": (check("poses", error=0.25, ok=False), check("score", ok=False)),
            "held_windows": 256,
            "left_out": {"validation": "the weights of step 3 were not validated"},
        }
    )
    said = page(tmp_path, trained, scored)
    row = row_with(said, "`train`", "2 of 2")
    assert "`9fadc1887e4074dc`" in row
    assert "not measured" not in row, "a training has no poses to hold"
    row = row_with(said, "`evaluate`", "0 of 2")
    assert "poses: some poses" in row
    assert "256" in row and "0.2500" in row and "5.000e-06" in row
    assert "validation: the weights of step 3 were not validated." in said


def test_records_of_before_say_nothing(tmp_path: Path) -> None:
    said = page(tmp_path, sample_payloads.training(), sample_payloads.evaluation())
    assert "oracle" not in said


def test_a_training_that_did_not_begin_has_a_place(tmp_path: Path) -> None:
    nothing = dict.fromkeys(
        ("loss_steps", "loss", "validation_steps", "validation_mpjpe"), ()
    )
    stopped = sample_payloads.training().model_copy(
        update={**nothing, "steps": 0, "checks": (check("start", ok=False),)}
    )
    said = page(tmp_path, stopped)
    assert "start: some start" in row_with(said, "`train`", "0 of 1")
