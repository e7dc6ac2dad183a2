"""One motion before one camera of Human3.6M's studio is the same clip from every layout."""

from __future__ import annotations

import dataclasses
import json
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bench import data
from bench.data import protocols
from bench.data.clip import Clip, film
from bench.data.geometry import h36m_cameras
from bench.data.geometry.cameras import world_to_camera
from bench.data.readers import synthetic

SUBJECT, CAMERA, FRAMES = "S9", "54138969", 8
# MotionBERT's name for the first camera of S9, Walking
VIDEO = "s_09_act_14_subact_01_ca_01"


def due() -> Clip:
    """The clip, made without any file.

    Its keypoints are seen through the lens with its distortion.
    """
    cameras = h36m_cameras.cameras(SUBJECT)
    (clip,) = film(
        synthetic.make(SUBJECT, "Walking", frames=FRAMES), {CAMERA: cameras[CAMERA]}
    )
    return clip


def npz(folder: Path, clip: Clip) -> str:
    """VideoPose3D: world metres, and the pixels of four cameras in their order."""
    views = film(
        synthetic.make(SUBJECT, "Walking", frames=FRAMES), h36m_cameras.cameras(SUBJECT)
    )
    tree = {SUBJECT: {"Walking 1": clip.world_pose / 1000}}
    seen = {SUBJECT: {"Walking 1": [view.keypoints for view in views]}}
    np.savez_compressed(
        folder / "data_3d_h36m.npz", positions_3d=np.array(tree, dtype=object)
    )
    meta = {
        "layout_name": "h36m",
        "num_joints": 17,
        "keypoints_symmetry": [[4, 5, 6, 11, 12, 13], [1, 2, 3, 14, 15, 16]],
    }
    np.savez_compressed(
        folder / "data_2d_h36m_gt.npz",
        positions_2d=np.array(seen, dtype=object),
        metadata=np.array(meta, dtype=object),
    )
    return f"h36m-npz:{folder}"


def coco(folder: Path, clip: Clip) -> str:
    """Pose2Mesh: world mm, cameras, pictures, annotations; action 14 of the dataset."""
    lens = clip.camera
    camera = {
        "R": lens.rotation.tolist(),
        "t": lens.translation.tolist(),
        "f": lens.focal.tolist(),
        "c": lens.centre.tolist(),
    }
    shot = {
        "width": lens.width,
        "height": lens.height,
        "subject": 9,
        "action_idx": 14,
        "subaction_idx": 1,
        "cam_idx": 1,
    }
    images = [{"id": frame, "frame_idx": frame, **shot} for frame in range(FRAMES)]
    # 51 numbers a picture: x, y, visible
    rows = (
        np.concatenate([clip.keypoints, np.ones((FRAMES, 17, 1))], axis=-1)
        .reshape(FRAMES, -1)
        .tolist()
    )
    people = [
        {"id": frame, "image_id": frame, "bbox": [0, 0, 9, 9], "keypoints": row}
        for frame, row in enumerate(rows)
    ]
    poses = {str(frame): pose.tolist() for frame, pose in enumerate(clip.world_pose)}
    files = {
        "joint_3d": {"14": {"1": poses}},
        "camera": {"1": camera},
        "data": {"images": images, "annotations": people},
    }
    for kind, content in files.items():
        (folder / f"Human36M_subject9_{kind}.json").write_text(json.dumps(content))
    return f"h36m-coco:{folder}"


def mmpose(folder: Path, clip: Clip) -> str:
    """mmpose: pictures in a list, metres in the camera frame.

    The cameras are those the reader knows.
    """
    ones = np.ones((FRAMES, 17, 1))
    np.savez(
        folder / "h36m.npz",
        imgname=np.array(
            [
                f"S9/S9_Walking_1.{CAMERA}/S9_Walking_1.{CAMERA}_{frame:06}.jpg"
                for frame in range(1, FRAMES + 1)
            ]
        ),
        center=np.zeros((FRAMES, 2)),
        scale=np.ones(FRAMES),
        part=np.concatenate([clip.keypoints, ones], axis=-1).astype(np.float32),
        S=np.concatenate([clip.camera_pose / 1000, ones], axis=-1).astype(np.float32),
    )
    return f"mmpose:{folder / 'h36m.npz'}"


def pkl(folder: Path, clip: Clip) -> str:
    """MotionBERT: pixels, the pose in image space, and the factor of each frame.

    Its depth is behind the root, and in pixels too.
    """
    pose, lens = clip.camera_pose.astype(np.float64), clip.camera
    factor = 1 / (lens.focal[0] / pose[:, 0, 2] + 1 / 2000)
    image = pose[..., :2] / pose[..., 2:] * lens.focal + lens.centre
    depth = (pose[..., 2:] - pose[:, :1, 2:]) / factor[:, None, None]
    rows = {
        "joint_2d": clip.keypoints,
        "confidence": np.ones((FRAMES, 17, 1), np.float32),
        "joint3d_image": np.concatenate([image, depth], axis=-1),
        "camera_name": np.array([CAMERA] * FRAMES),
        "source": [VIDEO] * FRAMES,
        "action": np.array(["Walking"] * FRAMES),
        "2.5d_factor": factor,
    }
    rows["joints_2.5d_image"] = rows["joint3d_image"] * factor[:, None, None]
    (folder / "h36m.pkl").write_bytes(pickle.dumps({"test": rows}))
    return f"h36m-pkl:{folder / 'h36m.pkl'}"


@pytest.mark.parametrize("write", [npz, coco, mmpose, pkl])
def test_every_layout_gives_the_same_clip(
    write: Callable[[Path, Clip], str], tmp_path: Path
) -> None:
    clip = due()
    source = write(tmp_path, clip)
    kind = data.kind_of(source)
    location = source.partition(":")[2]
    found = {
        each.camera_name: each for each in data.module(kind).load(location, rig=None)
    }
    came = found.get(CAMERA) or found["1"]
    assert (came.subject, came.action, came.fps, came.skeleton, came.frames) == (
        SUBJECT,
        "Walking",
        50.0,
        clip.skeleton,
        FRAMES,
    )
    assert (came.confidence == 1).all()
    np.testing.assert_allclose(came.keypoints, clip.keypoints, atol=1e-3)
    np.testing.assert_allclose(came.camera.rotation, clip.camera.rotation, atol=1e-6)
    assert (came.camera.width, came.camera.height) == (
        clip.camera.width,
        clip.camera.height,
    )
    # its poses are in a space of their own, in which the root alone stands where it was
    if write is pkl:
        np.testing.assert_allclose(
            came.camera_pose[:, 0], clip.camera_pose[:, 0], atol=0.05
        )
        return
    np.testing.assert_allclose(came.camera_pose, clip.camera_pose, atol=5e-3)
    np.testing.assert_allclose(came.world_pose, clip.world_pose, atol=5e-3)
    np.testing.assert_allclose(
        world_to_camera(came.camera, came.world_pose.astype(float)),
        clip.camera_pose,
        atol=5e-3,
    )
    assert protocols.default(kind).joints == clip.skeleton.joints


@pytest.mark.parametrize("write", [npz, coco, mmpose, pkl])
def test_what_the_truth_lacks_is_missing_from_every_layout(
    write: Callable[[Path, Clip], str], tmp_path: Path
) -> None:
    whole = due()
    poses = {"camera_pose": whole.camera_pose, "world_pose": whole.world_pose}
    gone = np.zeros((FRAMES, 17), dtype=bool)
    gone[2, 3] = gone[5, 10:12] = True
    for field, pose in poses.items():
        poses[field] = np.where(gone[..., None], np.nan, pose).astype(np.float32)
    source = write(tmp_path, dataclasses.replace(whole, **poses))
    kind, _, location = source.partition(":")
    found = data.module(kind).load(location, rig=None)
    came = next(clip for clip in found if clip.camera_name in (CAMERA, "1"))
    for pose in (came.camera_pose, came.world_pose):
        if pose is not None:
            np.testing.assert_array_equal(np.isnan(pose).any(axis=-1), gone)
            np.testing.assert_array_equal(np.isnan(pose).all(axis=-1), gone)
    # what was seen has no holes
    np.testing.assert_allclose(came.keypoints, whole.keypoints, atol=1e-3)


def test_what_mmpose_calls_invisible_is_missing(tmp_path: Path) -> None:
    source = mmpose(tmp_path, due())
    path = tmp_path / "h36m.npz"
    content = dict(np.load(path))
    content["S"][4, 7, 3] = 0
    np.savez(path, **content)
    (came,) = data.module("mmpose").load(source.partition(":")[2])
    gone = np.argwhere(np.isnan(came.camera_pose).any(axis=-1))
    assert gone.tolist() == [[4, 7]]


def test_a_missing_joint_that_is_projected_is_not_seen(tmp_path: Path) -> None:
    pose = due().world_pose / 1000
    pose[3:5, 6] = np.nan
    tree = {SUBJECT: {"Walking 1": pose}}
    np.savez(tmp_path / "data_3d_h36m.npz", positions_3d=np.array(tree, dtype=object))
    for came in data.module("h36m-npz").load(str(tmp_path)):
        assert np.argwhere(came.confidence == 0).tolist() == [[3, 6], [4, 6]]
        # where it was last
        np.testing.assert_allclose(came.keypoints[3:5, 6], came.keypoints[[2, 2], 6])
