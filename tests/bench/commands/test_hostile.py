"""Every option of every command, by rule: whatever is typed is taken, or is one line and exit 2.

Nothing is measured here: what would begin work is told, and ends there.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from bench.__main__ import application, main
from bench.coordinator import run as runs
from bench.data.readers import synthetic
from bench.processes import question
from bench.speed import study
from tests.bench.commands.command_line import COMMANDS, Said
from tests.bench.coordinator.small_runs import tiny
from tests.reports import sample_run

LIMIT = 5.0  # seconds of the processor, which no other program makes longer
LONG = "x" * 5000
VALUES = (
    "",
    " ",
    "a b",
    "nul\0nul",
    LONG,
    "\N{PILE OF POO}\N{RIGHT-TO-LEFT OVERRIDE}\x1b[31m",
    "\udcff",
    "-1",
    "0",
    "inf",
    "nan",
    "1e400",
    "9" * 400,
    "../..",
    "[]",
    "{a: {b: ",
    "FOLDER",
    "FILE",
    "MISSING/FILE",
    "/proc/nothing/here",
    "/dev/full",
    "seed=inf",
    "parity.batch=-1",
    "bvh:",
    "cache:FILE",
)
ONE = {"--model": "simple_baseline"}
# what must stand beside an option for its command to look at it
BESIDE: dict[str, dict[str, str]] = {
    "data": {"action": "convert", "source": "synthetic", "--to": "made.cache"},
    "evaluate": ONE,
    "export": {"--model": "simple_baseline", "--to": "torch", "--out": "made.pt2"},
    "models": {"name": "simple_baseline"},
    "noise": {"true": "FILE", "seen": "FILE", "--to": "made.json"},
    "predict": {"run": "RUN", "--data": "synthetic", "--to": "made.safetensors"},
    "report": {"run": "FOLDER"},
    "feasibility": ONE,
    "parity": ONE,
    "run": ONE,
    "throughput": ONE,
    "train": ONE,
}
# of what they are asked, or of the frameworks, and not of the words
LOOKING = {"doctor", "backends"}


class Began(BaseException):
    """The call was taken, and work would begin."""


def begin(*anything: Any, **more: Any) -> Any:
    raise Began


def options(name: str) -> Iterator[str]:
    """Every option and argument of a command that takes a value."""
    group: Any = typer.main.get_command(application(name))
    for parameter in group.commands[name].params:
        if parameter.name != "help" and not getattr(parameter, "is_flag", False):
            option = parameter.param_type_name == "option"
            yield parameter.opts[0] if option else parameter.name


CASES = [
    (name, option)
    for name in COMMANDS
    if name not in LOOKING
    for option in options(name)
]


@pytest.fixture
def world(here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run, an empty folder, a file that is none of ours; no work begins."""
    monkeypatch.setattr(runs, "start", begin)
    monkeypatch.setattr(runs, "execute", begin)
    monkeypatch.setattr(question, "ask", begin)
    monkeypatch.setattr(study, "lines", begin)
    # the only source that can be read without a file
    monkeypatch.setattr(synthetic, "load", begin)
    trained = sample_run.record(sample_run.training(), backend="numpy")
    config = tiny().model_dump(mode="json")
    sample_run.write(tmp_path / "run", [trained], config=config)
    (tmp_path / "file").write_text("no file of ours\n")
    return tmp_path


def typed(name: str, option: str, value: str, world: Path) -> list[str]:
    """A call with one hostile value, and what its command wants beside it."""
    given = {**BESIDE.get(name, {}), option: value}
    arguments = [text for key, text in given.items() if not key.startswith("-")]
    flags = [
        word
        for key, text in given.items()
        if key.startswith("-")
        for word in (key, text)
    ]
    # after `--`, as a word that begins with a dash would be an option
    words = [name, *flags, "--", *arguments]
    return [
        word.replace("MISSING", str(world / "missing"))
        .replace("FOLDER", str(world / "folder"))
        .replace("FILE", str(world / "file"))
        .replace("RUN", str(world / "run"))
        for word in words
    ]


def held(call: list[str], capsys: Said) -> str:
    """What is wrong with how a call ends; nothing where it ends as it should."""
    began = time.process_time()
    try:
        code = main(call)
    except Began:
        code = 0
    except SystemExit as stop:
        return f"SystemExit {stop.code}"
    except Exception as error:  # what a person would see as a traceback
        return f"{type(error).__name__}: {error}"[:300]
    took = time.process_time() - began
    said = capsys.readouterr()
    if code not in (0, 2, 3):
        return f"exit {code}: {said.err[:300]}"
    if code and (said.err.count("\n") != 1 or len(said.err) > 4100 or said.out):
        return f"not one short line: {said.err[:300]!r}"
    if code and not said.err.strip().isprintable():
        return f"moves the cursor: {said.err[:300]!r}"
    return f"{took:.1f} s" if took > LIMIT else ""


@pytest.mark.parametrize(("name", "option"), CASES)
def test_a_hostile_value_is_taken_or_refused_in_one_line(
    name: str, option: str, world: Path, here: Path, capsys: Said
) -> None:
    (world / "folder").mkdir()
    wrong = {}
    for value in VALUES:
        if fault := held(typed(name, option, value, world), capsys):
            wrong[value[:40]] = fault
        if left := [*here.iterdir(), *(world / "folder").iterdir()]:
            wrong[value[:40]] = f"written: {left}"
    assert not wrong
