"""Only `bench/commands` and `reports` make text for people; what measures returns what it found."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.paths import ROOT

# The command line; a child process, whose stdout is the answer to a question.
SPEAKING = ("bench/__main__.py", "bench/commands/", "bench/processes/question.py")
WORDS = re.compile(
    r"print|(.*\b)?std(out|err)\.write(lines)?|(typer|click)\.(echo|secho)"
)


def said(text: str) -> Iterator[int]:
    """Lines that print."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and WORDS.fullmatch(ast.unparse(node.func)):
            yield node.lineno


@pytest.mark.parametrize("room", ["models", "backends", "bench"])
def test_what_measures_prints_nothing(room: str) -> None:
    files = sorted((ROOT / room).rglob("*.py"))
    assert len(files) > 20, "the scan has read the folder"
    for path in files:
        name = path.relative_to(ROOT).as_posix()
        lines = list(said(path.read_text(encoding="utf-8")))
        assert not lines or name.startswith(SPEAKING), (
            f"{name}:{lines[0]} prints; return what was found and let bench/commands say it"
        )


def test_printing_would_be_found() -> None:
    assert list(said("from sys import stdout\nstdout.write('a')")) == [2]
    assert sorted(said("import sys\nif x:\n    print(1)\nsys.stderr.write('a')")) == [
        3,
        4,
    ]
