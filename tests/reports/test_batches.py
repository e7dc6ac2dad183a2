"""A training whose batch was halved, beside one whose was not: each place that compares says so."""

from __future__ import annotations

from pathlib import Path

from bench import records
from bench.commands import _compared, _seeds
from bench.records import Record, Training
from reports import batches
from tests.reports import sample_run as sample
from tests.reports.judged import of, told
from tests.reports.pages import report_of, row_with, section
from tests.reports.test_alike import both
from tests.reports.test_seeds import SCORES, trained

ASKED = sample.training().batch
HALF = {"batch": ASKED // 2, "accumulate": 2, "asked_batch": ASKED}
SAID = f"batches of {ASKED // 2} in place of {ASKED}"


def halved(item: Record) -> Record:
    """The record, of a training whose batch did not fit."""
    if not isinstance(item.payload, Training):
        return item
    return item.model_copy(update={"payload": item.payload.model_copy(update=HALF)})


def test_equal_batches_are_not_marked() -> None:
    whole = sample.training()
    half = whole.model_copy(update=HALF)
    assert batches.unequal([whole, half])
    assert not batches.unequal([whole, whole])
    assert not batches.unequal([half, half])
    # another batch that was asked for is no halved one
    assert not batches.unequal([whole, whole.model_copy(update={"batch": 3})])


def test_the_verdict_says_so() -> None:
    items = both(70.0, 70.1, 69.9, change=HALF)
    words = f"unequal batches: jax with {SAID}"
    assert told(of(items, "jax"), words) == ["yes"]
    # and of the reference, which is held against it
    assert told(of(items, "torch"), words) == ["yes"]
    assert not told(of(both(70.0, 70.1, 69.9), "jax"), "unequal")


def test_the_report_says_so_beside_the_numbers(tmp_path: Path) -> None:
    page = report_of(tmp_path, both(70.0, 70.1, 69.9, change=HALF))
    assert SAID in row_with(section(page, "Trained alike"), "`jax`")
    assert SAID in row_with(section(page, "Backends side by side"), "training (s)")


def test_seeds_are_compared_and_marked(tmp_path: Path) -> None:
    items = [
        *trained("torch", *SCORES),
        *map(halved, trained("jax", *SCORES)),
    ]
    page = section(report_of(tmp_path, items), "Seeds and equivalence")
    assert SAID in row_with(page, "`torch, jax`")
    (found,) = _seeds.told(records.load(tmp_path))
    assert found["answer"] == "equivalent"
    assert found["batches"] == f"unequal batches: jax with {SAID}"


def test_compare_notes_it(tmp_path: Path) -> None:
    items = both(70.0, 70.1, 69.9, change=HALF)
    report_of(tmp_path, items)
    notes = {row.backend: row.note for row in _compared.rows([tmp_path])}
    assert SAID in notes["jax"] and SAID not in notes["torch"]
