"""`config`: every setting of a run, its value, and where it comes from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
