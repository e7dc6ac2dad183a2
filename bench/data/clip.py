"""The one shape every data source delivers: a clip seen by one camera.

A `Take` is the motion before any camera, and `film` makes clips of it. How clips become batches is
in `batches/`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bench.data.geometry.cameras import Camera, world_to_camera
from bench.data.geometry.held import seen_by
from bench.data.geometry.skeletons import Skeleton
from models.errors import BadInput, shortened

# millimetres in each
UNITS = {
    "m": 1000.0,
    "inch": 25.4,
    "cm": 10.0,
    "mm": 1.0,
}
# hip-knee-ankle of a person; the intervals this gives the four units do not overlap
LEG_MM = (450.0, 1100.0)
LOOKED_AT = 32  # frames whose legs are measured: enough for a median
LEAST = 16  # frames that a smoke run keeps of a clip, where it has them


@dataclass(frozen=True, eq=False)
class Clip:
    """A motion seen by one camera; (name, camera_name) is unique within a source.

    All arrays are float32. Poses are absolute millimetres in the camera's or the world's frame,
    None where the source has none, NaN where the truth lacks a joint (`missing.py`). Raises
    BadInput for a wrong shape, no frames, any other number that is not finite, or another unit.
    """

    name: str  # of the take, which several cameras may have seen
    subject: str
    action: str
    style: str
    camera_name: str
    fps: float
    skeleton: Skeleton
    keypoints: NDArray[np.float32]  # (frames, joints, 2) pixels
    confidence: NDArray[np.float32]  # (frames, joints); 0 marks a missed joint
    camera_pose: NDArray[np.float32] | None  # (frames, joints, 3) mm
    world_pose: NDArray[np.float32] | None  # (frames, joints, 3) mm
    camera: Camera
    notes: tuple[str, ...] = ()  # for the reader of the data, such as what was cut off
    # (frames,), 1 for frames that may be scored and 0 for those that are context alone; None
    # scores all
    counted: NDArray[np.float32] | None = None
    detector: str = ""  # what found the keypoints; empty for true ones
    # files of its frames, and where the person is in each (frames, 4), x, y, width, height in
    # pixels from the upper left corner; None of clips without pictures
    pictures: tuple[str, ...] | None = None
    boxes: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        frames = len(self.keypoints)
        joints = len(self.skeleton.joints)
        if frames == 0:
            raise BadInput(f"clip {self.name}: zero frames; leave the clip out")
        # `not above`: NaN is refused as well
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
        counted = self.counted
        if counted is not None and (
            counted.shape != (frames,) or counted.dtype != np.float32
        ):
            raise BadInput(
                f"clip {self.name}: counted is {counted.dtype} {counted.shape};"
                f" float32 ({frames},) was due"
            )
        self._check_pictures()
        check_units(self)

    def _check_pictures(self) -> None:
        frames = len(self.keypoints)
        if self.pictures is not None and len(self.pictures) != frames:
            raise BadInput(
                f"clip {self.name}: {len(self.pictures)} pictures of {frames} frames; one"
                " of each was due"
            )
        boxes = self.boxes
        if boxes is not None and (
            boxes.shape != (frames, 4) or not (boxes[:, 2:] > 0).all()
        ):
            raise BadInput(
                f"clip {self.name}: boxes are {boxes.shape} or without size; ({frames}, 4)"
                " of x, y, width, height was due"
            )

    def _check(self, field: str, shape: tuple[int, ...]) -> None:
        value = getattr(self, field)
        if value is None and field.endswith("_pose"):
            return
        if value.shape != shape or value.dtype != np.float32:
            raise BadInput(
                f"clip {self.name}: {field} is {value.dtype} {value.shape}; float32 {shape}"
                f" was due for skeleton {self.skeleton.name}"
            )
        known = np.isfinite(value)
        if field.endswith("_pose") and not known.all():
            # of a joint that is missing in the truth
            known |= np.isnan(value)
        if not known.all():
            # the first of all, so that the place is of use in the file
            frame, joint = np.argwhere(~known)[0][:2]
            raise BadInput(
                f"clip {self.name}: {field} is not finite at frame {frame}, joint"
                f" {self.skeleton.joints[joint]}; leave out the clip"
            )

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.keypoints)


def check_units(clip: Clip) -> None:
    """Raise BadInput where the legs of a 3D pose are a person's, but not in millimetres.

    In metres, centimetres or inches, or millimetres a thousandfold. Legs that are no person's in
    any unit are let through.
    """
    for field in ("camera_pose", "world_pose"):
        pose = getattr(clip, field)
        leg = None if pose is None else leg_length(pose, clip.skeleton)
        if leg is None:
            continue
        if _is_leg(leg / 1000):
            raise BadInput(
                f"clip {clip.name}: {field} is a thousand times too large, by its legs of"
                f" {leg:.0f}; mm taken for metres?"
            )
        unit = next((name for name, size in UNITS.items() if _is_leg(leg * size)), "mm")
        if unit != "mm":
            raise BadInput(
                f"clip {clip.name}: {field} is in {unit}, by its legs of {leg:.3g}; mm were"
                f" due: multiply by {UNITS[unit]:g}"
            )


def _is_leg(millimetres: float) -> bool:
    return LEG_MM[0] <= millimetres <= LEG_MM[1]


def leg_length(pose: NDArray[np.floating], skeleton: Skeleton) -> float | None:
    """Median length of the right hip-knee-ankle in the pose's unit, from up to 32 frames.

    None for a skeleton without legs, and where the truth lacks them.
    """
    # Human3.6M calls the ankle a foot; where both are there, the foot is the toes' side of it
    leg = ("RHip", "RKnee", "RAnkle" if "RAnkle" in skeleton.joints else "RFoot")
    if not set(leg) <= set(skeleton.joints):
        return None
    every = -(-len(pose) // LOOKED_AT)  # rounded up, so that no more frames are taken
    hip, knee, ankle = (
        pose[::every, skeleton.joints.index(joint)].astype(np.float64) for joint in leg
    )
    thigh = np.sqrt(((knee - hip) ** 2).sum(axis=-1))
    shank = np.sqrt(((ankle - knee) ** 2).sum(axis=-1))
    # np.median takes longer than all the rest, and every clip is checked; NaN are sorted last
    legs = np.sort(thigh + shank)
    there = len(legs) - int(np.isnan(legs).sum())
    return float(legs[there // 2]) if there else None


@dataclass(frozen=True, eq=False)
class Take:
    """A motion before any camera: world (frames, joints, 3) millimetres, z up; NaN as a clip's."""

    name: str
    subject: str
    action: str
    style: str
    fps: float
    skeleton: Skeleton
    world: NDArray[np.float64]
    notes: tuple[str, ...] = ()  # as a clip's


def film(take: Take, cameras: dict[str, Camera]) -> list[Clip]:
    """The take seen by each camera with perfect 2D (confidence 1).

    A joint that is missing stays where it was last, with confidence 0. Raises BadInput (`project`).
    """
    # one array for all clips: the world is the same from wherever it is seen
    world = take.world.astype(np.float32)
    certain = (~np.any(np.isnan(world), axis=-1)).astype(np.float32)
    clips = []
    for name, camera in cameras.items():
        pose = world_to_camera(camera, take.world)
        # which clip it was is known here only
        try:
            pixels = seen_by(camera, pose).astype(np.float32)
        except BadInput as error:
            raise BadInput(f"clip {take.name}, {name}: {error}") from None
        clip = Clip(
            name=take.name,
            subject=take.subject,
            action=take.action,
            style=take.style,
            camera_name=name,
            fps=take.fps,
            skeleton=take.skeleton,
            keypoints=pixels,
            confidence=certain,
            # projected in float64 and rounded last, as the pixels are
            camera_pose=pose.astype(np.float32),
            world_pose=world,
            camera=camera,
            notes=take.notes,
        )
        clips.append(clip)
    return clips


def crop(take: Take, fraction: float) -> Take:
    """The middle `fraction` of a take, at least 16 frames where it has them.

    So a smoke run keeps every action and style.
    """
    return replace(take, world=take.world[middle_of(len(take.world), fraction)])


def middle_of(frames: int, fraction: float) -> slice:
    """The middle `fraction` of so many frames, at least 16 where there are so many."""
    keep = min(frames, max(LEAST, round(frames * fraction)))
    start = (frames - keep) // 2
    return slice(start, start + keep)


def distinct(clips: Sequence[Clip], source: str) -> None:
    """Raise BadInput for no clips, and for two of one name: they would be taken for one."""
    if not clips:
        raise BadInput(f"{source}: no clips in it; give data with at least one")
    found = Counter((clip.name, clip.camera_name) for clip in clips)
    (name, camera), count = found.most_common(1)[0]
    if count > 1:
        seen = f" of camera {camera}" if camera else ""
        raise BadInput(
            f"{source}: {count} clips{seen} are called {shortened(name)}; give their files"
            " names of their own"
        )
