"""Trainings with several seeds, in the report, on the terminal and as JSON."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import records
from bench.commands import _seeds
from bench.records import Record
from tests.reports import sample_run as sample
from tests.reports.pages import report_of, row_with, section

TITLE = "Seeds and equivalence"
SCORES = (71.2, 71.6, 70.9, 71.4, 71.1)


def trained(backend: str, *scores: float | None) -> list[Record]:
    first, *rest = scores
    return [
        sample.record(sample.training(score=first), backend=backend),
        sample.record(sample.again(own=tuple(rest)), backend=backend),
    ]


def worse(by: float) -> tuple[float, ...]:
    return tuple(score + by for score in SCORES)


@pytest.mark.parametrize(
    ("scores", "answer", "needed"),
    [
        (SCORES, "equivalent", ""),
        # a backend that trains three millimetres worse
        (worse(3.0), "different", ""),
        # few, and far from each other
        ((68.0, 75.0), "inconclusive", "283"),
        ((71.2,), "", ""),
    ],
)
def test_each_two_backends_have_an_answer(
    scores: tuple[float, ...], answer: str, needed: str, tmp_path: Path
) -> None:
    items = [*trained("torch", *SCORES), *trained("jax", *scores)]
    page = section(report_of(tmp_path, items), TITLE)
    # t of 4 degrees: 71.24 +- 0.33
    assert "70.9" in row_with(page, "`torch`", "71.24 mm")
    assert "71.20, 71.60, 70.90, 71.40, 71.10" in page
    if not answer:
        # of one seed there is no row, for no seeds were asked for
        assert "margin" not in page.split("Over seeds")[1]
        return
    row = row_with(page, "`torch, jax`")
    assert f"**{answer}**" in row
    if needed:  # 2.486 ** 2 * (0.27 ** 2 + 4.95 ** 2) / (1 - 0.26) ** 2, by the normal
        assert row.rstrip(" |").endswith(f" {needed}"), row


def test_the_margin_is_the_run_s(tmp_path: Path) -> None:
    items = [*trained("torch", *SCORES), *trained("jax", *worse(3.0))]
    change = {"config": {"equivalence_margin": 5.0}}
    page = section(report_of(tmp_path, items, **change), TITLE)
    assert "margin 5 mm" in page and "**equivalent**" in page


def test_one_that_diverged_is_left_out_and_told(tmp_path: Path) -> None:
    items = [*trained("torch", *SCORES, None), *trained("jax", *SCORES)]
    report_of(tmp_path, items)
    (found,) = _seeds.told(records.load(tmp_path))
    assert (found["seeds"], found["answer"]) == ([5, 5], "equivalent")


def test_the_terminal_says_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    items = [*trained("torch", *SCORES), *trained("jax", *worse(3.0))]
    report_of(tmp_path, items)
    run = records.load(tmp_path)
    _seeds.show(run)
    said = capsys.readouterr().out
    line = (
        "simple_baseline on torch: 71.24 mm over 5 seeds, 95 % interval 70.90 to 71.58"
    )
    assert line in said
    assert "torch, jax" in said and "different" in said
    (found,) = _seeds.told(run)
    assert found["difference_mm"] == pytest.approx(-3.0)
    assert found["p_different"] < 0.05 < found["p_equivalent"]


def test_a_run_of_one_seed_has_nothing_to_say(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = section(report_of(tmp_path, sample.good()), TITLE)
    assert "not measured" in page
    _seeds.show(records.load(tmp_path))
    assert capsys.readouterr().out == ""
