"""Human3.6M as MotionBERT's pickle, written here in its layout.

Keypoints, image-space truth and its scale arrive; faults are one line.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.data.geometry import h36m_cameras
from bench.data.geometry.cameras import world_to_camera
from bench.data.geometry.image_space import factors
from bench.data.readers import h36m_pkl, synthetic
from models.errors import BadInput

FRAMES = 6
# subject, action, subaction
TAKES = {"train": ((1, 2, 1), (5, 14, 2)), "test": ((9, 2, 1), (11, 16, 2))}
ACTIONS = {2: "Directions", 5: "Greeting", 14: "Walking", 16: "WalkTogether"}


def seen(subject: str, camera: str, action: str = "Walking") -> np.ndarray:
    """Somebody in front of a camera, (frames, 17, 3) camera-frame mm."""
    return world_to_camera(
        h36m_cameras.camera(subject, camera),
        synthetic.make(subject, action, frames=FRAMES).world,
    )


def image_space(pose: np.ndarray, camera: str) -> tuple[np.ndarray, np.ndarray]:
    """(x, y, z) pixels (frames, 17, 3) as the data's makers define them, and mm per pixel.

    Written from their paper, not by `image_space.py`: the test would find what it put in.
    """
    lens = h36m_cameras.LENSES[camera]
    # pixels per mm at the root's depth, and one more for the box of 2 m around it
    ratio = lens.focal[0] / pose[:, 0, 2] + 1 / 2000
    pixels = pose[..., :2] / pose[..., 2:] * lens.focal + lens.centre
    return (
        np.concatenate(
            [pixels, (pose[..., 2:] - pose[:, :1, 2:]) * ratio[:, None, None]], axis=-1
        ),
        1 / ratio,
    )


def split(
    name: str,
    cameras: tuple[str, ...] = tuple(h36m_cameras.LENSES),
    *,
    takes: tuple[tuple[int, int, int], ...] = (),
) -> dict[str, Any]:
    """One half of the pickle: arrays of all frames end to end, names in lists."""
    draw = np.random.default_rng(0)
    columns: dict[str, list[Any]] = {
        key: [] for key in ("image", "factor", "camera_name", "source", "action")
    }
    for subject, action, subaction in takes or TAKES[name]:
        for number, camera in enumerate(h36m_cameras.names(), start=1):
            if camera in cameras:
                image, factor = image_space(seen(f"S{subject}", camera), camera)
                columns["image"].append(image)
                columns["factor"].append(factor)
                columns["camera_name"] += [camera] * FRAMES
                columns["source"] += [
                    f"s_{subject:02}_act_{action:02}_subact_{subaction:02}_ca_{number:02}"
                ] * FRAMES
                columns["action"] += [ACTIONS[action]] * FRAMES
    image, factor = (
        np.concatenate(columns.pop("image")),
        np.concatenate(columns.pop("factor")),
    )
    table = {
        # a detector's errors, so that its keypoints are not the truth's projection
        "joint_2d": image[..., :2] + draw.normal(0, 3, image[..., :2].shape),
        "confidence": draw.uniform(0.1, 1, image.shape[:2]).astype(np.float32),
        "joint3d_image": image,
        **columns,
    }
    if name == "test":  # the training half has neither
        table |= {
            "joints_2.5d_image": image * factor[:, None, None],
            "2.5d_factor": factor,
        }
    return table


def content() -> dict[str, Any]:
    return {"train": split("train"), "test": split("test")}


def write(folder: Path, value: object, protocol: int = 4) -> Path:
    path = folder / "h36m_sh_conf_cam_source_final.pkl"
    path.write_bytes(pickle.dumps(value, protocol=protocol))
    return path


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_videos_become_clips(tmp_path: Path, protocol: int) -> None:
    value = content()
    clips = h36m_pkl.load(str(write(tmp_path, value, protocol)))
    assert len(clips) == 2 * 2 * 4
    last = clips[-1]
    assert (last.name, last.subject, last.action, last.style) == (
        "S11_act_16_subact_02",
        "S11",
        "WalkTogether",
        "2",
    )
    assert (last.camera_name, last.fps, last.skeleton.name, last.frames) == (
        "60457274",
        50.0,
        "h36m17",
        FRAMES,
    )
    assert last.camera is h36m_cameras.camera("S11", "60457274")
    assert last.world_pose is None
    np.testing.assert_allclose(
        last.keypoints, value["test"]["joint_2d"][-FRAMES:], rtol=1e-6
    )
    np.testing.assert_array_equal(
        last.confidence, value["test"]["confidence"][-FRAMES:]
    )
    assert {clip.subject for clip in clips} == {"S1", "S5", "S9", "S11"}


def test_test_truth_is_the_published_one(tmp_path: Path) -> None:
    value = content()
    clip = h36m_pkl.load(str(write(tmp_path, value)))[-1]
    truth = value["test"]["joints_2.5d_image"][-FRAMES:]
    np.testing.assert_allclose(
        clip.camera_pose - clip.camera_pose[:, :1], truth - truth[:, :1], atol=2e-3
    )
    # The file has no root: it stands where the factor says, which is where it stood.
    np.testing.assert_allclose(
        clip.camera_pose[:, 0], seen("S11", "60457274")[:, 0], atol=2e-2
    )
    np.testing.assert_allclose(
        factors(clip), value["test"]["2.5d_factor"][-FRAMES:], rtol=1e-6
    )
    assert clip.notes == ("poses are in image space, scaled (joints_2.5d_image)",)


def test_training_scale_follows_from_the_cameras(tmp_path: Path) -> None:
    value = content()
    clip = h36m_pkl.load(str(write(tmp_path, value)))[0]
    image, factor = image_space(seen("S1", "54138969"), "54138969")
    scaled = image * factor[:, None, None]
    np.testing.assert_allclose(
        clip.camera_pose - clip.camera_pose[:, :1], scaled - scaled[:, :1], atol=2e-2
    )
    np.testing.assert_allclose(
        clip.camera_pose[:, 0], seen("S1", "54138969")[:, 0], atol=2e-2
    )


def test_one_camera_and_no_scale_is_a_clip_without_poses(tmp_path: Path) -> None:
    clips = h36m_pkl.load(
        str(write(tmp_path, {"train": split("train", ("55011271",))}))
    )
    assert len(clips) == 2
    assert all(
        clip.camera_pose is None and "no poses" in clip.notes[0] for clip in clips
    )
    with pytest.raises(BadInput, match="no poses, so no 2.5d_factor"):
        factors(clips[0])
    table = split("test", ("55011271",))
    # A video of somebody the studio never saw: its name stands for all that is told from names.
    table["source"] = ["somebody.mp4"] * len(table["source"])
    table["action"] = np.array(["Walking"] * len(table["source"]))
    clip = h36m_pkl.load(str(write(tmp_path, {"test": table})))[0]
    assert (clip.name, clip.subject, clip.frames) == (
        "somebody.mp4",
        "somebody.mp4",
        2 * FRAMES,
    )
    assert clip.camera_pose is not None
    assert (clip.camera.position == 0).all()


def test_variants_of_the_layout(tmp_path: Path) -> None:
    value = content()
    for table in value.values():
        table["confidence"] = table["confidence"][..., None]
        table["joint_2d"] = np.concatenate(
            [table["joint_2d"], np.ones_like(table["joint_2d"][..., :1])], axis=-1
        )
        for key in ("source", "camera_name", "action"):
            table[key] = np.array(table[key])
    # lists in the place of arrays, as some scripts leave them
    value["test"]["2.5d_factor"] = list(value["test"]["2.5d_factor"])
    value["test"]["joints_2.5d_image"] = list(value["test"]["joints_2.5d_image"])
    clip = h36m_pkl.load(str(write(tmp_path, value)), small=0.5)[-1]
    np.testing.assert_array_equal(
        clip.confidence, value["test"]["confidence"][-FRAMES:, :, 0]
    )
    del value["train"]["confidence"]
    assert (h36m_pkl.load(str(write(tmp_path, value)))[0].confidence == 1).all()


Change = Callable[[dict[str, Any]], Any]


def setting(key: str, value: Any) -> Change:
    return lambda table: table.__setitem__(
        key, value(table[key]) if callable(value) else value
    )


def with_value(
    place: tuple[int, ...], value: float
) -> Callable[[np.ndarray], np.ndarray]:
    def change(array: np.ndarray) -> np.ndarray:
        array[place] = value
        return array

    return change


# what is done to the testing half, and what is said of it; it has 48 frames
FAULTS: dict[str, tuple[Change, str]] = {
    "no key": (
        lambda table: table.pop("source"),
        "test: source missing; the keys of MotionBERT's pickle",
    ),
    "sixteen joints": (
        setting("joint3d_image", lambda a: a[:, :16]),
        r"joint3d_image: shape \(48, 16, 3\) came",
    ),
    "short keypoints": (
        setting("joint_2d", lambda a: a[1:]),
        r"joint_2d: shape \(47, 17, 2\) came; \(48, 17, 2\) was due",
    ),
    "short names": (
        setting("source", lambda a: a[1:]),
        "source: 47 names came; one name for each of 48 frames",
    ),
    "names of nothing": (
        setting("action", lambda a: [None] * 48),
        "action: NoneType among the names",
    ),
    "no list of names": (setting("action", "Walking"), "action: str came"),
    "line end in a name": (
        setting("action", lambda a: ["Walk\ning"] * 48),
        "action: unreadable text",
    ),
    "NaN": (
        setting("joint_2d", with_value((7, 3, 1), np.nan)),
        r"joint_2d: the number at \[7, 3, 1\] is not finite",
    ),
    "infinite truth": (
        setting("joints_2.5d_image", with_value((7, 3, 1), np.inf)),
        r"joints_2.5d_image: the number at \[7, 3, 1\]",
    ),
    "factor of nothing": (
        setting("2.5d_factor", lambda a: a * 0),
        "2.5d_factor is 0 to 0",
    ),
    "factor missing": (
        lambda table: table.pop("2.5d_factor"),
        "2.5d_factor is missing",
    ),
    "unknown camera": (
        setting("camera_name", lambda a: ["7"] * 48),
        "camera '7' is none of 54138969",
    ),
    "two cameras in a video": (
        setting("camera_name", lambda a: ["54138969", *a[:-1]]),
        "54138969 and 55011271 in one video",
    ),
    "frames not together": (
        setting("source", lambda a: [*a[:-1], a[0]]),
        "in one video|comes twice",
    ),
    "metres": (
        setting("joints_2.5d_image", lambda a: a / 1000),
        "camera_pose is in m, by its legs",
    ),
    "confidence": (
        setting("confidence", lambda a: a[:, :5]),
        r"confidence: shape \(48, 5\) came",
    ),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_fault_is_one_line_that_says_where(tmp_path: Path, case: str) -> None:
    change, message = FAULTS[case]
    value = content()
    change(value["test"])
    path = write(tmp_path, value)
    with pytest.raises(BadInput, match=message) as caught:
        h36m_pkl.load(str(path))
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_cameras_that_contradict_each_other_are_named(tmp_path: Path) -> None:
    table = split("train")
    # rays that do not meet, and some that meet behind a camera
    table["joint3d_image"][:, 0, :2] = 500 + 3000 * np.random.default_rng(0).normal(
        size=(48, 2)
    )
    with pytest.raises(BadInput, match="do not see one root"):
        h36m_pkl.load(str(write(tmp_path, {"train": table})))


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="a list without train or test came"):
        h36m_pkl.load(str(write(tmp_path, [1])))
    with pytest.raises(BadInput, match="a folder came"):
        h36m_pkl.load(str(tmp_path))
    with pytest.raises(BadInput, match="cannot be read|no such file"):
        h36m_pkl.load(str(tmp_path / "nowhere.pkl"))
    with pytest.raises(BadInput, match="train: .* missing"):
        h36m_pkl.load(str(write(tmp_path, {"train": None})))
