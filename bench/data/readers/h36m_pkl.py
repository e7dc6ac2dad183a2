"""Human3.6M as MotionBERT's pickle: detected keypoints, and poses in scaled image space.

That space is the one its numbers are measured in.

    train, test  ->  joint_2d (N, 17, 2) px, confidence (N, 17 or 17, 1),
                     joint3d_image (N, 17, 3) px, camera_name, source, action (N,)
    test         ->  also joints_2.5d_image (N, 17, 3) mm and 2.5d_factor (N,) mm per px

`source` is the video (`s_09_act_02_subact_01_ca_01`); a run of frames of one source is a clip.
joint3d_image is the pose in the scaled image space (`image_space.py`). The truth is relative to the
root, joints_2.5d_image where it is given and joint3d_image times the factor elsewhere; the root
stands at the depth that belongs to the factor. Training frames have no factor: it follows from the
root's depth, which two or more cameras of a take determine. Takes with neither are clips without
poses. World poses do not exist in this space. A folder is read as MotionBERT's cut clips
(`_motionbert_clips.py`).
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from bench.data.clip import Clip
from bench.data.formats.checks import array, in_pixels
from bench.data.formats.pickles import load_pickle
from bench.data.geometry import h36m_cameras
from bench.data.geometry.cameras import Camera, Rig
from bench.data.geometry.image_space import depth_at, factor_at
from bench.data.geometry.skeletons import H36M17
from bench.data.pieces import middle
from bench.data.readers import _motionbert_clips
from models.errors import BadInput

SOURCE = (
    "h36m-pkl:FILE, Human3.6M as MotionBERT's pickle (keypoints of a detector, poses in"
    " scaled image space)"
)

SPLITS = ("train", "test")
KEYS = ("joint_2d", "joint3d_image", "camera_name", "source", "action")
TRUTH, FACTOR = "joints_2.5d_image", "2.5d_factor"
VIDEO = re.compile(r"s_(\d{1,3})_act_(\d{1,3})_subact_(\d{1,3})_ca_\d{1,3}")
FACTORS = (0.01, 1000.0)  # mm per pixel: somebody from a centimetre to a kilometre away
JOINTS = len(H36M17.joints)
LONG = 100  # characters; longer names would fill a message's line

IMAGE_SPACE = f"poses are in image space, scaled ({TRUTH})"
NO_POSES = (
    "no poses: the file gives no 2.5d_factor here, and only one camera of the take"
)

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False, kw_only=True)
class Run:
    """The frames of one video, as they stand together in a split."""

    where: str
    source: str
    camera_name: str
    action: str
    keypoints: Array  # (frames, 17, 2) px
    confidence: Array  # (frames, 17)
    image: Array  # (frames, 17, 3) px of the scaled image space
    truth: Array | None  # (frames, 17, 3) mm
    factor: Array | None  # (frames,) mm per px

    @functools.cached_property
    def labels(self) -> tuple[str, str, str]:
        """Take, subject and subaction.

        The source stands for take and subject where it is not named as in the dataset.
        """
        found = VIDEO.fullmatch(self.source)
        if not found:
            return self.source, self.source, ""
        subject, action, subaction = map(int, found.groups())
        take = f"S{subject}_act_{action:02}_subact_{subaction:02}"
        return take, f"S{subject}", str(subaction)

    @functools.cached_property
    def camera(self) -> Camera:
        """The studio's camera; for a subject it never saw, at the world's origin."""
        if h36m_cameras.knows(self.labels[1]):
            return h36m_cameras.camera(self.labels[1], self.camera_name)
        # The lenses are the same for all subjects, only the places were measured anew.
        known = h36m_cameras.camera("S1", self.camera_name)
        return dataclasses.replace(known, rotation=np.eye(3), translation=np.zeros(3))


def load(
    location: str, *, rig: Rig | None = None, seed: int = 0, small: float = 1.0
) -> list[Clip]:
    """A clip for each video, in the file's order; `small` keeps the middle of each.

    `rig` and `seed` are not used. Raises BadInput naming split, key and frame or video for what is
    missing, of another shape or length, or not finite.
    """
    path = Path(location)
    clips = _motionbert_clips.load(path) if path.is_dir() else _file(path)
    return clips if small == 1 else [middle(clip, small) for clip in clips]


def _file(path: Path) -> list[Clip]:
    """The videos of a file."""
    content = load_pickle(path)
    found = [
        split for split in SPLITS if isinstance(content, dict) and split in content
    ]
    if not found:
        raise BadInput(
            f"{path}: a {type(content).__name__} without train or test came; MotionBERT's"
            " h36m_*.pkl was due"
        )
    runs: list[Run] = []
    for split in found:
        runs += _runs(content[split], f"{path}: {split}")
    _check_unique(runs)
    scales = _factors(runs)
    # The file's name is all that tells one detector from another.
    return [
        _clip(run, scales.get((run.labels[0], run.camera_name)), detector=path.stem)
        for run in runs
    ]


def _runs(table: object, where: str) -> list[Run]:
    """The videos of a split."""
    lacking = [key for key in KEYS if not isinstance(table, dict) or key not in table]
    if not isinstance(table, dict) or lacking:
        raise BadInput(
            f"{where}: {', '.join(lacking)} missing; the keys of MotionBERT's pickle"
            " were due"
        )
    here = f"{where}, joint3d_image"
    image = array(table["joint3d_image"], (-1, JOINTS, 3), here, missing=True)
    count = len(image)
    if not count:
        raise BadInput(f"{where}: zero frames; leave the split out")
    pixels = _keypoints(table["joint_2d"], count, f"{where}, joint_2d")
    sure = _confidence(table, count, where)
    truth, factor = _scale(table, count, where)
    source, camera, action = (
        _words(table[key], count, f"{where}, {key}")
        for key in ("source", "camera_name", "action")
    )
    runs: list[Run] = []
    start = 0
    # Frames of all videos lie end to end; nothing but a change of the name parts them.
    for name, group in itertools.groupby(source):
        part, video = slice(start, start + len(list(group))), f"{where}, {name}"
        run = Run(
            where=video,
            source=name,
            camera_name=_camera(_one(camera[part], video), video),
            action=_one(action[part], video),
            keypoints=pixels[part],
            confidence=sure[part],
            image=image[part],
            truth=None if truth is None else truth[part],
            factor=None if factor is None else factor[part],
        )
        runs.append(run)
        start = part.stop
    return runs


def _scale(
    table: Mapping[str, Any], count: int, where: str
) -> tuple[Array | None, Array | None]:
    """Truth (N, 17, 3) mm and factor (N,) mm per px, where the split has them."""
    truth = factor = None
    if TRUTH in table:
        here = f"{where}, {TRUTH}"
        truth = array(table[TRUTH], (count, JOINTS, 3), here, missing=True)
    if FACTOR in table:
        factor = array(table[FACTOR], (count,), f"{where}, {FACTOR}")
    # Without it nobody knows how far away the root of the truth stands.
    if factor is None and truth is not None:
        raise BadInput(
            f"{where}: {FACTOR} is missing; millimetres per pixel of each frame were due"
            f" with {TRUTH}"
        )
    if factor is not None and not ((factor > FACTORS[0]) & (factor < FACTORS[1])).all():
        raise BadInput(
            f"{where}: {FACTOR} is {factor.min():g} to {factor.max():g}; millimetres per"
            " pixel were due, about 4"
        )
    return truth, factor


def _keypoints(value: Any, count: int, where: str) -> Array:
    """(N, 17, 2) px; a third number of a joint is left out."""
    channels = 3 if getattr(value, "shape", ())[2:] == (3,) else 2
    found = array(value, (count, JOINTS, channels), where)[..., :2]
    in_pixels(found, where)
    return found


def _confidence(table: Mapping[str, Any], count: int, where: str) -> Array:
    """(N, 17), ones where the detector gave none."""
    value = table.get("confidence")
    if value is None:
        return np.ones((count, JOINTS))
    shape = (count, JOINTS, 1) if getattr(value, "ndim", 2) == 3 else (count, JOINTS)
    return array(value, shape, f"{where}, confidence").reshape(count, JOINTS)


def _words(value: Any, count: int, where: str) -> list[str]:
    """A list of names, one a frame."""
    try:
        words = value.tolist() if isinstance(value, np.ndarray) else value
    except ValueError:  # text that is no Unicode
        words = None
    if not isinstance(words, list | tuple):
        _refuse_names(type(value).__name__, count, where)
    if len(words) != count:
        _refuse_names(f"{len(words)} names", count, where)
    # Sets first: there are a million frames, and a handful of types and names among them.
    wrong = next(
        (kind for kind in set(map(type, words)) if kind not in (str, int)), None
    )
    if wrong or not all(map(_readable, set(map(str, words)))):
        raise BadInput(
            f"{where}: {wrong.__name__ if wrong else 'unreadable text'} among the names;"
            " text was due"
        )
    return list(map(str, words))


def _refuse_names(came: str, count: int, where: str) -> NoReturn:
    raise BadInput(f"{where}: {came} came; one name for each of {count} frames was due")


def _readable(name: str) -> bool:
    return len(name) < LONG and name.isprintable()


def _one(words: Sequence[str], where: str) -> str:
    """The name that all frames of a video have."""
    if len(set(words)) > 1:
        raise BadInput(
            f"{where}: {' and '.join(sorted(set(words))[:3])} in one video; each source is"
            " one action and one camera"
        )
    return words[0]


def _camera(name: str, where: str) -> str:
    if name not in h36m_cameras.names():
        raise BadInput(
            f"{where}: camera {name!r} is none of {', '.join(h36m_cameras.names())};"
            " correct its name"
        )
    return name


def _check_unique(runs: list[Run]) -> None:
    """Raise BadInput where a video stands in several places: its clips would share a name."""
    seen: set[tuple[str, str]] = set()
    for run in runs:
        if (run.labels[0], run.camera_name) in seen:
            raise BadInput(
                f"{run.where}: this video comes twice, or its frames are not together; sort"
                " the file by source and frame"
            )
        seen.add((run.labels[0], run.camera_name))


def _factors(runs: Sequence[Run]) -> dict[tuple[str, str], Array]:
    """mm per pixel by take and camera, for takes that lack it and that several cameras saw."""
    takes: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        if run.factor is None and h36m_cameras.knows(run.labels[1]):
            takes[run.labels[0]].append(run)
    found: dict[tuple[str, str], Array] = {}
    for take, views in takes.items():
        # Views of unequal length cannot be matched frame by frame.
        if len(views) == 1 or len({len(view.image) for view in views}) > 1:
            continue
        cameras = [view.camera for view in views]
        root = _triangulate(cameras, [view.image[:, 0, :2] for view in views])
        for view, camera in zip(views, cameras, strict=True):
            depth = (root @ camera.rotation.T + camera.translation)[:, 2]
            # NaN where one of them lacks the root
            if (depth <= 0).any() or np.isnan(depth).all():
                raise BadInput(
                    f"{view.where}: the cameras of {take} do not see one root;"
                    " joint3d_image or camera names are wrong"
                )
            found[take, view.camera_name] = factor_at(camera, depth)
    return found


def _triangulate(cameras: Sequence[Camera], pixels: Sequence[Array]) -> Array:
    """World points (frames, 3) mm from what pinhole cameras see (each (frames, 2) px).

    Linear least squares.
    """
    # the normal equations of each frame
    matrix = np.zeros((len(pixels[0]), 3, 3))
    right = np.zeros((len(pixels[0]), 3))
    for camera, seen in zip(cameras, pixels, strict=True):
        ray = (seen - camera.centre) / camera.focal
        # (ray * third row - own row) X = own shift - ray * third shift
        for axis in range(2):
            row = ray[:, axis, None] * camera.rotation[2] - camera.rotation[axis]
            value = camera.translation[axis] - ray[:, axis] * camera.translation[2]
            matrix += row[:, :, None] * row[:, None, :]
            right += row * value[:, None]
    try:
        return np.asarray(np.linalg.solve(matrix, right[..., None])[..., 0], np.float64)
    except np.linalg.LinAlgError:  # all see it in one direction
        return np.full_like(right, np.nan)  # which no depth above 0 comes of


def _clip(run: Run, told: Array | None, *, detector: str) -> Clip:
    """Root-relative truth, put where the factor says the root stands."""
    factor = told if run.factor is None else run.factor
    pose = None if factor is None else _pose(run, factor)
    take, subject, subaction = run.labels
    try:
        return Clip(
            name=take,
            subject=subject,
            action=run.action,
            style=subaction,
            camera_name=run.camera_name,
            fps=h36m_cameras.FPS,
            skeleton=H36M17,
            keypoints=run.keypoints.astype(np.float32),
            confidence=run.confidence.astype(np.float32),
            camera_pose=pose,
            world_pose=None,
            camera=run.camera,
            notes=(NO_POSES if pose is None else IMAGE_SPACE,),
            detector=detector,
        )
    except BadInput as error:
        raise BadInput(f"{run.where}: {error}") from None


def _pose(run: Run, factor: Array) -> NDArray[np.float32]:
    """(frames, 17, 3) mm in the camera frame, float32."""
    image, camera = run.image, run.camera
    truth = image * factor[:, None, None] if run.truth is None else run.truth
    depth = depth_at(camera, factor)
    ray = (image[:, 0, :2] - camera.centre) / camera.focal
    root = np.c_[ray * depth[:, None], depth]
    return (truth - truth[:, :1] + root[:, None]).astype(np.float32)
