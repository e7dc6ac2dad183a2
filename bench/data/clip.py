"""The one shape every data source delivers: a clip seen by one camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.data.cameras import Camera, project, world_to_camera
from bench.data.skeletons import Skeleton
from models.errors import BadInput


@dataclass(frozen=True, eq=False)
class Clip:
    """A motion seen by one camera; `name` is the take, so (name, camera_name) is unique within a source.

    keypoints (frames, joints, 2) pixels; confidence (frames, joints), 0 marks a missed joint; camera_pose and world_pose
    (frames, joints, 3) absolute millimetres. All float32. Raises BadInput for a wrong shape, no frames, or a number that is not finite.
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
    camera_pose: NDArray[np.float32]
    world_pose: NDArray[np.float32]
    camera: Camera

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

    def _check(self, field: str, shape: tuple[int, ...]) -> None:
        value = getattr(self, field)
        if value.shape != shape or value.dtype != np.float32:
            raise BadInput(
                f"clip {self.name}: {field} is {value.dtype} {value.shape}; float32 {shape} was due for skeleton {self.skeleton.name}"
            )
        if not np.isfinite(value).all():
            frame, joint = np.argwhere(~np.isfinite(value))[0][:2]
            raise BadInput(
                f"clip {self.name}: {field} is not finite at frame {frame}, joint {self.skeleton.joints[joint]}; leave out the clip"
            )

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.keypoints)


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
    """The take seen by each camera with perfect 2D (confidence 1). All clips share one world array. Raises BadInput (`project`)."""
    world = take.world.astype(np.float32)
    certain = np.ones(world.shape[:2], dtype=np.float32)
    clips = []
    for name, camera in cameras.items():
        pose = world_to_camera(camera, take.world)
        try:
            pixels = project(camera, pose).astype(np.float32)
        except BadInput as error:
            raise BadInput(f"clip {take.name}, {name}: {error}") from None
        labels = (take.name, take.subject, take.action, take.style, name, take.fps, take.skeleton)
        clips.append(Clip(*labels, pixels, certain, pose.astype(np.float32), world, camera))
    return clips


def crop(take: Take, fraction: float) -> Take:
    """The middle `fraction` of a take, at least 16 frames where it has them: a smoke run keeps every action and style."""
    frames = len(take.world)
    keep = min(frames, max(16, round(frames * fraction)))
    start = (frames - keep) // 2
    return Take(take.name, take.subject, take.action, take.style, take.fps, take.skeleton, take.world[start : start + keep])
