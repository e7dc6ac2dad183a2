"""The one shape every data source delivers: a clip seen by one camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.data.geometry.cameras import Camera, project, world_to_camera
from bench.data.geometry.skeletons import Skeleton
from models.errors import BadInput

UNITS = {"m": 1000.0, "inch": 25.4, "cm": 10.0, "mm": 1.0}  # millimetres in each
# hip-knee-ankle of a person; the intervals this gives the four units do not overlap
LEG_MM = (450.0, 1100.0)


@dataclass(frozen=True, eq=False)
class Clip:
    """A motion seen by one camera; `name` is the take, so (name, camera_name) is unique
    within a source.

    keypoints (frames, joints, 2) pixels; confidence (frames, joints), 0 marks a missed
    joint; camera_pose and world_pose (frames, joints, 3) absolute millimetres, None where
    the source has none. All float32. `notes` are remarks of the source for its reader, such
    as what was cut off. `counted` (frames,) is 1 for frames that may be scored and 0 for
    those that are context alone; None scores all. `detector` names what found the
    keypoints, and is empty for true ones. Raises BadInput for a wrong shape, no frames, a
    number that is not finite, or another unit.
    """

    name: str
    subject: str
    action: str
    style: str
    camera_name: str
    fps: float
    skeleton: Skeleton
    keypoints: NDArray[np.float32]
    confidence: NDArray[np.float32]
    camera_pose: NDArray[np.float32] | None
    world_pose: NDArray[np.float32] | None
    camera: Camera
    notes: tuple[str, ...] = ()
    counted: NDArray[np.float32] | None = None
    detector: str = ""

    def __post_init__(self) -> None:
        frames, joints = len(self.keypoints), len(self.skeleton.joints)
        if frames == 0:
            raise BadInput(f"clip {self.name}: zero frames; leave the clip out")
        if not self.fps > 0:
            raise BadInput(f"clip {self.name}: fps {self.fps} is not positive")
        due = {
            "keypoints": (frames, joints, 2),
            "confidence": (frames, joints),
            "camera_pose": (frames, joints, 3),
            "world_pose": (frames, joints, 3),
        }
        for field, shape in due.items():
            self._check(field, shape)
        if self.counted is not None and (
            self.counted.shape != (frames,) or self.counted.dtype != np.float32
        ):
            raise BadInput(
                f"clip {self.name}: counted is {self.counted.dtype} {self.counted.shape};"
                f" float32 ({frames},) was due"
            )
        check_units(self)

    def _check(self, field: str, shape: tuple[int, ...]) -> None:
        value = getattr(self, field)
        if value is None and field.endswith("_pose"):
            return
        if value.shape != shape or value.dtype != np.float32:
            raise BadInput(
                f"clip {self.name}: {field} is {value.dtype} {value.shape}; float32 {shape}"
                f" was due for skeleton {self.skeleton.name}"
            )
        if not np.isfinite(value).all():
            frame, joint = np.argwhere(~np.isfinite(value))[0][:2]
            raise BadInput(
                f"clip {self.name}: {field} is not finite at frame {frame}, joint"
                f" {self.skeleton.joints[joint]}; leave out the clip"
            )

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.keypoints)


def check_units(clip: Clip) -> None:
    """Raise BadInput where the legs of a 3D pose are a person's in metres, centimetres or
    inches, or millimetres a thousandfold.
    """
    for field in ("camera_pose", "world_pose"):
        pose = getattr(clip, field)
        leg = None if pose is None else leg_length(pose, clip.skeleton)
        unit = (
            None
            if leg is None
            else next(
                (
                    name
                    for name, size in UNITS.items()
                    if LEG_MM[0] <= leg * size <= LEG_MM[1]
                ),
                None,
            )
        )
        if leg is not None and LEG_MM[0] <= leg / 1000 <= LEG_MM[1]:
            raise BadInput(
                f"clip {clip.name}: {field} is a thousand times too large, by its legs of"
                f" {leg:.0f}; mm taken for metres?"
            )
        if unit not in (None, "mm"):
            raise BadInput(
                f"clip {clip.name}: {field} is in {unit}, by its legs of {leg:.3g}; mm were"
                f" due: multiply by {UNITS[unit]:g}"
            )


def leg_length(pose: NDArray[np.floating], skeleton: Skeleton) -> float | None:
    """Median length of the right hip-knee-ankle in the pose's unit, from up to 32 frames;
    None for a skeleton without legs.
    """
    leg = ("RHip", "RKnee", "RAnkle" if "RAnkle" in skeleton.joints else "RFoot")
    if not set(leg) <= set(skeleton.joints):
        return None
    hip, knee, ankle = (
        pose[:: -(-len(pose) // 32), skeleton.joints.index(joint)].astype(np.float64)
        for joint in leg
    )
    lengths = np.sqrt(((knee - hip) ** 2).sum(axis=-1)) + np.sqrt(
        ((ankle - knee) ** 2).sum(axis=-1)
    )
    # np.median takes longer than all the rest, and every clip is checked
    return float(np.sort(lengths)[len(lengths) // 2])


@dataclass(frozen=True, eq=False)
class Take:
    """A motion before any camera: world (frames, joints, 3) millimetres, z up."""

    name: str
    subject: str
    action: str
    style: str
    fps: float
    skeleton: Skeleton
    world: NDArray[np.float64]


def film(take: Take, cameras: dict[str, Camera]) -> list[Clip]:
    """The take seen by each camera with perfect 2D (confidence 1).

    All clips share one world array. Raises BadInput (`project`).
    """
    world = take.world.astype(np.float32)
    certain = np.ones(world.shape[:2], dtype=np.float32)
    clips = []
    for name, camera in cameras.items():
        pose = world_to_camera(camera, take.world)
        try:
            pixels = project(camera, pose).astype(np.float32)
        except BadInput as error:
            raise BadInput(f"clip {take.name}, {name}: {error}") from None
        labels = (
            take.name,
            take.subject,
            take.action,
            take.style,
            name,
            take.fps,
            take.skeleton,
        )
        clips.append(Clip(*labels, pixels, certain, pose.astype(np.float32), world, camera))
    return clips


def crop(take: Take, fraction: float) -> Take:
    """The middle `fraction` of a take, at least 16 frames where it has them: a smoke run
    keeps every action and style.
    """
    frames = len(take.world)
    keep = min(frames, max(16, round(frames * fraction)))
    start = (frames - keep) // 2
    return Take(
        take.name,
        take.subject,
        take.action,
        take.style,
        take.fps,
        take.skeleton,
        take.world[start : start + keep],
    )
