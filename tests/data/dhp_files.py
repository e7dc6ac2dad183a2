"""MPI-INF-3DHP for tests: a few frames, in the published tree and as P-STMO packs it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.data.geometry.skeletons import DHP28
from bench.data.readers import dhp

scipy_io = pytest.importorskip(
    "scipy.io", reason="SciPy writes the MATLAB files of these tests"
)
FRAMES = 5
# the test set's 17 of the training set's 28 joints
PICKS = [7, 5, 14, 15, 16, 9, 10, 11, 23, 24, 25, 18, 19, 20, 4, 3, 6]
HEIGHT = {  # mm above the floor; the others are at 1.2 m
    "HeadTop": 1750,
    "Head": 1600,
    "Neck": 1450,
    "Hip": 900,
    "Knee": 480,
    "Ankle": 60,
    "Foot": 20,
    "Toe": 0,
}
# px, of a camera that is not quite square, nor centred
FOCAL, CENTRE = np.array([1497.7, 1497.1]), np.array([1024.7, 1051.4])


def person() -> np.ndarray:
    """28 joints in the camera frame, y down, 4 m away, millimetres."""
    heights = [
        next((high for name, high in HEIGHT.items() if joint.endswith(name)), 1200.0)
        for joint in DHP28.joints
    ]
    sides = [{"L": 150.0, "R": -150.0}.get(joint[0], 0.0) for joint in DHP28.joints]
    return np.stack(
        [sides, 900 - np.array(heights), 4000 + 10.0 * np.arange(28)], axis=1
    )


def walk(camera: int = 0, frames: int = FRAMES) -> np.ndarray:
    """(F, 28, 3) mm; another place for each camera."""
    # to the side and away from the camera, so that its focal length can be told
    steps = np.arange(frames)[:, None, None] * [5.0, 0, 20]
    return person() + np.array([100.0 * camera, 0, 0]) + steps


def pixels(pose: np.ndarray) -> np.ndarray:
    return pose[..., :2] / pose[..., 2:] * FOCAL + CENTRE


def cell(arrays: list[np.ndarray]) -> np.ndarray:
    """A MATLAB cell over cameras."""
    # one by one: NumPy would make one array of arrays of one shape
    out = np.empty((len(arrays), 1), dtype=object)
    for place, values in enumerate(arrays):
        out[place, 0] = values.reshape(len(values), int(np.prod(values.shape[1:])))
    return out


def annot(cameras: int = 14) -> dict[str, Any]:
    poses = [walk(camera) for camera in range(cameras)]
    return {
        "annot2": cell([pixels(pose) for pose in poses]),
        "annot3": cell(poses),
        "univ_annot3": cell([0.9 * pose for pose in poses]),
        "cameras": np.arange(cameras, dtype=np.uint8)[None],
        "frames": np.arange(FRAMES, dtype=np.uint16)[:, None],
    }


def calibration() -> str:
    """Camera 0 to 13, each a metre further left, level, y up in the world."""
    # As MPI-INF-3DHP's own is laid out. y is up in the world and down in the camera.
    blocks = [
        f"name          {camera}\n  sensor      10 10\n  size        2048 2048\n  animated "
        f"   0\n  intrinsic   {FOCAL[0]} 0 {CENTRE[0]} 0 0 {FOCAL[1]} {CENTRE[1]} 0 0 0 1 0"
        f" 0 0 0 1 \n  extrinsic   1 0 0 {1000 * camera} 0 -1 0 900 0 0 -1 5000 0 0 0 1 \n "
        " radial      0\n"
        for camera in range(14)
    ]
    return "Skeletool Camera Calibration File V1.0\n" + "".join(blocks)


def tree(
    folder: Path,
    content: dict[str, Any] | None = None,
    *,
    sequence: str = "S1/Seq2",
    lens: str | None = None,
) -> Path:
    place = folder / sequence
    place.mkdir(parents=True)
    scipy_io.savemat(place / "annot.mat", content or annot(), do_compression=True)
    if lens is not None:
        (place / "camera.calibration").write_text(lens)
    return folder


def packed_train() -> dict[str, Any]:
    cameras = {
        str(camera): {
            "data_2d": pixels(walk(camera))[:, PICKS],
            "data_3d": 0.9 * walk(camera)[:, PICKS],
        }
        for camera in dhp.CAMERAS
    }
    return {"S1 Seq2": [cameras, 50]}


def packed_test() -> dict[str, Any]:
    part = {
        "data_2d": pixels(walk())[:, PICKS],
        "data_3d": 0.9 * walk()[:, PICKS],
        "valid": np.array([0, 1, 1, 0, 1], dtype=np.uint8),
    }
    return {"TS1": part, "TS6": part}


def pack(folder: Path, name: str, content: object) -> Path:
    folder.mkdir(exist_ok=True)
    np.savez_compressed(folder / name, data=np.array(content, dtype=object))
    return folder


def annot_data() -> dict[str, Any]:
    """The test set's file in MATLAB's dimensions."""
    pose = walk()[:, PICKS]
    return {
        "annot2": pixels(pose).transpose(2, 1, 0)[:, :, None],
        "annot3": pose.transpose(2, 1, 0)[:, :, None],
        "univ_annot3": (0.9 * pose).transpose(2, 1, 0)[:, :, None],
        "valid_frame": np.array([[0, 1, 1, 0, 1]], dtype=np.uint8),
        "activity_annotation": np.ones((FRAMES, 1)),
    }
