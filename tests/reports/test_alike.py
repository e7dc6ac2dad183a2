"""A training is held against the reference's: inside what chance does, outside, or far outside."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from bench.records import Record
from tests.reports import sample_run as sample
from tests.reports.judged import of, told
from tests.reports.pages import report_of, section


def both(
    score: float | None,
    *drawn: float | None,
    due: float | None = 70.0,
    change: dict[str, object] | None = None,
    **rest: object,
) -> list[Record]:
    """The good run on two backends; `score` is jax's, `due` torch's, which drew again."""
    trained = sample.training(score=score).model_copy(update=change or {})
    out = [sample.about_data(sample.baselines())]
    for item in sample.good()[1:]:
        if item.task != "train":
            out += [item, item.model_copy(update={"backend": "jax"})]
    out.append(sample.record(sample.training(score=due)))
    out.append(sample.record(trained, backend="jax", **rest))
    if drawn:
        out.append(sample.record(sample.again(*drawn)))
    return out


def answer(items: list[Record], backend: str = "jax", **config: object) -> str:
    """Whether it trains the same; the other questions are not to be touched."""
    found = of(items, backend, **config)
    assert (found.answers["expressed"], found.answers["computes"]) == ("yes", "yes")
    # The verdict is the worst of these.
    assert found.answer == found.answers["trains"]
    return found.answer


# Each beside 70 mm, drawn again as told.
@pytest.mark.parametrize(
    ("score", "drawn", "due"),
    [
        (70.0, (70.1, 69.9), "yes"),
        # 5 % at least is what chance may do, on either side.
        (73.4, (70.0, 70.0), "yes"),
        (66.6, (70.0, 70.0), "yes"),
        (73.6, (70.0, 70.0), "yes with gaps"),
        # Better is another training, too.
        (66.4, (70.0, 70.0), "yes with gaps"),
        # Three times the range, where that is more: 3 x 4 mm.
        (81.9, (72.0, 74.0), "yes"),
        (82.1, (72.0, 74.0), "yes with gaps"),
        (57.9, (72.0, 74.0), "yes with gaps"),
        # Three times the band: 10.5 mm.
        (80.4, (70.0, 70.0), "yes with gaps"),
        (80.6, (70.0, 70.0), "no"),
        (770.0, (70.1, 69.9), "no"),
        # However much better: only worse can be a no.
        (7.0, (70.0, 70.0), "yes with gaps"),
        (math.nan, (70.0, 70.0), "no"),
        (math.inf, (70.0, 70.0), "no"),
        # Half of it is in the band, and all that was learnt may be.
        (71.0, (65.0, 75.0), "yes with gaps"),
    ],
)
def test_a_training_is_judged_by_its_band(
    score: float, drawn: tuple[float, ...], due: str
) -> None:
    # The parity of all of these is green.
    assert answer(both(score, *drawn)) == due


def test_a_training_that_learnt_nothing_is_a_no_though_parity_is_green() -> None:
    found = of(both(770.0, 70.5, 69.5), "jax")
    assert found.answer == "no" and found.answers["computes"] == "yes"
    words = (
        "trained in fp32 to 770.0 mm on validation poses, torch to 70.00 mm on the same budget from"
        " the same start: 1,000 % worse, far outside the A/A band of 5.000 % either way"
    )
    assert told(found, words) == ["no"]
    assert found.reasons[0].text.startswith(words)


def test_the_reference_may_be_the_one_that_is_wrong() -> None:
    items = both(70.0, 760.0, 775.0, due=770.0)
    assert answer(items, "torch") == "no"
    assert told(of(items, "torch"), "jax to 70.00 mm") == ["no"]
    # Better than a broken one is no praise, and no harm beyond a gap.
    assert answer(items, "jax") == "yes with gaps"


def test_the_reference_is_held_against_the_median_of_the_others() -> None:
    third = sample.record(sample.training(score=770.0), backend="onnx")
    found = of([*both(71.0, 70.0, 70.5), third, *fourth(70.5)], "torch")
    assert told(found, "the median of the others to 71.00 mm") == ["yes"]


def fourth(score: float) -> list[Record]:
    return [sample.record(sample.training(score=score), backend="tensorflow")]


# The band


def test_without_a_measured_band_the_floor_stands_and_proves_nothing() -> None:
    assert answer(both(71.0)) == "yes"
    found = of(both(770.0), "jax")
    assert found.answer == "yes with gaps"
    assert told(found, "the A/A band was not measured") == ["yes with gaps"]
    told_of = [one for one in found.reasons if "band was not measured" in one.text]
    assert told_of[0].grade == "not run"


def test_why_the_band_was_not_measured_is_told() -> None:
    died = sample.record(None, task="train_again", status="crashed", reason="signal 9")
    found = of([*both(70.0), died], "jax")
    assert told(found, "A/A trainings of torch on cpu fp32: crashed: signal 9") == [
        None
    ]
    # One that diverged leaves the others without a range.
    diverged = sample.record(sample.again(70.0, None), status="failed", reason="nan")
    found = of([*both(90.0), diverged], "jax")
    assert found.answer == "yes with gaps" and told(found, "fp32: failed: nan") == [
        None
    ]


@pytest.mark.parametrize(
    "change",
    [{"steps": 100}, {"batch": 32}, {"protocol_hash": "bb0002"}],
    ids=["steps", "batch", "protocol"],
)
def test_a_band_of_another_training_is_none(change: dict[str, object]) -> None:
    other = sample.again(70.0, 90.0).model_copy(update=change)
    assert answer([*both(75.0), sample.record(other)]) == "yes with gaps"


def test_a_band_in_another_precision_or_of_an_invalid_cell_is_none() -> None:
    wide = sample.again(70.0, 75.0)
    for rest in (
        {"precision": "bf16"},
        {"status": "invalid", "reason": "two frameworks"},
    ):
        assert answer([*both(75.0), sample.record(wide, **rest)]) == "yes with gaps"
    assert answer([*both(75.0), sample.record(wide)]) == "yes"


# What is held against what


def test_one_backend_is_compared_with_none_and_that_is_said() -> None:
    found = of(sample.good(), "torch")
    assert found.answer == "yes"
    said = "not compared with another backend's training: one backend in this run"
    assert told(found, said) == [None]


@pytest.mark.parametrize(
    "change",
    [
        {"steps": 100, "validation_steps": (50, 100), "validation_mpjpe": (9.0, 500.0)},
        {"batch": 32},
    ],
    ids=["steps", "batch"],
)
def test_trainings_of_another_budget_are_not_compared(
    change: dict[str, object],
) -> None:
    found = of(both(500.0, 70.0, change=change), "jax")
    assert told(found, "no other backend of this run trained simple_baseline") == [None]
    assert found.answers["trains"] == "yes"


def test_the_reference_is_the_backend_that_was_asked_for() -> None:
    again = sample.record(sample.again(70.0, 70.5), backend="jax")
    items = [*both(70.0, due=90.0), again]
    # Else the first that trained: torch, which nobody has trained again.
    assert answer(items, "torch", against="jax") == "no"
    assert told(of(items, "jax", against="jax"), "torch to 90.00 mm") == [None]


def test_a_training_that_failed_where_another_did_not_is_a_no() -> None:
    failed = {"status": "failed", "reason": "the loss became nan at step 3"}
    found = of(both(None, 70.0, **failed), "jax")
    assert found.answers["trains"] == "no"
    assert told(found, "nan at step 3; torch trains it on the same budget") == ["no"]
    # Nobody else was asked: the recipe may be to blame.
    alone = [item for item in sample.good() if item.task != "train"]
    alone.append(sample.record(sample.training(score=None), **failed))
    assert of(alone, "torch").answer == "yes with gaps"
    # A crash is the machine's as often as the backend's.
    crashed = both(70.0, 70.0, status="crashed", reason="signal 9")
    assert of(crashed, "jax").answers["trains"] == "yes with gaps"


def test_a_training_without_a_number_at_its_end_is_a_gap() -> None:
    early = {"validation_steps": (50, 100, 150)}
    found = of(both(70.0, 70.0, change=early), "jax")
    assert told(found, "has no validation error at its end") == ["not measured"]
    # Nor is anything held against it.
    assert told(of(both(70.0, 70.0, change=early), "torch"), "no other backend") == [
        None
    ]


def test_the_report_shows_the_trainings_beside_each_other(tmp_path: Path) -> None:
    text = section(report_of(tmp_path / "two", both(82.1, 72.0, 74.0)), "Trained alike")
    rows = [line for line in text.splitlines() if "82.10" in line]
    # Its own number stands before the one that it is held against.
    row = next(line for line in rows if line.index("82.10") < line.index("70.00"))
    assert "17.29 %" in row and "17.14 %" in row and row.rstrip(" |").endswith("no")
    alone = report_of(tmp_path / "one", sample.good())
    assert "not measured" in section(alone, "Trained alike")
