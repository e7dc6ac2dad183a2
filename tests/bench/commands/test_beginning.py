"""Runs by a recipe, from the weights of another, under a name, and to find mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import config as configs
from bench.__main__ import main
from bench.commands import _beginning
from bench.coordinator import run
from tests.bench.commands.command_line import Said

# NumPy trains no dropout, and so says in the record that it does not: enough to begin with
QUICK = ("--recipe", "simple_baseline-quick", "--set", "small=0.02")


def test_a_recipe_names_the_model_and_is_kept_resolved(
    here: Path, capsys: Said
) -> None:
    assert main(["train", *QUICK, "--experiment", "mine", "--seed", "4", "--json"]) == 0
    (folder,) = (here / "runs").iterdir()
    assert folder.name.startswith("mine-")
    kept = run.resumed(folder)
    assert (kept.recipe, kept.seed) == ("simple_baseline-quick", 4)
    again = configs.load(
        profile="smoke",
        recipe=str(folder / run.RESOLVED),
        file=None,
        overrides=[],
        options={},
        models=[],
    )
    chosen = dict.fromkeys(("profile", "recipe"), "") | {"models": ()}
    assert again.model_copy(update=chosen) == kept.model_copy(update=chosen)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ("--recipe", "simple_baselin"),
            "unknown recipe 'simple_baselin': did you mean",
        ),
        (("--recipe", "rle", "--model", "semgcn"), "recipe rle is of rle; name one"),
        ((*QUICK, "--experiment", "../x"), "--experiment ../x: up to 64 letters"),
        ((*QUICK, "--init", "absent"), "absent is no run folder"),
        (("--run", ".", "--recipe", "rle"), "--recipe does not go with --run ."),
        (("--resume", ".", "--init", "x"), "--init does not go with --resume ."),
        (("--resume", ".", "--debug"), "--debug does not go with --resume ."),
        (("--resume", ".", "--experiment", "x"), "--experiment does not go with"),
        (("--recipe", "absent.yaml"), "absent.yaml: no such file"),
    ],
)
def test_what_does_not_begin_is_one_line(
    options: tuple[str, ...], said: str, here: Path, capsys: Said
) -> None:
    assert main(["train", *options]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert list(here.iterdir()) == []


def test_debugging_is_beneath_what_is_typed() -> None:
    found = configs.load(
        profile="standard",
        recipe="dstformer-quick",
        file=None,
        overrides=["model.dstformer.train.steps=7"],
        options=_beginning.debugging(["dstformer"]),
        models=[],
    )
    train = found.model["dstformer"].train
    assert (train.steps, train.validate_every, train.batch) == (7, 1, 24)
    assert found.debug
    assert (found.small, found.parity.preset, found.parity.locate) == (0.1, None, True)
