"""What people read of the data: in `data info`, and where a run ends."""

from __future__ import annotations

import json
from pathlib import Path

from bench import records
from bench.__main__ import main
from bench.commands._summary import about_data
from tests.bench.commands.command_line import Said, one_document
from tests.bench.commands.test_measuring import ONE, QUICK
from tests.data.bvh_files import motion, person, still, write

UNIT = "lengths taken for cm, by the legs; @cm states it"


def takes(folder: Path) -> str:
    for name in ("a", "b"):
        write(folder, person() + motion(still(40)), f"{name}.bvh")
    return f"bvh:{folder}"


def test_info_gives_each_note_a_line_and_says_the_split(
    here: Path, capsys: Said
) -> None:
    assert main(["data", "info", takes(here / "mine")]) == 0
    lines = capsys.readouterr().out.splitlines()
    # a long value begins in the next line
    said = [pair for line in lines if len(pair := line.split(maxsplit=1)) == 2]
    assert [text for key, text in said if key == "notes"][1] == UNIT
    rows = {key: text for key, text in said if key != "notes"}
    assert rows["train_takes"] == rows["test_takes"] == "1"
    assert rows["train_subjects"] == "mine"
    assert rows["protocol"] == "bvh-takes"
    assert rows["protocol_chosen"] == "the default for such data"
    # without notes the row is there, with a dash
    assert main(["data", "info", f"bvh:{here / 'mine'}@cm", "--json"]) == 0
    assert len(one_document(capsys.readouterr().out)["notes"]) == 1


def test_of_many_notes_a_terminal_shows_a_few() -> None:
    told = {"notes": [f"n{i}" for i in range(30)], "train_takes": 1, "test_takes": 1}
    told |= {"train_frames": 5, "test_frames": 5, "part_of_each_clip": 1.0}
    told |= {"protocol": "synthetic", "protocol_hash": "abc123"}
    lines = about_data(told)
    assert lines[0].startswith("data: protocol synthetic abc123 trains on 5 frames")
    assert lines[-2:] == ["note: n7", "note: and 22 more (all with --json)"]
    assert about_data({}) == []


def test_a_run_ends_with_protocol_part_and_notes(here: Path, capsys: Said) -> None:
    asked = ("run", *ONE, *QUICK, "--data", takes(here / "mine"))
    main([*asked, "--set", "tasks=[baselines]", "--set", "small=0.5"])
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("data: protocol bvh-takes ")
    assert said[0].endswith(
        "(0.5 of each clip) trains on 80 frames of 1 takes, tests on 80 of 1"
    )
    assert f"note: {UNIT}" in said
    (folder,) = (here / "runs").iterdir()
    info = records.load(folder).info
    assert UNIT in info.data["notes"]
    # by name, so that a resumed run does not ask the files again
    assert info.config["protocol"] == "bvh-takes"
    assert UNIT in (folder / "report.md").read_text()
    assert json.loads((folder / "run.json").read_text())["data"] == info.data
