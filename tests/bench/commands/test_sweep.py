"""`sweep` as it is typed; cells are answered by the executor that measures nothing."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from bench.__main__ import main
from bench.commands import _sweep_progress, _sweep_rows
from bench.commands._sweep_rows import Rows
from bench.records import Parity, Record
from tests.bench.commands.command_line import Said, one_document
from tests.bench.sweep.sweeping import written

NULL = ("--executor", "null")


def made(out: Path) -> Path:
    (folder,) = out.iterdir()
    return folder


def test_a_sweep_ends_in_tables(tmp_path: Path, capsys: Said) -> None:
    file, out = written(tmp_path, grid={"seed": [0, 1]}), tmp_path / "runs"
    assert main(["sweep", "--config", str(file), "--out", str(out), *NULL]) == 0
    said = capsys.readouterr()
    assert "cells: 2 not measured" in said.out
    assert "2 of 2: " in said.err
    folder = made(out)
    assert (folder / "sweep.yaml").read_bytes() == file.read_bytes()
    assert "feasibility not measured" in (folder / "summary.md").read_text()
    with (folder / "summary.csv").open() as table:
        rows = list(csv.DictReader(table))
    assert [row["seed"] for row in rows] == ["0", "1"]
    assert {row["status"] for row in rows} == {"feasibility not measured"}


def test_json_is_one_document_and_a_resume_does_nothing_twice(
    tmp_path: Path, capsys: Said
) -> None:
    file, out = written(tmp_path, grid={"seed": [0, 1]}), tmp_path / "runs"
    main(["sweep", "--config", str(file), "--out", str(out), *NULL])
    capsys.readouterr()
    before = (made(out) / "cells.jsonl").read_bytes()
    assert main(["sweep", "--resume", str(made(out)), *NULL, "--json"]) == 0
    said = one_document(capsys.readouterr().out)
    assert said["ok"]
    assert said["cells"] == {"not_measured": 2}
    assert [row["seed"] for row in said["rows"]] == [0, 1]
    assert (made(out) / "cells.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("typed", "code", "complaint"),
    [
        ([], 2, "--config is missing"),
        (["--config", "nowhere.yaml"], 2, "nowhere.yaml"),
        (["--resume", "gone"], 2, "gone is no sweep: it holds no sweep.yaml"),
        (["--config", "a", "--resume", "b"], 2, "--config does not go with --resume b"),
        (["--config", "sweep.yaml", "--executor", "rya"], 2, "did you mean ray?"),
        (
            ["--config", "sweep.yaml", "--address", "a:1"],
            2,
            "--address does not go with",
        ),
        (["--config", "empty.yaml"], 2, "empty.yaml: grid: it has no cells"),
    ],
)
def test_a_wrong_call_is_one_line_and_leaves_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Said,
    typed: list[str],
    code: int,
    complaint: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, grid={"seed": [0]})
    (tmp_path / "empty.yaml").write_text("grid: {}\n")
    assert main(["sweep", *typed]) == code
    said = capsys.readouterr()
    assert complaint in said.err
    assert said.err.count("\n") == 1
    assert sorted(place.name for place in tmp_path.iterdir()) == [
        "empty.yaml",
        "sweep.yaml",
    ]


def test_a_figure_that_is_not_there_is_no_number_and_no_status() -> None:
    rows = Rows({"00001-a": {"seed": 0}})
    payload = Parity.model_construct(checks=())
    done = {"task": "parity", "backend": "numpy", "status": "ok", "payload": payload}
    rows.add("00001-a", Record.model_construct(**done, model="one"))
    lost = {"task": "parity", "backend": "numpy", "status": "timeout", "payload": None}
    rows.add("00001-a", Record.model_construct(**lost, model="two"))
    one, two = rows.documents()
    assert (one["parity held"], one["status"]) == (0, "ok")
    assert (two["parity held"], two["status"]) == (None, "parity timeout")
    assert json.dumps(two)
    _, lines = rows.told()
    assert "not measured" in lines[1]
    assert _sweep_rows.figures(None) == {}


def test_a_cell_that_is_attempted_again_is_no_other_one(capsys: Said) -> None:
    told = _sweep_progress._lines(2)
    again = Record(task="parity", backend="numpy", model="rle", status="failed")
    for record in (again, again, again.model_copy(update={"task": "train"})):
        told.ended("00001", record)
    counted = [line.partition(":")[0] for line in capsys.readouterr().err.splitlines()]
    assert counted == ["1 of 2", "1 of 2", "2 of 2"]
