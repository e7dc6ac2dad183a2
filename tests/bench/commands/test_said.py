"""Lines for people: whatever is in them, each is one line without colours."""

from __future__ import annotations

import sys

import pytest

from bench.commands._said import say


def test_each_line_stays_one(capsys: pytest.CaptureFixture[str]) -> None:
    say("plain", "a\nb \x1b[31mred", "")
    assert capsys.readouterr().out == "plain\na\\nb \\x1b[31mred\n\n"


def test_it_speaks_where_it_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    say("aside", file=sys.stderr)
    assert tuple(capsys.readouterr()) == ("", "aside\n")
