"""`config`: every setting of a run, its value, and where it comes from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench import config as configs
from bench.__main__ import main
from bench.config import Config
from tests.bench.commands.command_line import Said, one_document


def shown(*options: str, capsys: Said) -> dict[str, dict[str, Any]]:
    assert main(["config", *options, "--json"]) == 0
    rows = one_document(capsys.readouterr().out)
    return {row["key"]: row for row in rows}


def test_every_setting_is_there_with_who_said_it(here: Path, capsys: Said) -> None:
    text = "parity: {batch: 6}\nworkers: 1\nmodel: {motionbert: {train: {lr: 0.01}}}\n"
    Path("mine.yaml").write_text(text)
    options = ("--model", "motionbert", "--device", "cpu", "--config", "mine.yaml")
    rows = shown(*options, "--set", "workers=2", "--set", "seed=3", capsys=capsys)
    due = {
        "profile": ("smoke", "default"),
        "preset": ("tiny", "profile smoke"),
        "model.motionbert.preset": ("tiny", "profile smoke"),
        "parity.steps": (20, "profile smoke"),
        "parity.batch": (6, "mine.yaml"),
        "model.motionbert.train.lr": (0.01, "mine.yaml"),
        "device": ("cpu", "--device"),
        "workers": (2, "--set"),
        "seed": (3, "--set"),
        "precision": ("fp32", "default"),
        "parity.frames": (9, "default"),
        "model.motionbert.sizes": ({}, "default"),
    }
    for key, (value, origin) in due.items():
        row = rows[key]
        assert (row["value"], row["from"]) == (value, origin), key
    top = {key.split(".")[0] for key in rows}
    assert top == set(Config.model_fields)
    assert [path.name for path in here.iterdir()] == ["mine.yaml"]


def test_the_values_are_those_of_a_run(here: Path, capsys: Said) -> None:
    rows = shown("--profile", "standard", "--set", "share=0.5", capsys=capsys)
    settings = configs.load(
        profile="standard", file=None, overrides=["share=0.5"], options={}, models=[]
    )
    for name, model in settings.model.items():
        row = rows[f"model.{name}.train.steps"]
        assert row["value"] == model.train.steps
        if "steps" in configs.trained(name, model.preset):
            family = name.partition(":")[0]
            assert row["from"].startswith(f"models/zoo/{family}.yaml: ")
            assert row["from"].endswith(", share 0.5 of it")


def test_one_setting_within_a_table_is_told_apart(here: Path, capsys: Said) -> None:
    rows = shown(
        "--model",
        "motionbert",
        "--set",
        "model.motionbert.sizes={depth: 3}",
        capsys=capsys,
    )
    row = rows["model.motionbert.sizes.depth"]
    assert (row["value"], row["from"]) == (3, "--set")


def test_for_people_it_is_a_table(capsys: Said) -> None:
    assert main(["config", "--model", "simple_baseline"]) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["key", "value", "from"]
    assert any(row.split() == ["seed", "0", "default"] for row in rows)


def test_whose_defaults_they_are_is_said(here: Path, capsys: Said) -> None:
    for options, due in (
        (("--model", "simple_baseline"), "defaults of run: profile smoke\n"),
        (("--recipe", "simple_baseline"), "defaults of train: profile standard\n"),
        (("--recipe", "simple_baseline", "--profile", "smoke"), ""),
    ):
        assert main(["config", *options, "--json"]) == 0
        said = capsys.readouterr()
        assert said.err == due
        assert one_document(said.out)


WRONG = {
    "model.simple_baseline.train.loss={mpjep: 1}": "unknown loss 'mpjep': did you mean mpjpe",
    "model.simple_baseline.sizes={wdith: 3}": "'wdith': did you mean width?",
    "model.simple_baseline.sizes={width: wide}": "a whole number was due",
    "model.simple_baseline.preset=tinny": "'tinny': did you mean tiny?",
    "model.simple_baseline.train.start=none.safetensors": "no checkpoint there",
    "model.simple_baseline.train.continues=true": "`start` beside it says; give both",
    "model.simple_baseline.train.momentum=0.9": "momentum",
    "protocol=h36x": "unknown protocol 'h36x': did you mean h36m-",
    "augment=[{flipp: {}}]": "unknown augmentation step 'flipp': did you mean flip?",
    "corrupt=[{flipp: {}}]": "unknown augmentation step 'flipp': did you mean flip?",
    "metrics=[mpjep]": "unknown metric 'mpjep': did you mean mpjve or mpjpe",
    "checkpoint=bset": "unknown checkpoint (a name, or a file) 'bset': did you mean best",
}


@pytest.mark.parametrize("override", WRONG)
def test_what_a_training_would_refuse_is_refused_here(
    override: str, here: Path, capsys: Said
) -> None:
    asked = ("--recipe", "simple_baseline", "--set", override)
    assert main(["config", *asked]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    assert WRONG[override] in shown.err
    assert main(["train", *asked]) == 2
    assert capsys.readouterr().err == shown.err
    assert list(here.iterdir()) == []
