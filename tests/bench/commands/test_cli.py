"""The command line as a whole: which commands there are, their help, and what it loads."""

from __future__ import annotations

import subprocess
import sys

import pytest

import backends
from bench.__main__ import main
from bench.processes.machine import ROOT
from tests.bench.commands.command_line import COMMANDS, WRITING, Said

LIBRARIES = {"keras", "flax", "matplotlib", "pandas", "scipy"}
HEAVY = {*backends.frameworks().values(), *LIBRARIES}
LOOKING = ("backends", "data", "doctor", "models")
OTHERS = ("audit", "export", "noise", "predict", "report")


def test_the_commands_are_those_of_the_help(capsys: Said) -> None:
    assert sorted([*WRITING, *LOOKING, *OTHERS]) == COMMANDS
    assert main(["--help"]) == 0
    listed = capsys.readouterr().out
    assert all(f"\n  {name} " in listed for name in COMMANDS), listed


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_and_has_json(name: str, capsys: Said) -> None:
    assert main([name, "--help"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith(f"Usage: python -m bench {name}")
    assert "--json" in said.out
    assert said.err == ""


def test_no_argument_is_a_call_for_help(capsys: Said) -> None:
    assert main([]) == 0
    assert capsys.readouterr().out.startswith("Usage: python -m bench")


@pytest.mark.parametrize(
    "arguments", [("--help",), ("run", "--help"), ("parity", "--help")]
)
def test_help_loads_no_framework_and_no_heavy_library(
    arguments: tuple[str, ...],
) -> None:
    lines = [
        "import sys",
        "from bench.__main__ import main",
        f"assert main({arguments!r}) == 0",
        "print(*sys.modules)",
    ]
    script = "\n".join(lines)
    # in a process of its own: this one has loaded what other tests need
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    loaded = {name.split(".")[0] for name in done.stdout.splitlines()[-1].split()}
    assert "typer" in loaded, "else the list is not that of the modules"
    assert not loaded & HEAVY
