"""What people read of the data: in `data info`, and where a run ends."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from bench import records
from bench.__main__ import main
from bench.commands._summary import about_data
from bench.data import facts, protocols
from bench.data.clip import film
from bench.data.pictures import sheet
from bench.data.readers import synthetic
from tests.bench.commands.command_line import Said, one_document
from tests.bench.commands.test_measuring import ONE, QUICK
from tests.data.bvh_files import motion, person, still, write

RIGGED = protocols.load("synthetic-every16")
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


def test_frames_that_are_not_scored_are_told() -> None:
    told = {"notes": [], "train_takes": 2, "test_takes": 1, "train_frames": 1}
    told |= {"protocol": "p", "protocol_hash": "h", "part_of_each_clip": 1.0}
    (line,) = about_data(told | {"test_frames": 1600, "test_scored": 100})
    assert line.endswith(
        "on 1 frame of 2 takes, tests on 1,600 of 1, 100 of them scored"
    )
    (line,) = about_data(told | {"test_frames": 1600, "test_scored": 1600})
    assert line.endswith("tests on 1,600 of 1")


def test_info_counts_what_is_scored_and_says_whose_pictures_there_are() -> None:
    assert RIGGED.rig is not None
    take = synthetic.make("S9", "Walking", frames=40)
    clips = film(take, RIGGED.rig.around(take.world[:, 0]))
    found = facts.of(clips) | facts.divided(clips[:1], clips, RIGGED)
    # of forty frames the first, the 17th and the 33rd, for each of four cameras
    assert (found["test_frames"], found["test_scored"]) == (160, 12)
    counted = np.zeros(40, np.float32)
    counted[16:] = 1
    few = replace(clips[0], counted=counted)
    assert facts.divided(clips, [few], RIGGED)["test_scored"] == 2
    assert found["pictures"] == "drawn, of every frame"
    assert facts.of(clips)["pictures"] == "none"
    filmed = replace(clips[0], pictures=("a.jpg",) * 40)
    plain = RIGGED.model_copy(update={"rig": None})
    assert facts.divided([filmed], clips, plain)["pictures"] == "files, of 40 frames"
    assert facts.divided(clips, clips, plain)["pictures"] == "none"


def test_some_crops_are_drawn_to_be_looked_at(here: Path, capsys: Said) -> None:
    source = takes(here / "mine")
    assert main(["data", "show", source, "--to", "a.png"]) == 0
    assert "a/" in capsys.readouterr().out
    with Image.open("a.png") as figure:
        assert figure.format == "PNG"
        assert len(figure.convert("RGB").getcolors(1 << 24) or []) > 4000
    for asked, due in (
        (["show", source], "--to FILE goes with convert and show, which need it"),
        (["show", source, "--to", "a.png"], "a.png: is there already"),
        (["show", "keypoints:x", "--to", "b.png"], "no poses to crop pictures by"),
    ):
        assert main(["data", *asked]) == 2
        assert due in capsys.readouterr().err


def test_a_sheet_shows_joints_where_they_are_drawn() -> None:
    assert RIGGED.rig is not None
    take = synthetic.make("S9", "Walking", frames=40)
    found = sheet.sheet(film(take, RIGGED.rig.around(take.world[:, 0])), RIGGED)
    assert found.pictures.shape == (12, 192, 192, 3)
    assert found.names[0] == "S9 Walking/cam0 0"
    # the larger side of the person's box is a crop's over its margin
    reach = np.ptp(found.places, axis=1).max(axis=1)
    np.testing.assert_allclose(reach, 192 / 1.25, rtol=1e-4)
    middle = (found.places.max(axis=1) + found.places.min(axis=1)) / 2
    np.testing.assert_allclose(middle, 96, atol=1e-2)


def test_a_run_ends_with_protocol_part_and_notes(here: Path, capsys: Said) -> None:
    asked = ("run", *ONE, *QUICK, "--data", takes(here / "mine"))
    main([*asked, "--set", "tasks=[baselines]", "--set", "small=0.5"])
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("data: protocol bvh-takes ")
    assert said[0].endswith(
        "(0.5 of each clip) trains on 80 frames of 1 take, tests on 80 of 1"
    )
    assert f"note: {UNIT}" in said
    (folder,) = (here / "runs").iterdir()
    info = records.load(folder).info
    assert UNIT in info.data["notes"]
    # by name, so that a resumed run does not ask the files again
    assert info.config["protocol"] == "bvh-takes"
    assert UNIT in (folder / "report.md").read_text()
    assert json.loads((folder / "run.json").read_text())["data"] == info.data
