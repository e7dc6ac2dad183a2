"""What the numbers of some clips are like: sizes, bones, speeds, detections; to see at a
glance whether data was read as it was meant.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.data.batches.pages import give_back
from bench.data.clip import Clip
from bench.data.geometry.cameras import project

Array = NDArray[np.floating]


@dataclass(frozen=True)
class Moments:
    """Of some numbers: how many, their sum and sum of squares, the least and the most.

    Those of two sets add up.
    """

    count: int
    total: float
    squares: float
    least: float
    most: float

    def __add__(self, other: Moments) -> Moments:
        least, most = min(self.least, other.least), max(self.most, other.most)
        return Moments(
            self.count + other.count,
            self.total + other.total,
            self.squares + other.squares,
            least,
            most,
        )

    def summary(self) -> dict[str, float]:
        """mean, std, min and max."""
        mean = self.total / self.count
        return {
            "mean": mean,
            "std": max(self.squares / self.count - mean**2, 0.0) ** 0.5,
            "min": self.least,
            "max": self.most,
        }


def statistics(clips: Sequence[Clip]) -> dict[str, object]:
    """Frames by label, pixels, detections, and where there are poses: depth, speed,
    reprojection and bone lengths, in mm.

    A quantity is given as mean, standard deviation, least and most over all clips. Clips
    are looked at one at a time, and what was mapped from a file is given back.
    """
    found: dict[str, Moments] = {}
    for clip in clips:
        for name, values in _quantities(clip).items():
            if values.size:
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
    """Frames of a clip that are not scored, such as those of 3DHP's test set that are not
    valid.
    """
    return 0 if clip.counted is None else clip.frames - int(np.count_nonzero(clip.counted))


def _quantities(clip: Clip) -> dict[str, Array]:
    """Numbers of one clip by name, the unit at the name's end."""
    seen = clip.confidence > 0
    inside = (
        (clip.keypoints >= 0) & (clip.keypoints < (clip.camera.width, clip.camera.height))
    ).all(axis=-1)
    found: dict[str, Array] = {
        "frames_per_clip": np.array([float(clip.frames)]),
        "keypoint_x_px": clip.keypoints[..., 0][seen],
        "keypoint_y_px": clip.keypoints[..., 1][seen],
        "confidence": clip.confidence,
        "missed_percent": np.where(seen, 0.0, 100.0),
        "outside_picture_percent": np.where(inside, 0.0, 100.0),
    }
    return (
        found
        if clip.camera_pose is None
        else {
            **found,
            **_pose(clip, clip.camera_pose, seen),
            **_bones(clip, clip.camera_pose),
        }
    )


def _pose(clip: Clip, pose: Array, seen: NDArray[np.bool_]) -> dict[str, Array]:
    """Depth of the root and its speed, and how far keypoints lie from where the camera
    shows the joints.
    """
    root = pose[:, clip.skeleton.parents.index(-1)]
    found = {
        "root_depth_mm": root[:, 2],
        "root_speed_mm_per_s": np.linalg.norm(np.diff(root, axis=0), axis=-1) * clip.fps,
    }
    if (pose[..., 2] > 0).all():
        found["reprojection_px"] = np.linalg.norm(
            project(clip.camera, pose) - clip.keypoints, axis=-1
        )[seen]
    return found


def _bones(clip: Clip, pose: Array) -> dict[str, Array]:
    """The length of each bone, how much it changes within a clip, and how much left differs
    from right, mm.
    """
    joints, mirror = clip.skeleton.joints, clip.skeleton.mirror
    bones = clip.skeleton.bones
    parents, children = np.array(bones).T
    lengths = np.linalg.norm(pose[:, children] - pose[:, parents], axis=-1)
    pairs = {
        number: (mirror[a], mirror[b])
        for number, (a, b) in enumerate(bones)
        if b < mirror[b]
    }
    sides = (
        np.array(
            [
                (number, bones.index(other))
                for number, other in pairs.items()
                if other in bones
            ]
        )
        .reshape(-1, 2)
        .T
    )
    return {
        **{
            f"bone_{joints[a]}-{joints[b]}_mm": lengths[:, number]
            for number, (a, b) in enumerate(bones)
        },
        "bone_change_within_clip_mm": lengths.std(axis=0),
        "left_against_right_mm": np.abs(lengths[:, sides[0]] - lengths[:, sides[1]]),
    }


def _moments(values: Array) -> Moments:
    flat = np.asarray(values, dtype=np.float64).ravel()
    return Moments(
        flat.size,
        float(flat.sum()),
        float(flat @ flat),
        float(flat.min()),
        float(flat.max()),
    )


def _frames(clips: Sequence[Clip], label: Callable[[Clip], str]) -> dict[str, int]:
    """Frames by label, labels sorted."""
    found: dict[str, int] = {}
    for clip in sorted(clips, key=label):
        found[label(clip) or "(none)"] = found.get(label(clip) or "(none)", 0) + clip.frames
    return found
