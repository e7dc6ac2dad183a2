"""What the report says of the data: counts, the protocol and its part, and every note."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reports import sample_run as sample
from tests.reports.pages import report_of, row_with, section


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The section of a run that was trained on part of some data."""
    path = tmp_path_factory.mktemp("run")
    training = sample.training().model_copy(update={"fraction": 0.4})
    return report_of(path, [sample.record(training)])


def test_counts_labels_and_protocol_are_told(said: str) -> None:
    data = section(said, "Data")
    assert "Read from `bvh:walks`." in data
    assert "Test split by subject; only the middle 0.4 of each clip." in data
    assert "1,080" in row_with(data, "| takes ")
    assert "cam0, cam1" in row_with(data, "| cameras ")
    assert "(none)" in row_with(data, "| styles ")
    assert "0.4" in row_with(data, "| part of each clip ")


def test_every_note_is_an_item_and_escaped(said: str) -> None:
    data = section(said, "Data")
    items = [line for line in data.splitlines() if line.startswith("- ")]
    assert len(items) == 2
    assert "@cm states it" in items[0]
    assert "<b>" not in items[1]


def test_of_many_labels_and_notes_the_rest_is_counted(tmp_path: Path) -> None:
    many = {**sample.DATA, "notes": [f"n{i}" for i in range(1030)]}
    many["cameras"] = [f"c{i}" for i in range(25)]
    data = section(report_of(tmp_path, [], data=many), "Data")
    assert "n23\n- and 1,006 more" in data
    assert "n24" not in data
    assert "c23, and 1 more" in data


def test_a_part_of_each_clip_is_told_beside_the_hash(said: str) -> None:
    assert "### Protocol subjects (9f3a01, 0.4 of each clip)" in said


def test_a_run_without_data_and_data_without_notes_say_so(tmp_path: Path) -> None:
    exam = [sample.record(sample.exam(), model="")]
    none = report_of(tmp_path / "none", exam, data={})
    assert "No data were read for this run." in section(none, "Data")
    quiet = report_of(tmp_path / "quiet", exam, data={**sample.DATA, "notes": []})
    assert "Its reader noted nothing." in section(quiet, "Data")
