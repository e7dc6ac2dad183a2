"""Lifting with a trained model: the poses are those that evaluation scored, and every wrong
request is one line.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file

from bench import data, records
from bench.__main__ import main
from bench.records import Evaluation

TINY = (
    "model.simple_baseline.sizes={width: 16, dropout: 0}",
    "model.simple_baseline.train={steps: 4, validation_windows: 16}",
    "small=1.0",
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with a model that was trained for four steps and scored."""
    out = tmp_path_factory.mktemp("runs")
    command = [
        "run",
        "--backend",
        "numpy",
        "--model",
        "simple_baseline",
        "--set",
        "tasks=[train, evaluate]",
    ]
    assert (
        main(
            [
                *command,
                *(part for each in TINY for part in ("--set", each)),
                "--out",
                str(out),
            ]
        )
        == 0
    )
    (folder,) = out.iterdir()
    return folder


def test_the_poses_are_those_that_were_scored(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "poses.safetensors"
    assert (
        main(["predict", str(run), "--data", "synthetic", "--to", str(file), "--json"]) == 0
    )
    said = json.loads(capsys.readouterr().out)
    poses, test = load_file(file), data.load("synthetic").test
    assert said["clips"] == len(poses) and said["frames"] == sum(map(len, poses.values()))
    errors = []
    for clip in test:
        true = clip.camera_pose - clip.camera_pose[:, :1]
        errors.append(
            np.linalg.norm(poses[f"{clip.name}/{clip.camera_name}"] - true, axis=-1)
        )
    (scored,) = (
        record.payload
        for record in records.load(run).records
        if isinstance(record.payload, Evaluation)
    )
    assert np.concatenate(errors).mean() == pytest.approx(
        scored.metrics[0].frame_wise, rel=1e-5
    )
    with safe_open(file, framework="numpy") as opened:
        header = opened.metadata()
    assert (header["unit"], header["root"], header["protocol_hash"]) == (
        "mm",
        "Hip",
        scored.protocol_hash,
    )


def test_keypoints_from_a_file_are_lifted_and_drawn(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = data.load("synthetic").test[0]
    np.save(tmp_path / "walk.npy", clip.keypoints)
    file, figure = tmp_path / "poses.safetensors", tmp_path / "poses.png"
    source = (
        f"keypoints:{tmp_path / 'walk.npy'}@{clip.camera.width}x{clip.camera.height}@h36m17"
    )
    assert (
        main(
            [
                "predict",
                str(run),
                "--data",
                source,
                "--to",
                str(file),
                "--figure",
                str(figure),
            ]
        )
        == 0
    )
    assert (
        f"1 clips, {clip.frames} frames by simple_baseline on numpy"
        in capsys.readouterr().out
    )
    (poses,) = load_file(file).values()
    assert poses.shape == (clip.frames, 17, 3) and np.isfinite(poses).all()
    assert figure.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("{run}", "--data", "synthetic", "--to", "{run}/run.json"), "is there already"),
        (
            ("{run}", "--data", "synthetic", "--to", "{out}", "--model", "motionbert"),
            "no trained model fits .* has simple_baseline",
        ),
        (("{out}", "--data", "synthetic", "--to", "{out}"), "no run folder"),
        (
            ("{run}", "--data", "keypoint:x", "--to", "{out}"),
            "unknown data source 'keypoint': did you mean keypoints",
        ),
        (("{run}", "--data", "keypoints:{out}", "--to", "{out}"), "cannot be read"),
        (
            ("{run}", "--data", "synthetic", "--to", "{out}/none/poses"),
            "none/poses: cannot be written",
        ),
        (
            (
                "{run}",
                "--data",
                "synthetic",
                "--to",
                "{out}",
                "--figure",
                "{out}/none/poses.png",
            ),
            "poses.png: cannot be written",
        ),
    ],
)
def test_a_wrong_request_is_one_line(
    run: Path,
    tmp_path: Path,
    arguments: tuple[str, ...],
    message: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "poses"
    assert (
        main(["predict", *(argument.format(run=run, out=out) for argument in arguments)])
        == 2
    )
    said = capfd.readouterr()
    assert said.out == "" and said.err.count("\n") == 1 and not out.exists()
    assert re.search(message, said.err), said.err
