"""Lifting with a trained model: the poses are those that evaluation scored.

Every wrong request is one line.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file

from bench import data, records
from bench.__main__ import main
from bench.data.geometry.skeletons import H36M17
from bench.evaluation import predict as lifting
from bench.records import Evaluation, Training
from bench.training import checkpoint
from models.errors import PosePortError
from tests.bench.evaluation import gltf

TINY = (
    "model.simple_baseline.sizes={width: 16, dropout: 0}",
    "model.simple_baseline.train={steps: 4, validation_windows: 16}",
    "small=1.0",
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with a model that was trained for four steps and scored."""
    out = tmp_path_factory.mktemp("runs")
    command = ["run", "--backend", "numpy", "--model", "simple_baseline"]
    for setting in ("tasks=[train, evaluate]", *TINY):
        command += ["--set", setting]
    assert main([*command, "--out", str(out)]) == 0
    (folder,) = out.iterdir()
    return folder


def test_the_poses_are_those_that_were_scored(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "poses.safetensors"
    asked = ["predict", str(run), "--data", "synthetic", "--to", str(file)]
    assert main([*asked, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    poses, test = load_file(file), data.load("synthetic").test
    assert said["clips"] == len(poses)
    assert said["frames"] == sum(map(len, poses.values()))
    errors = []
    for clip in test:
        true = clip.camera_pose - clip.camera_pose[:, :1]
        pose = poses[f"{clip.name}/{clip.camera_name}"]
        errors.append(np.linalg.norm(pose - true, axis=-1))
    payloads = [record.payload for record in records.load(run).records]
    (scored,) = (each for each in payloads if isinstance(each, Evaluation))
    due = scored.metrics[0].frame_wise
    assert np.concatenate(errors).mean() == pytest.approx(due, rel=1e-5)
    with safe_open(file, framework="numpy") as opened:
        header = opened.metadata()
    assert header["unit"] == "mm"
    assert header["root"] == "Hip"
    # where the root is, is told as it was found
    off = max(np.linalg.norm(pose[:, 0], axis=-1).max() for pose in poses.values())
    assert said["root_off"] == json.loads(header["root_off"]) == pytest.approx(off)
    assert f"at most {off:.3g} mm from 0" in header["relative_to"]
    assert set(json.loads(header["fps"])) == set(poses)
    assert header["protocol_hash"] == scored.protocol_hash


def test_the_checkpoint_says_what_its_numbers_mean(run: Path) -> None:
    (file,) = (run / "checkpoints").iterdir()
    origin = checkpoint.load(file).origin
    assert origin["run"] == run.name
    assert (origin["backend"], origin["model"]) == ("numpy", "simple_baseline")
    assert origin["sizes"]["width"] == 16
    assert origin["joints"] == list(H36M17.joints) and origin["root"] == "Hip"
    assert origin["standardised"] is True and origin["unit"] == "m"
    (trained,) = (
        record.payload
        for record in records.load(run).records
        if isinstance(record.payload, Training)
    )
    assert origin["protocol_hash"] == trained.protocol_hash


def test_the_end_of_the_name_is_the_format(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["predict", str(run), "--data", "synthetic", "--to"]
    for end in ("safetensors", "npz", "json"):
        assert main([*asked, str(tmp_path / f"poses.{end}")]) == 0
        assert "the Hip itself is where the model puts it" in capsys.readouterr().out
    due = load_file(tmp_path / "poses.safetensors")
    with np.load(tmp_path / "poses.npz") as archive:
        for name, pose in due.items():
            np.testing.assert_array_equal(archive[name], pose, strict=True)
    text = json.loads((tmp_path / "poses.json").read_text())
    assert text["poses"].keys() == due.keys()
    # some clips, and of these every third frame
    few = tmp_path / "few.npz"
    chosen = ["--clip", "S9 Walking/*", "--clip", "S1 Eating/cam2", "--every", "3"]
    assert main([*asked, str(few), *chosen]) == 0
    names = {name for name in due if name.startswith("S9 Walking/")}
    assert len(names) == 4
    names |= {"S1 Eating/cam2"}
    with np.load(few) as archive:
        about = json.loads(str(archive["about"]))
        assert {*archive} == names | {"about"}
        for name in names:
            np.testing.assert_array_equal(archive[name], due[name][::3], strict=True)
            assert about["fps"][name] == pytest.approx(text["fps"][name] / 3)
    assert text["root"] == "Hip" and text["unit"] == "mm"


def test_keypoints_from_a_file_are_lifted_and_drawn(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = data.load("synthetic").test[0]
    np.save(tmp_path / "walk.npy", clip.keypoints)
    file, figure = tmp_path / "poses.safetensors", tmp_path / "poses.png"
    # a file of numbers says neither how large the picture was nor which joints they are
    size = f"{clip.camera.width}x{clip.camera.height}"
    source = f"keypoints:{tmp_path / 'walk.npy'}@{size}@h36m17"
    asked = ["predict", str(run), "--data", source, "--to", str(file)]
    assert main([*asked, "--figure", str(figure)]) == 0
    said = capsys.readouterr().out
    assert f"1 clip, {clip.frames} frames by simple_baseline on numpy" in said
    assert "note: frames a second not stated; 25 assumed" in said
    (poses,) = load_file(file).values()
    assert poses.shape == (clip.frames, 17, 3) and np.isfinite(poses).all()
    assert figure.read_bytes().startswith(b"\x89PNG")
    # and the built-in body in the same poses
    np.save(tmp_path / "few.npy", clip.keypoints[:3])
    asked[3] = f"keypoints:{tmp_path / 'few.npy'}@{size}@h36m17"
    asked[-1] = str(tmp_path / "few.obj")
    figure = tmp_path / "few.png"
    assert main([*asked, "--figure", str(figure)]) == 0
    said = capsys.readouterr().out
    assert "a surface a frame, 1,784 vertices" in said
    assert "the surface is the built-in body, posed by the model's joints" in said
    assert len(list((tmp_path / "few.obj").rglob("*.obj"))) == 3
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_a_split_is_lifted_and_a_body_follows_it(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "people.glb"
    asked = ["predict", str(run), "--data", "synthetic", "--to", str(file)]
    assert main([*asked, "--split", "test", "--every", "50"]) == 0
    told = capsys.readouterr().out
    assert "a skeleton that moves, an animation a clip" in told
    found = gltf.read(file)
    test = data.load("synthetic").test
    names = [one["name"] for one in found.content["animations"]]
    assert names == [f"{clip.name}/{clip.camera_name}" for clip in test]
    extras = found.content["asset"]["extras"]
    assert (extras["model"], extras["run"]) == ("simple_baseline", run.name)
    # keypoints belong to no split
    np.save(tmp_path / "walk.npy", test[0].keypoints)
    asked[3] = f"keypoints:{tmp_path / 'walk.npy'}@1000x1000@h36m17"
    asked[-1] = str(tmp_path / "none.glb")
    assert main([*asked, "--split", "test"]) == 2
    assert "--split test: no protocol divides keypoints" in capsys.readouterr().err
    assert not (tmp_path / "none.glb").exists()


LIFTED = "{run} --data synthetic --to "


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (LIFTED + "{run}/run.json", "is there already"),
        (
            LIFTED + "{out} --model motionbert",
            "no trained model fits .* has simple_baseline",
        ),
        ("{out} --data synthetic --to {out}", "no run folder"),
        (
            "{run} --data keypoint:x --to {out}",
            "unknown data source 'keypoint': did you mean keypoints",
        ),
        ("{run} --data keypoints:{out} --to {out}", "no such file"),
        (LIFTED + "{out}.fbx", "ends in one of .bvh, .glb, .json, .npz, .obj"),
        (
            LIFTED + "{out}.obj",
            r"poses.obj: [\d,]+ surfaces of \d+ clips, a file each; .* --clip 'S1 Directions/cam0'",
        ),
        (LIFTED + "{out} --clip S9_Dancing", "--clip S9_Dancing: fits none of the"),
        (LIFTED + "{out} --every 0", "--every 0: 1 or more was due"),
        (LIFTED + "{out} --split tested", "unknown split 'tested': did you mean test"),
        (LIFTED + "{out}/.obj", "a name was due before an end"),
        (LIFTED + "{out}/none/poses", "none/poses: cannot be written"),
        (LIFTED + "{out}.npz --figure {out}.npz", "that is --to as well"),
        (
            LIFTED + "{out} --figure {out}/none/poses.png",
            "poses.png: cannot be written",
        ),
    ],
)
def test_a_wrong_request_is_one_line(
    run: Path,
    tmp_path: Path,
    typed: str,
    message: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "poses"
    # the folders are put in after the split: theirs may hold blanks
    arguments = [word.format(run=run, out=out) for word in typed.split()]
    assert main(["predict", *arguments]) == 2
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert not out.exists()
    assert re.search(message, said.err), said.err


def test_poses_that_are_no_numbers_are_not_written() -> None:
    job = SimpleNamespace(model="simple_baseline", backend="mine")
    good, bad = (
        np.zeros((2, 17, 3), np.float32),
        np.full((2, 17, 3), np.inf, np.float32),
    )
    lifting._check_finite(job, {"S1 Walking/cam1": good})
    said = (
        r"simple_baseline on mine gave numbers that are not finite for 1 of 2 clips,"
        r" S1 Walking/cam2 the first"
    )
    with pytest.raises(PosePortError, match=said):
        lifting._check_finite(job, {"S1 Walking/cam1": good, "S1 Walking/cam2": bad})
