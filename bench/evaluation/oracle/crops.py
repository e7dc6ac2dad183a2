"""Crops of pictures and poses in their units, by arithmetic of its own.

What a picture shows is data: `bench/data/pictures/frame.py` reads it, or draws it through the
lens that stands here. A joint is seen at f x / z + c. In a crop, x and y are its places from the
middle as shares of the sides, and z is how much deeper than the root it lies, as a share of 2000
mm.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bench.data.clip import Clip
from bench.data.pictures import frame as pictures
from bench.data.pictures.drawing import Lens
from bench.evaluation.oracle.sight import Sight

Float = NDArray[np.float64]

WIDER = 1.25
DEEP = 2000.0  # mm
# red, green and blue: mean and deviation of ImageNet, from 0 to 1
COLOURS = ((0.485, 0.229), (0.456, 0.224), (0.406, 0.225))


def shown(
    clip: Clip, frame: int, sight: Sight, kind: type[np.floating]
) -> NDArray[np.floating]:
    """What the network is to be fed (3, height, width)."""
    seen = _picture(clip, frame, sight)
    planes = [
        (seen[place].astype(kind) / kind(255) - kind(mean)) / kind(deviation)
        for place, (mean, deviation) in enumerate(COLOURS)
    ]
    return np.stack(planes)


def _picture(clip: Clip, frame: int, sight: Sight) -> NDArray[np.uint8]:
    """Its bytes (3, height, width)."""
    x, y, width, height = _box(clip, frame, sight)
    if clip.pictures is not None:
        box = np.array([x, y, width, height])
        return pictures.picture(clip, frame, box, sight.size, seed=sight.seed)
    rows, columns = sight.size
    # pixels of the crop to one of the picture
    finer = columns / width
    across, down = (clip.camera.centre - np.array([x, y])) * finer
    middle = (across + columns / 2, down + rows / 2)
    lens = Lens(float(clip.camera.focal[0] * finer), middle)
    return pictures.drawn(clip, frame, lens, sight.size, seed=sight.seed)


def poses(
    clip: Clip,
    frames: Sequence[int],
    sight: Sight,
) -> Float:
    """(n, J, 3) as the network is to give them."""
    found = []
    for frame in frames:
        x, y, width, height = _box(clip, frame, sight)
        points, root = _points(clip, frame, sight)
        seen = clip.camera.focal * points[:, :2] / points[:, 2:] + clip.camera.centre
        across, down = (seen[:, 0] - x) / width, (seen[:, 1] - y) / height
        found.append(np.stack([across, down, (points[:, 2] - root[2]) / DEEP], axis=1))
    return np.stack(found)


def millimetres(
    clip: Clip, frames: Sequence[int], made: NDArray[np.floating], sight: Sight
) -> Float:
    """What the network gave (n, J, 3), mm from the true root in the camera's frame."""
    found = []
    for frame, pose in zip(frames, made.astype(np.float64), strict=True):
        x, y, width, height = _box(clip, frame, sight)
        _, root = _points(clip, frame, sight)
        depth = root[2] + DEEP * pose[:, 2]
        seen = np.stack([x + width * pose[:, 0], y + height * pose[:, 1]], axis=1)
        sideways = (seen - clip.camera.centre) / clip.camera.focal * depth[:, None]
        found.append(np.concatenate([sideways, depth[:, None]], axis=1) - root)
    return np.stack(found)


def _points(
    clip: Clip,
    frame: int,
    sight: Sight,
) -> tuple[Float, Float]:
    """The joints (J, 3) and the root (3,) of a frame, mm in the camera's frame."""
    # a split without poses is refused when it is read
    assert clip.camera_pose is not None
    pose = clip.camera_pose[frame].astype(np.float64)
    names = clip.skeleton.joints
    joints = [names.index(joint) for joint in sight.joints]
    return pose[joints], pose[names.index(sight.root)]


def _box(
    clip: Clip,
    frame: int,
    sight: Sight,
) -> tuple[float, float, float, float]:
    """Middle, width and height of a crop, pixels: a person's box, wider, of the crop's shape."""
    if clip.boxes is None:
        names = clip.skeleton.joints
        joints = [names.index(joint) for joint in sight.joints]
        seen = clip.keypoints[frame, joints].astype(np.float64)
        left, top = seen.min(axis=0).tolist()
        right, bottom = seen.max(axis=0).tolist()
        x, y, wide, high = (
            (left + right) / 2,
            (top + bottom) / 2,
            right - left,
            bottom - top,
        )
    else:
        left, top, wide, high = clip.boxes[frame].astype(np.float64).tolist()
        x, y = left + wide / 2, top + high / 2
    shape = sight.size[1] / sight.size[0]
    width = WIDER * max(wide, high * shape, 1.0)
    return x, y, width, width / shape
