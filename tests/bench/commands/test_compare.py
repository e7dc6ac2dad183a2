"""Several runs in one table: numbers of another protocol do not stand beside these."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from bench.__main__ import main
from bench.commands import _compared
from bench.records import Record
from bench.training import checkpoint
from bench.training.checkpoint import Checkpoint
from models.errors import BadInput
from tests.bench.commands.command_line import Said, one_document
from tests.reports import sample_run

OTHER = "aaaaaa"


def written(place: Path, *items: Record) -> Path:
    place.mkdir(parents=True)
    return sample_run.write(place, list(items))


@pytest.fixture
def runs(here: Path) -> Path:
    """Two runs of one protocol, one of another, one that has scored nothing."""
    both = (sample_run.record(sample_run.training()), sample_run.throughput())
    first = (both[0], sample_run.record(both[1]))
    scored = sample_run.record(sample_run.evaluation(score=71.25))
    better = sample_run.record(sample_run.evaluation(score=60.5))
    strange = sample_run.record(sample_run.evaluation(protocol_hash=OTHER))
    written(here / "runs" / "a", *first, scored)
    written(here / "runs" / "b", better)
    written(here / "runs" / "c", strange)
    written(here / "d", sample_run.record(sample_run.feasibility()))
    return here / "runs"


def test_rows_of_one_protocol_stand_beside_each_other(runs: Path, capsys: Said) -> None:
    assert main(["compare", "runs", "--json"]) == 0
    first, second, third = one_document(capsys.readouterr().out)
    assert (first["mpjpe"], second["mpjpe"]) == (71.25, 60.5)
    assert first["frames_per_second"] > 0 and second["frames_per_second"] is None
    assert first["parameters"] > 0 and second["parameters"] is None
    # the third has a score, of which nothing is shown
    assert third["protocol_hash"] == OTHER
    assert third["mpjpe"] is None and third["pa_mpjpe"] is None
    assert third["note"] == "not comparable: another protocol than 9f3a01"
    assert first["note"] == ""


def test_the_table_is_for_people_and_for_pages(runs: Path, capsys: Said) -> None:
    files = ["--to", "t.md", "--curves", "c.png", "--bars", "b.png"]
    assert main(["compare", "runs/a", "runs/b", *files]) == 0
    told = capsys.readouterr().out
    assert "71.25" in told and "60.50" in told and "9f3a01" in told
    page = Path("t.md").read_text()
    assert "MPJPE mm" in page and "71.25" in page
    for name in ("c.png", "b.png"):
        assert Path(name).read_bytes().startswith(b"\x89PNG")


def test_a_checkpoint_is_a_row_by_what_it_says(runs: Path, capsys: Said) -> None:
    weights = {"head.weight": np.ones((3, 4)), "norm.running_mean": np.ones(4)}
    origin = {
        "model": "m",
        "backend": "torch",
        "protocol": "p",
        "protocol_hash": "9f3a01",
    }
    for name in ("one", "two"):
        saved = Checkpoint(weights, {}, {}, {"step": 7}, origin)
        checkpoint.save(Path(f"{name}.safetensors"), saved)
    asked = ["compare", "one.safetensors", "two.safetensors"]
    assert main([*asked, "--json"]) == 0
    first, _ = one_document(capsys.readouterr().out)
    assert (first["model"], first["steps"], first["parameters"]) == ("m", 7, 12)
    assert first["mpjpe"] is None and first["note"] == "not evaluated"
    assert main([*asked, "--bars", "x.png"]) == 2
    assert "none of them was evaluated" in capsys.readouterr().err
    assert main([*asked, "--curves", "x.png"]) == 2
    assert not Path("x.png").exists()


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("runs/a", "1 trained model there, and two were due"),
        ("runs/a none", "none: no checkpoint there"),
        ("runs/a empty", "empty is no run folder"),
        ("runs/a t.txt", "t.txt: not a checkpoint of PosePort"),
        ("runs/a d", "1 trained model there"),
        ("runs/a runs/c", "nothing in common: 2 models, no timing of the same"),
        ("runs --to t.txt", "t.txt: a name that ends in .md was due"),
        ("runs --bars no/x.png", "no/x.png: cannot be written"),
        ("runs --curves runs/a/run.json", "a name that ends in .png was due"),
    ],
)
def test_what_cannot_be_compared_is_one_line(
    runs: Path, typed: str, message: str, capsys: Said
) -> None:
    Path("empty").mkdir()
    Path("t.txt").write_text("no checkpoint")
    before = sorted(Path().rglob("*"))
    assert main(["compare", *typed.split()]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1
    assert message in said.err, said.err
    assert sorted(Path().rglob("*")) == before


def test_what_is_given_twice_is_one_row_and_said(runs: Path, capsys: Said) -> None:
    assert main(["compare", "runs", "runs/a", str(runs / "a"), "--json"]) == 0
    first, second, _ = one_document(capsys.readouterr().out)
    assert (first["label"], first["note"]) == ("a", "given 3 times")
    assert (second["label"], second["note"]) == ("b", "")
    assert main(["compare", "runs/a", "runs/a/../a"]) == 2
    assert "1 trained model there, and two were due" in capsys.readouterr().err


def test_runs_of_one_name_are_told_apart(here: Path, capsys: Said) -> None:
    scored = sample_run.record(sample_run.evaluation())
    long = here / ("x" * 150)
    for name in ("old", "new"):
        written(long / name / "run", scored)
    asked = [str(long / name / "run") for name in ("old", "new")]
    assert main(["compare", *asked]) == 0
    told = capsys.readouterr().out
    assert "old/run" in told and "new/run" in told
    assert "xxx" not in told


def test_models_without_scores_are_under_no_protocol(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = SimpleNamespace(protocol="", protocol_hash="")
    scored = SimpleNamespace(protocol="synthetic", protocol_hash="8fd3")
    monkeypatch.setattr(_compared, "_labelled", lambda found: [failed, scored])
    with pytest.raises(BadInput, match="2 models, .* protocols none, synthetic 8fd3;"):
        _compared.rows([tmp_path / "a.safetensors"][:0])
