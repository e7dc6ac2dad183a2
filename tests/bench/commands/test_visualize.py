"""Clips as pictures and films; what cannot be drawn is one line, and leaves nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.__main__ import main
from bench.data.geometry.skeletons import H36M17
from bench.evaluation import files, views
from bench.training import checkpoint
from bench.training.checkpoint import Checkpoint
from models.human import human
from models.human.rings import JOINTS
from tests.bench.commands.command_line import Said, one_document

SIZE = "@320x240@h36m17"
UPRIGHT = [1, -1, 1]  # the body at rest has z up, a camera y down


@pytest.fixture
def lifted(here: Path) -> Path:
    """Predictions of two clips of a person who stands."""
    body = human(1, JOINTS).joints[:, [0, 2, 1]] * UPRIGHT * 1000
    poses = {
        name: np.float32(body + np.arange(frames)[:, None, None])
        for name, frames in (("a/cam", 3), ("b/cam", 5))
    }
    about = {
        "joints": H36M17.joints,
        "parents": H36M17.parents,
        "fps": {"a/cam": 25.0, "b/cam": 10.0},
    }
    for end in ("npz", "json", "safetensors"):
        files.write(here / f"poses.{end}", poses, about)
    return here / "poses.npz"


@pytest.fixture
def seen(here: Path) -> str:
    """A source of keypoints of six frames."""
    points = np.random.default_rng(0).uniform(20, 200, (6, 17, 2))
    np.save(here / "walk.npy", points)
    return f"keypoints:walk.npy{SIZE}"


def frames_of(path: Path) -> int:
    with Image.open(path) as picture:
        return int(getattr(picture, "n_frames", 1))


@pytest.mark.parametrize("kind", ["3d", "mesh"])
def test_predictions_are_drawn_as_picture_and_film(
    lifted: Path, kind: str, capsys: Said
) -> None:
    asked = ["visualize", str(lifted), "--as", kind]
    assert main([*asked, "--to", "still.png"]) == 0
    assert f"still.png: {kind} of a/cam, 3 frames" in capsys.readouterr().out
    assert main([*asked, "--clip", "b", "--every", "2", "--to", "film.gif"]) == 0
    assert frames_of(Path("still.png")) == 1
    assert frames_of(Path("film.gif")) == 3
    with Image.open("film.gif") as film:
        # 10 frames a second, of which every second one is shown
        assert film.info["duration"] == 200
        first = np.asarray(film.convert("RGB"))
        film.seek(2)
        assert (first != np.asarray(film.convert("RGB"))).any()


def test_all_formats_that_are_read_back_are_drawn_alike(lifted: Path) -> None:
    due = views.of_file(lifted, "b/cam")
    assert due.kinds == ("3d", "mesh") and due.fps == 10
    for end in ("json", "safetensors"):
        came = views.of_file(lifted.with_suffix(f".{end}"), "b")
        assert came.joints == due.joints and came.parents == due.parents
        np.testing.assert_array_equal(came.poses, due.poses)


def test_keypoints_are_drawn_on_a_blank_canvas(seen: str, capsys: Said) -> None:
    assert main(["visualize", seen, "--to", "over.png", "--json"]) == 0
    told = one_document(capsys.readouterr().out)
    assert told == {"path": "over.png", "clip": "walk/camera", "as": "2d", "frames": 4}
    assert main(["visualize", seen, "--to", "over.gif"]) == 0
    assert frames_of(Path("over.gif")) == 6


def test_keypoints_lie_where_the_picture_has_them(here: Path) -> None:
    # a source whose people are drawn: the body must be under the joints
    view = views.of_source("synthetic", "S1 Directions/cam0")
    assert view.kinds == ("2d", "3d", "mesh")
    assert view.picture is not None and view.keypoints is not None
    picture = view.picture(0)
    height, width = picture.shape[:2]
    assert width / height == pytest.approx(view.size[0] / view.size[1], rel=0.01)
    assert width <= views.WIDEST
    places = view.keypoints[0] * width / view.size[0]
    assert (places > 0).all() and (places < (width, height)).all()


def test_a_film_needs_ffmpeg_and_says_so(
    lifted: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert main(["visualize", str(lifted), "--to", "film.mp4"]) == 3
    assert capsys.readouterr().err == (
        "film.mp4: ffmpeg is not here; install it, or give a .gif\n"
    )


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="ffmpeg is not installed")
def test_a_film_is_made_by_ffmpeg(lifted: Path) -> None:
    assert main(["visualize", str(lifted), "--to", "film.mp4"]) == 0
    assert Path("film.mp4").read_bytes()[4:8] == b"ftyp"


@pytest.mark.parametrize("end", ["png", "gif"])
def test_a_disk_that_is_full_is_one_line_and_leaves_nothing(
    lifted: Path, end: str, monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    def full(draft: Path, path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    before = sorted(Path().iterdir())
    assert main(["visualize", "poses.npz", "--to", f"x.{end}"]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"x.{end}: cannot be written (No space left on device)")
    assert sorted(Path().iterdir()) == before


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("poses.npz --to x.fbx", "x.fbx: pictures are drawn to no .fbx"),
        ("poses.npz --to x", "x: pictures are drawn to no file without an end"),
        ("poses.npz --to poses.npz", "pictures are drawn to no .npz"),
        ("none.npz --to x.gif", "none.npz: is not there"),
        ("poses.npz --as 4d --to x.gif", "unknown way to draw, --as '4d'"),
        ("poses.npz --as 2d --to x.gif", "a/cam of poses.npz can be drawn as 3d, mesh"),
        (
            "poses.npz --clip c --to x.gif",
            "no clip is called c; it has 2, such as a/cam",
        ),
        ("poses.npz --model m --to x.gif", "--model does not go with poses.npz"),
        ("walk.npy --to x.gif", "walk.npy: no poses are read from it"),
        ("{seen} --as 3d --to x.gif", "can be drawn as 2d"),
        ("unlike.json --to x.gif", "unlike.json: key 'poses' is missing"),
        ("no.npz --to x.gif", "no.npz: no poses of `predict`"),
        (". --to x.gif", "no run folder"),
        ("nothing --to x.gif", "unknown data source 'nothing'"),
        ("long.json --to x.gif", "give --every 3"),
        ("long.json --to gone/x.png", "gone/x.png: cannot be written"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(
    lifted: Path, seen: str, typed: str, message: str, capsys: Said
) -> None:
    Path("unlike.json").write_text("{}")
    Path("no.npz").write_bytes(b"no archive")
    about = json.loads(Path("poses.json").read_text())
    about["poses"] = {"a/cam": about["poses"]["a/cam"][:1] * 1001}
    Path("long.json").write_text(json.dumps(about))
    before = sorted(Path().rglob("*"))
    words = [word.format(seen=seen) for word in typed.split()]
    assert main(["visualize", *words]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1
    assert message in said.err, said.err
    assert sorted(Path().rglob("*")) == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"parents": [0] * 17}, "parents: 17 came for 17 joints"),
        ({"parents": [-1, 99, *[0] * 15]}, "parents: 17 came"),
        ({"joints": "Hip"}, "joints: "),
        ({"fps": {"a/cam": 0}}, "3 frames, 0 a second"),
        ({"fps": {}}, "key 'a/cam' is missing"),
        ({"poses": {}}, "has no clips"),
        ({"poses": {"a/cam": [[[1, 2]]]}}, "17, 3"),
        ({"poses": {"a/cam": [[[1e300] * 3] * 17]}}, "not finite"),
    ],
)
def test_a_file_of_another_content_is_one_line(
    lifted: Path, change: dict[str, object], message: str, capsys: Said
) -> None:
    content = json.loads(Path("poses.json").read_text())
    Path("other.json").write_text(json.dumps(content | change))
    assert main(["visualize", "other.json", "--to", "x.png"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("other.json: ") and said.count("\n") == 1
    assert message in said, said
    assert not Path("x.png").exists()


def test_a_checkpoint_is_told_what_makes_poses_of_it(here: Path, capsys: Said) -> None:
    saved = Checkpoint({"head.weight": np.ones((3, 4))}, {}, {}, {"step": 7}, {})
    checkpoint.save(Path("trained.safetensors"), saved)
    assert main(["visualize", "trained.safetensors", "--to", "x.png"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("trained.safetensors: is a checkpoint, which holds no poses")
    assert "predict RUN --to FILE" in said and said.count("\n") == 1
