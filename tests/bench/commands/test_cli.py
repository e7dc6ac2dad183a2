"""The command line as a whole: which commands there are, their help, and what it loads."""

from __future__ import annotations

import importlib
import subprocess
import sys
import tomllib

import pytest
import typer

import backends
from bench import commands
from bench.__main__ import application, main
from bench.config import Config
from bench.processes.machine import ROOT
from tests.bench.commands.command_line import COMMANDS, WRITING, Said

LIBRARIES = {"keras", "flax", "matplotlib", "pandas", "scipy"}
HEAVY = {*backends.frameworks().values(), *LIBRARIES}
LOOKING = ("backends", "config", "data", "doctor", "models")
OTHERS = (
    "audit",
    "compare",
    "export",
    "history",
    "import",
    "noise",
    "predict",
    "report",
    "selftest",
    "survey",
    "sweep",
    "visualize",
)


def test_the_commands_are_those_of_the_help(capsys: Said) -> None:
    assert sorted([*WRITING, *LOOKING, *OTHERS]) == COMMANDS
    assert main(["--help"]) == 0
    listed = capsys.readouterr().out
    assert all(f"\n  {name} " in listed for name in COMMANDS), listed
    _, rows = listed.split("Commands:")
    assert "..." not in rows, "what each is for fits its line"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_and_has_json(name: str, capsys: Said) -> None:
    assert main([name, "--help"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith(f"Usage: python -m bench {name}")
    assert "--json" in said.out
    assert said.err == ""


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_ends_with_examples_that_can_be_typed(name: str) -> None:
    module = importlib.import_module(f"bench.commands.{name}")
    command = typer.main.get_command(application(name)).commands[name]  # type: ignore[attr-defined]
    assert module.EXAMPLES
    for example in module.EXAMPLES:
        first, *options = example.split()
        assert first == name
        # parsed and not run: an option that is gone would raise
        command.make_context(name, options)


@pytest.mark.parametrize("name", ["Backends", "Device", "Precision", "Data", "Seed"])
def test_a_default_that_the_help_states_is_the_configurations(name: str) -> None:
    (option,) = getattr(commands, name).__metadata__
    # the name of the option is what typer takes first, as a default else
    key = option.default.removeprefix("--")
    default = getattr(Config(), key)
    first = default[0] if isinstance(default, tuple) else default
    assert option.show_default == str(first)


def test_the_version_is_that_of_the_project(capsys: Said) -> None:
    assert main(["--version"]) == 0
    said = capsys.readouterr().out
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert said.startswith(f"PosePort {project['version']}, Python 3.")


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
