"""One question in a process of its own: its answer, or why there is none, in one line."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from bench.processes import question
from models.errors import BadInput, PosePortError

MODULE = """
import os, sys
from bench.processes.question import answer
from models.errors import BadInput

def asked(arguments):
{deed}

if __name__ == "__main__":
    sys.exit(answer(asked))
"""


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """Asks a module whose answer is given by lines of a function."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def asked(deed: str) -> object:
        body = textwrap.indent(textwrap.dedent(deed), "    ")
        (tmp_path / "asked_module.py").write_text(MODULE.format(deed=body))
        return question.ask("asked_module", ["numpy", "one"])

    return asked


def test_an_answer_is_json_beneath_what_was_printed(ask) -> None:
    assert ask("print('hello')\nreturn {'given': arguments}") == {
        "given": ["numpy", "one"]
    }


@pytest.mark.parametrize(
    ("deed", "said"),
    [
        ("os.abort()", "numpy: the process ended with signal SIGABRT in asked (asked_"),
        ("os.kill(os.getpid(), 9)", "numpy: the process ended with signal SIGKILL: it"),
        ("raise MemoryError('no room')", "exit code 1: MemoryError: no room (asked_mo"),
        (
            "raise ValueError('two\\nlines')",
            "exit code 1: ValueError: two lines (asked",
        ),
    ],
)
def test_a_process_that_dies_says_how(ask, deed: str, said: str) -> None:
    with pytest.raises(PosePortError) as caught:
        ask(deed)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bad_input_is_passed_on(ask) -> None:
    with pytest.raises(BadInput, match="^no such file$"):
        ask("raise BadInput('no such file')")
