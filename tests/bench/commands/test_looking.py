"""Commands that only look around: one JSON document, or something for people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import backends
import models
from bench import data
from bench.__main__ import main
from tests.bench.commands.command_line import Said, one_document


@pytest.mark.parametrize(
    ("arguments", "keys"),
    [
        (("data", "--json"), {"sources", "protocols"}),
        (("models", "simple_baseline", "--graphs", "--json"), {"train", "infer"}),
        (("doctor", "--json"), {"environment", "software", "backends"}),
    ],
)
def test_looking_around_prints_one_document(
    arguments: tuple[str, ...], keys: set[str], here: Path, capsys: Said
) -> None:
    assert main(arguments) == 0
    assert set(one_document(capsys.readouterr().out)) == keys
    assert list(here.iterdir()) == []


def test_doctor_says_what_is_installed(
    capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    # no framework is asked for that
    monkeypatch.setattr(backends, "installed", list)
    monkeypatch.setattr(backends, "packages", lambda: ("numpy", "nobody-has-this"))
    assert main(["doctor", "--json"]) == 0
    said = one_document(capsys.readouterr().out)
    assert said["software"]["numpy"] == np.__version__
    assert said["software"]["nobody-has-this"] is None
    assert {"tensorboardX", "ffmpeg"} <= said["software"].keys()
    size = said["environment"]["memory_bytes"]
    assert main(["doctor"]) == 0
    rows = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    told = {row[0]: row[1].strip() for row in rows if len(row) == 2}
    assert told["memory"] == f"{size / 2**30:.1f} GiB"
    assert told["numpy"] == np.__version__
    assert told["nobody-has-this"] == "not installed"


def test_models_lists_every_preset(capsys: Said) -> None:
    assert main(["models", "--json"]) == 0
    rows = one_document(capsys.readouterr().out)
    found = {(row["model"], row["preset"]): row["parameters"] for row in rows}
    for model in models.names():
        file = models.module(model)
        for preset in file.PRESETS:
            assert (model, preset) in found
        for preset, count in file.PAPER_PARAMETERS.items():
            assert found[model, preset] == count


def test_a_model_is_told_with_what_differs_between_its_graphs(capsys: Said) -> None:
    assert main(["models", "videopose3d", "--json"]) == 0
    said = one_document(capsys.readouterr().out)
    assert said["parameters"] == said["published"] == 16_952_371
    assert said["receptive"] == said["infer"]["least"] == 243
    assert said["infer"]["most"] is None
    assert said["train"]["ops"]["batch_norm_train"] == 9
    assert "noise of train alone: 9 x bernoulli 0.75" in said["differs"]
    assert main(["models", "videopose3d"]) == 0
    told = capsys.readouterr().out
    assert "receptive field 243 frames" in told
    assert "a multiply-add counts as two" in told
    assert all(sentence in told for sentence in said["differs"])


@pytest.mark.parametrize(
    "arguments",
    [("models",), ("models", "simple_baseline"), ("backends",), ("data",), ("doctor",)],
)
def test_looking_around_without_json_is_for_people(
    arguments: tuple[str, ...], capsys: Said
) -> None:
    assert main(arguments) == 0
    assert len(capsys.readouterr().out.splitlines()) > 2


def test_a_source_is_described(
    here: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = data.load

    def little(source: str, **more: Any) -> data.Split:
        return load(source, **{**more, "small": 0.05})

    # all of it takes seconds to draw, and a test needs none of that
    monkeypatch.setattr(data, "load", little)
    assert main(["data", "info", "synthetic", "--json"]) == 0
    found = one_document(capsys.readouterr().out)
    assert found["protocol"] == "synthetic"
    assert len(found["actions"]) >= 15
    assert len(found["subjects"]) == 7
