"""What the numbers of some clips are like: sizes, bones, speeds, detections.

To see at a glance whether data was read as it was meant. Nothing here judges a prediction:
`bench/metrics` does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.data.batches.pages import give_back
from bench.data.clip import Clip
from bench.data.geometry.cameras import project
from bench.data.geometry.skeletons import Skeleton

Array = NDArray[np.floating]


@dataclass(frozen=True)
class Moments:
    """Of some numbers: how many, their sum and sum of squares, the least and the most.

    Those of two sets add up, so that no clip need stay in memory.
    """

    count: int
    total: float
    squares: float
    least: float
    most: float

    def __add__(self, other: Moments) -> Moments:
        return Moments(
            count=self.count + other.count,
            total=self.total + other.total,
            squares=self.squares + other.squares,
            least=min(self.least, other.least),
            most=max(self.most, other.most),
        )

    def summary(self) -> dict[str, float]:
        """mean, std, min and max."""
        mean = self.total / self.count
        # of equal numbers rounding may leave less than nothing
        variance = max(self.squares / self.count - mean**2, 0.0)
        return {
            "mean": mean,
            "std": variance**0.5,
            "min": self.least,
            "max": self.most,
        }


def statistics(clips: Sequence[Clip]) -> dict[str, object]:
    """Frames by label, pixels, detections, and of poses depth, speed, reprojection and bones.

    A quantity is given as mean, standard deviation, least and most over all clips. Clips are looked
    at one at a time, and what was mapped from a file is given back.
    """
    found: dict[str, Moments] = {}
    for clip in clips:
        for name, values in _quantities(clip).items():
            # of joints that the truth lacks
            values = values[~np.isnan(values)]
            # a clip without a seen joint has no pixels, and one of a frame no speed
            if not values.size:
                continue
            moments = _moments(values)
            found[name] = found[name] + moments if name in found else moments
        give_back(clip)
    return {
        "clips": len(clips),
        "clips_with_poses": sum(clip.camera_pose is not None for clip in clips),
        "frames": sum(clip.frames for clip in clips),
        "frames_of_context_alone": sum(context(clip) for clip in clips),
        "frames_by_subject": _frames(clips, lambda clip: clip.subject),
        "frames_by_action": _frames(clips, lambda clip: clip.action),
        "frames_by_camera": _frames(clips, lambda clip: clip.camera_name),
        **{name: moments.summary() for name, moments in found.items()},
    }


def context(clip: Clip) -> int:
    """Frames of a clip that are not scored, such as the invalid ones of 3DHP's test set."""
    return (
        0 if clip.counted is None else clip.frames - int(np.count_nonzero(clip.counted))
    )


def _quantities(clip: Clip) -> dict[str, Array]:
    """Numbers of one clip by name, the unit at the name's end."""
    # a missed joint has the place where it was last seen, which is no measurement
    seen = clip.confidence > 0
    picture = (clip.camera.width, clip.camera.height)
    inside = ((clip.keypoints >= 0) & (clip.keypoints < picture)).all(axis=-1)
    found: dict[str, Array] = {
        "frames_per_clip": np.array([float(clip.frames)]),
        "keypoint_x_px": clip.keypoints[..., 0][seen],
        "keypoint_y_px": clip.keypoints[..., 1][seen],
        "confidence": clip.confidence,
        "missed_percent": np.where(seen, 0.0, 100.0),
        "outside_picture_percent": np.where(inside, 0.0, 100.0),
    }
    if clip.camera_pose is None:
        return found
    return found | _pose(clip, clip.camera_pose, seen) | _bones(clip, clip.camera_pose)


def _pose(clip: Clip, pose: Array, seen: NDArray[np.bool_]) -> dict[str, Array]:
    """Depth of the root and its speed, and how far keypoints lie from the projected joints."""
    root = pose[:, clip.skeleton.parents.index(-1)]
    steps = np.linalg.norm(np.diff(root, axis=0), axis=-1)
    found = {
        "root_depth_mm": root[:, 2],
        "root_speed_mm_per_s": steps * clip.fps,
    }
    # `project` refuses points behind the camera, and statistics are to show them
    if (pose[..., 2] > 0).all():
        error = project(clip.camera, pose) - clip.keypoints
        found["reprojection_px"] = np.linalg.norm(error, axis=-1)[seen]
    return found


def _bones(clip: Clip, pose: Array) -> dict[str, Array]:
    """The length of each bone, its change within a clip, and left against right, mm."""
    joints, bones = clip.skeleton.joints, clip.skeleton.bones
    parents, children = np.array(bones).T
    lengths = np.linalg.norm(pose[:, children] - pose[:, parents], axis=-1)
    found = {
        f"bone_{joints[a]}-{joints[b]}_mm": lengths[:, number]
        for number, (a, b) in enumerate(bones)
    }
    found["bone_change_within_clip_mm"] = lengths.std(axis=0)
    one, other = _sides(clip.skeleton)
    found["left_against_right_mm"] = np.abs(lengths[:, one] - lengths[:, other])
    return found


def _sides(skeleton: Skeleton) -> NDArray[np.int64]:
    """Bones and their mirror images (2, pairs), by their place among the bones."""
    bones, mirror = skeleton.bones, skeleton.mirror
    pairs = []
    for number, (a, b) in enumerate(bones):
        image = (mirror[a], mirror[b])
        # each pair once; a bone of the middle is its own image
        if b < mirror[b] and image in bones:
            pairs.append((number, bones.index(image)))
    # of a skeleton without sides too: no pairs are an array (2, 0)
    return np.array(pairs, dtype=np.int64).reshape(-1, 2).T


def _moments(values: Array) -> Moments:
    # squares of pixels in float32 keep no digits behind the point
    flat = np.asarray(values, dtype=np.float64).ravel()
    return Moments(
        count=flat.size,
        total=float(flat.sum()),
        squares=float(flat @ flat),
        least=float(flat.min()),
        most=float(flat.max()),
    )


def _frames(clips: Sequence[Clip], label: Callable[[Clip], str]) -> dict[str, int]:
    """Frames by label, labels sorted."""
    found: dict[str, int] = {}
    for clip in sorted(clips, key=label):
        name = label(clip) or "(none)"
        found[name] = found.get(name, 0) + clip.frames
    return found
