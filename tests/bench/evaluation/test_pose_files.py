"""Lifted poses come back from every format as they went in, with what they are."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file

from bench.data.formats import bvh_text
from bench.data.geometry import skeletons, up_axis
from bench.data.geometry.skeletons import H36M17
from bench.data.readers import bvh
from bench.evaluation import files
from models.errors import BadInput

Poses = dict[str, np.ndarray]
UPRIGHT = [1, -1, -1]  # camera (x right, y down, z away) to y up
# a person who stands: joint -> (x, y, z) mm in the camera frame, from the hip
STANDING = {
    "RHip": (-130, 0, 0),
    "RKnee": (-130, 420, 10),
    "RFoot": (-130, 850, 40),
    "LHip": (130, 0, 0),
    "LKnee": (130, 420, -10),
    "LFoot": (130, 850, 20),
    "Spine": (0, -240, 0),
    "Thorax": (0, -480, 0),
    "Neck/Nose": (0, -560, -80),
    "Head": (0, -680, 0),
    "LShoulder": (150, -470, 0),
    "LElbow": (200, -200, 0),
    "LWrist": (230, 30, -60),
    "RShoulder": (-150, -470, 0),
    "RElbow": (-200, -200, 0),
    "RWrist": (-230, 30, -60),
}


def some(clips: int) -> Poses:
    """Clips of a person who sways; the root is not at 0."""
    draw = np.random.default_rng(0)
    body = np.array([STANDING.get(joint, (3, -2, 1)) for joint in H36M17.joints])
    return {
        f"take {number}/cam:{number}": (
            body + draw.normal(0, 15, (5 + number, 17, 3))
        ).astype(np.float32)
        for number in range(clips)
    }


def said(poses: Poses, skeleton: str = "h36m17") -> dict[str, Any]:
    """What goes with them, as much as the formats ask for."""
    kind = skeletons.load(skeleton)
    return {
        "unit": "mm",
        "joints": kind.joints,
        "parents": kind.parents,
        "fps": dict.fromkeys(poses, 24.0),
    }


def test_arrays_and_lists_come_back_bit_by_bit(tmp_path: Path) -> None:
    poses = some(2)
    for end in ("safetensors", "npz", "json", ""):
        files.write(tmp_path / f"poses.{end}".rstrip("."), poses, said(poses))
    with np.load(tmp_path / "poses.npz") as read:
        archive = dict(read)
    about = json.loads(str(archive.pop("about")))
    text = json.loads((tmp_path / "poses.json").read_text())
    lists = {name: np.float32(pose) for name, pose in text.pop("poses").items()}
    for came in (load_file(tmp_path / "poses.safetensors"), archive, lists):
        assert came.keys() == poses.keys()
        for name, pose in poses.items():
            np.testing.assert_array_equal(came[name], pose, strict=True)
    with safe_open(tmp_path / "poses.safetensors", framework="numpy") as opened:
        header = opened.metadata()
    assert header["unit"] == about["unit"] == text["unit"] == "mm"
    assert about["fps"] == text["fps"] == json.loads(header["fps"])
    # without an end, the plain one
    assert load_file(tmp_path / "poses").keys() == poses.keys()


def test_a_bvh_is_read_back_to_the_same_poses(tmp_path: Path) -> None:
    poses = some(1)
    path = tmp_path / "walk.bvh"
    files.write(path, poses, said(poses))
    motion = bvh_text.read(path)
    body = bvh.to_h36m(motion, path)
    assert (body.table.name, up_axis.of_rest(body.rest)) == ("Human3.6M", "y-up")
    assert motion.fps == pytest.approx(24.0, abs=1e-5)
    (pose,) = poses.values()
    # the world of a camera that stands level: up is against the camera's y
    assert np.abs(body.pose - pose * UPRIGHT).max() < 1e-3


def test_several_clips_are_a_folder_that_the_reader_takes(tmp_path: Path) -> None:
    poses = some(3)
    files.write(tmp_path / "walks.bvh", poses, said(poses))
    names = sorted(path.name for path in (tmp_path / "walks.bvh").iterdir())
    assert names == [f"{n + 1:03}-take-{n}-cam-{n}.bvh" for n in range(3)]
    for path, pose in zip(
        sorted((tmp_path / "walks.bvh").iterdir()), poses.values(), strict=True
    ):
        body = bvh.to_h36m(bvh_text.read(path), path)
        assert np.abs(body.pose - pose * UPRIGHT).max() < 1e-3


@pytest.mark.parametrize("skeleton", list(skeletons.SKELETONS))
def test_every_skeleton_has_a_hierarchy(skeleton: str, tmp_path: Path) -> None:
    kind = skeletons.load(skeleton)
    draw = np.random.default_rng(1)
    pose = draw.normal(0, 100, (3, len(kind.joints), 3)).astype(np.float32)
    poses = {"a/b": pose}
    files.write(tmp_path / "x.bvh", poses, said(poses, skeleton))
    motion = bvh_text.read(tmp_path / "x.bvh")
    names = [node.name for node in motion.nodes]
    order = [names.index(joint) for joint in kind.joints]
    came = bvh.positions(motion, order)
    assert np.abs(came - pose * UPRIGHT).max() < 1e-3
    # the rest pose stands, whatever the person does
    if "RKnee" in names and "Head" in names:
        rest = {node.name: node.offset for node in motion.nodes}
        assert rest["RKnee"][1] < 0 < rest["Head"][1]


def test_an_end_that_is_no_format_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "poses.fbx"
    with pytest.raises(BadInput) as told:
        files.check(path)
    assert str(told.value) == (
        f"{path}: poses are written to no .fbx file; give a name that ends in one of .bvh,"
        " .glb, .json, .npz, .obj, .safetensors"
    )


@pytest.mark.parametrize(
    "name", [".obj", ".npz", "poses.obj.", "..obj", "poses.", "OBJ"]
)
def test_a_name_that_is_an_end_alone_or_ends_in_a_dot(
    name: str, tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match="a name was due before an end such as") as told:
        files.check(tmp_path / name)
    assert str(told.value).startswith(f"{tmp_path / name}: ")


@pytest.mark.parametrize("end", ["safetensors", "npz", "json", "bvh"])
def test_files_follow_the_umask_and_leave_no_draft(end: str, tmp_path: Path) -> None:
    poses = some(1)
    path = tmp_path / f"poses.{end}"
    before = os.umask(0o027)
    try:
        files.write(path, poses, said(poses))
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    poses = some(3)
    unsaid = {**said(poses), "fps": dict.fromkeys(list(poses)[:2], 24.0)}
    with pytest.raises(KeyError):
        files.write(tmp_path / "poses.bvh", poses, unsaid)
    poses["take 1/cam:1"][0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="JSON"):
        files.write(tmp_path / "poses.json", poses, said(poses))
    assert list(tmp_path.iterdir()) == []
