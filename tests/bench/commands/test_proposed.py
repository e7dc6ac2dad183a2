"""What is told of a cover at the terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import records
from bench.commands import _proposed
from tests.reports.test_proposals import cell, erf, written


def test_the_first_steps_are_told_and_where_the_rest_stands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("erf", "sort", "take", "conv")
    lacking = [
        cell(what, erf("infer").model_copy(update={"what": what})) for what in names
    ]
    written(tmp_path, cell("free"), *lacking)
    _proposed.show(records.load(tmp_path))
    first, *steps, more, page = capsys.readouterr().out.splitlines()
    assert first == "paper: 1 of 5 lack nothing, trained too; to build next:"
    assert steps[0].endswith("this makes 2 of 5")
    assert steps[2].endswith("these 3 make 4 of 5")
    assert more.strip() == "and 1 step more"
    assert page == f"proposals: {tmp_path / 'proposals.md'}"


def test_nothing_is_told_where_nothing_is_lacking(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(tmp_path, cell("free"))
    _proposed.show(records.load(tmp_path))
    assert capsys.readouterr().out == ""
