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


def bare(text: str) -> Iterator[int]:
    """Lines that print what may be a stranger's as it is: neither nothing nor JSON."""
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call) or ast.unparse(node.func) != "print":
            continue
        if node.args and not re.match(
            r"(json|encoder)\.dumps\(", ast.unparse(node.args[0])
        ):
            yield node.lineno


def test_commands_print_lines_in_which_strangers_show_no_colours() -> None:
    for path in sorted((ROOT / "bench/commands").rglob("*.py")):
        lines = list(bare(path.read_text(encoding="utf-8")))
        assert not lines or path.name == "_said.py", (
            f"{path.name}:{lines[0]} prints a text as it is; use `say` of bench/commands/_said.py"
        )


def test_a_bare_print_would_be_found() -> None:
    assert list(bare("print()\nprint(json.dumps(x))\nprint(f'{x}')")) == [3]


def test_printing_would_be_found() -> None:
    assert list(said("from sys import stdout\nstdout.write('a')")) == [2]
    assert sorted(said("import sys\nif x:\n    print(1)\nsys.stderr.write('a')")) == [
        3,
        4,
    ]
