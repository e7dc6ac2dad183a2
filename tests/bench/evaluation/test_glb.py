"""A body as glTF: what a reader makes of the file is what `Skin.posed` makes of the poses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench import data
from bench.data.geometry.skinning import Skin
from bench.evaluation import files
from models.human import human
from models.human.rings import JOINTS
from tests.bench.evaluation import gltf

Array = np.ndarray
UP = np.array([1.0, -1.0, -1.0])  # from the camera's frame to y up
SKIN = Skin(human(2, JOINTS), JOINTS)
# metres: of up to a dozen bones a vertex the eight that move it most are written
NEAR = 1e-4


def clips() -> dict[str, Array]:
    """Two clips (frames, 17, 3) of walkers, mm."""
    found = {}
    for clip in data.load("synthetic", small=0.02).test[:2]:
        order = [clip.skeleton.joints.index(joint) for joint in JOINTS]
        pose = clip.camera_pose[:5][:, order]
        found[f"{clip.name}/{clip.camera_name}"] = pose - pose[:, :1]
    return found


def about(poses: dict[str, Array], skin: Skin = SKIN) -> dict[str, Any]:
    return {
        "skin": skin,
        "joints": JOINTS,
        "fps": dict.fromkeys(poses, 25.0),
        "model": "some",
    }


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Array], Path]:
    """The clips, and the file that they were written to."""
    poses = clips()
    path = tmp_path_factory.mktemp("glb") / "walk.glb"
    files.write(path, poses, about(poses))
    return poses, path


def test_the_skin_that_is_read_is_the_skin_that_was_posed(walk: Any) -> None:
    poses, path = walk
    found = gltf.read(path)
    assert [one["name"] for one in found.content["animations"]] == list(poses)
    for number, pose in enumerate(poses.values()):
        due = SKIN.posed(pose / 1000) * UP
        for frame in (0, len(pose) - 1):
            assert np.abs(found.posed(number, frame) - due[frame]).max() < NEAR


def test_the_joints_are_where_the_poses_have_them(walk: Any) -> None:
    poses, path = walk
    found = gltf.read(path)
    for number, pose in enumerate(poses.values()):
        places = found.places(number, 3)
        came = np.array([places[joint] for joint in JOINTS])
        np.testing.assert_allclose(came, pose[3] / 1000 * UP, atol=1e-5)
    # a chain, as programs that retarget motion want it
    nodes = {node["name"]: node for node in found.content["nodes"]}
    below = {
        found.content["nodes"][child]["name"] for child in nodes["RHip"]["children"]
    }
    assert below == {"RKnee", "bone to RHip"}


def test_turns_are_of_length_one_and_never_go_the_long_way_round(walk: Any) -> None:
    _, path = walk
    found = gltf.read(path)
    for animation in found.content["animations"]:
        for channel in animation["channels"]:
            if channel["target"]["path"] != "rotation":
                continue
            sampler = animation["samplers"][channel["sampler"]]
            turns = found.arrays[sampler["output"]].astype(float)
            assert np.abs(np.linalg.norm(turns, axis=1) - 1).max() < 1e-6
            assert ((turns[1:] * turns[:-1]).sum(axis=1) > 0).all()


def test_shares_sum_to_one_and_name_bones_of_the_skin(walk: Any) -> None:
    _, path = walk
    found = gltf.read(path)
    (primitive,) = found.content["meshes"][0]["primitives"]
    names = primitive["attributes"]
    shares = sum(found.arrays[names[f"WEIGHTS_{n}"]].sum(1) for n in (0, 1))
    np.testing.assert_allclose(shares, 1, atol=1e-6)
    for number in (0, 1):
        bones = found.arrays[names[f"JOINTS_{number}"]]
        assert bones.max() < len(found.content["skins"][0]["joints"])
        # what has no share is called 0
        assert not bones[found.arrays[names[f"WEIGHTS_{number}"]] == 0].any()


def test_a_bone_that_a_pose_folds_to_nothing_is_written(tmp_path: Path) -> None:
    poses = dict(list(clips().items())[:1])
    (pose,) = poses.values()
    wrist, elbow = JOINTS.index("RWrist"), JOINTS.index("RElbow")
    pose[0, wrist] = pose[0, elbow]
    path = tmp_path / "folded.glb"
    files.write(path, poses, about(poses))
    came = gltf.read(path).posed(0, 0)
    assert np.abs(came - SKIN.posed(pose[:1] / 1000)[0] * UP).max() < NEAR


def test_the_file_holds_no_more_of_what_is_known_than_is_true_of_it(walk: Any) -> None:
    _, path = walk
    extras = gltf.read(path).content["asset"]["extras"]
    assert extras == {"model": "some"}


def test_a_library_of_meshes_reads_the_surface(walk: Any) -> None:
    trimesh = pytest.importorskip("trimesh", reason="trimesh is not installed")
    _, path = walk
    scene = trimesh.load(path, process=False)
    (mesh,) = scene.geometry.values()
    assert mesh.is_watertight
    assert mesh.volume > 0
    np.testing.assert_allclose(mesh.vertices, SKIN.mesh.vertices, atol=1e-6)
