"""What was found and is gone is asked again; points that are listed may differ in settings."""

from __future__ import annotations

import csv
from pathlib import Path

from bench.__main__ import main
from bench.data.formats import sheet
from tests.bench.commands.command_line import Said, one_document
from tests.bench.sweep.sweeping import written

BASE = {
    "tasks": ["feasibility"],
    "backend": "numpy",
    "model": "simple_baseline",
    "protocol": "synthetic",
}


def table(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened))


def test_a_cell_whose_record_is_gone_is_done_again(
    tmp_path: Path, capsys: Said
) -> None:
    file = written(tmp_path, base=BASE, grid={"seed": [0, 1]})
    out = tmp_path / "out"
    assert main(["sweep", "--config", str(file), "--out", str(out)]) == 0
    capsys.readouterr()
    (folder,) = out.iterdir()
    torn, lost = sorted(folder.glob("0*/records.jsonl"))
    torn.write_text("{" + torn.read_text(encoding="utf-8")[5:], encoding="utf-8")
    lost.unlink()
    assert main(["sweep", "--resume", str(folder), "--json"]) == 0
    assert one_document(capsys.readouterr().out)["cells"] == {"ok": 2}
    assert torn.with_name("records.broken.jsonl").exists()
    rows = table(folder / "summary.csv")
    assert [row["status"] for row in rows] == ["ok", "ok"]
    assert "ok" in torn.read_text(encoding="utf-8")
    assert "ok" in lost.read_text(encoding="utf-8")


def test_points_that_are_listed_may_choose_different_settings(tmp_path: Path) -> None:
    listed = [{"seed": 1, "device": "cpu"}, {"seed": 2}]
    file = written(tmp_path, base=BASE, grid={"together": listed})
    assert main(["sweep", "--config", str(file), "--out", str(tmp_path / "o")]) == 0
    (found,) = tmp_path.glob("o/*/summary.csv")
    rows = table(found)
    assert [(row["seed"], row["device"]) for row in rows] == [("1", "cpu"), ("2", "")]


def test_a_text_is_no_formula() -> None:
    assert sheet.cell("=1+cmd") == "'=1+cmd"
    assert sheet.cell("a\x1b[1mb") == "a\\x1b[1mb"
    assert sheet.cell("plain") == "plain" and sheet.cell(-1.5) == -1.5
