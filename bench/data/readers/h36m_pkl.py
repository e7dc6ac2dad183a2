"""Human3.6M as MotionBERT's pickle: detected keypoints, and poses in the scaled image space
that its numbers are measured in.

    {train, test} -> joint_2d (N, 17, 2) px, confidence (N, 17 or 17, 1), joint3d_image (N, 17, 3) px, camera_name, source, action (N,)
    test          -> also joints_2.5d_image (N, 17, 3) mm and 2.5d_factor (N,) mm per px

`source` is the video (`s_09_act_02_subact_01_ca_01`); a run of frames of one source is a
clip. joint3d_image is the pose in the scaled image space (`image_space.py`). The truth is
relative to the root, joints_2.5d_image where it is given and joint3d_image times the factor
elsewhere; the root stands at the depth that belongs to the factor. Training frames have no
factor: it follows from the root's depth, which two or more cameras of a take determine.
Takes with neither are clips without poses. World poses do not exist in this space.
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
from typing import Any

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

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Run:
    """The frames of one video: keypoints, confidence and image-space pose in pixels, truth
    in mm and factor in mm per px where given.
    """

    where: str
    source: str
    camera_name: str
    action: str
    keypoints: Array
    confidence: Array
    image: Array
    truth: Array | None
    factor: Array | None

    @functools.cached_property
    def labels(self) -> tuple[str, str, str]:
        """Take, subject and subaction; the source stands for all where it is not named as
        in the dataset.
        """
        found = VIDEO.fullmatch(self.source)
        if not found:
            return self.source, self.source, ""
        subject, action, subaction = map(int, found.groups())
        return (
            f"S{subject}_act_{action:02}_subact_{subaction:02}",
            f"S{subject}",
            str(subaction),
        )

    @functools.cached_property
    def camera(self) -> Camera:
        """The studio's camera; for a subject it never saw, at the world's origin."""
        if h36m_cameras.knows(self.labels[1]):
            return h36m_cameras.camera(self.labels[1], self.camera_name)
        known = h36m_cameras.camera("S1", self.camera_name)
        return dataclasses.replace(known, rotation=np.eye(3), translation=np.zeros(3))


def load(
    location: str, *, rig: Rig | None = None, seed: int = 0, small: float = 1.0
) -> list[Clip]:
    """A clip for each video, in the file's order; `small` keeps the middle of each. `rig`
    and `seed` are not used.

    Raises BadInput naming split, key and frame or video for what is missing, of another
    shape or length, or not finite.
    """
    path = Path(location)
    if path.is_dir():
        raise BadInput(
            f"h36m-pkl:{path}: a folder came; give the path of MotionBERT's h36m_*.pkl file"
        )
    content = load_pickle(path)
    found = [split for split in SPLITS if isinstance(content, dict) and split in content]
    if not found:
        raise BadInput(
            f"{path}: a {type(content).__name__} without train or test came; MotionBERT's"
            " h36m_*.pkl was due"
        )
    runs = _unique(
        [run for split in found for run in _runs(content[split], f"{path}: {split}")]
    )
    scales = _factors(runs)
    clips = [
        _clip(run, scales.get((run.labels[0], run.camera_name)), path.stem) for run in runs
    ]
    return clips if small == 1 else [middle(clip, small) for clip in clips]


def _runs(table: object, where: str) -> list[Run]:
    """The videos of a split."""
    lacking = [key for key in KEYS if not isinstance(table, dict) or key not in table]
    if not isinstance(table, dict) or lacking:
        raise BadInput(
            f"{where}: {', '.join(lacking)} missing; the keys of MotionBERT's pickle"
            " were due"
        )
    image = array(table["joint3d_image"], (-1, JOINTS, 3), f"{where}, joint3d_image")
    if not len(image):
        raise BadInput(f"{where}: zero frames; leave the split out")
    pixels = _keypoints(table["joint_2d"], len(image), f"{where}, joint_2d")
    sure, scale = _confidence(table, len(image), where), _scale(table, len(image), where)
    source, camera, action = (
        _words(table[key], len(image), f"{where}, {key}")
        for key in ("source", "camera_name", "action")
    )
    runs, start = [], 0
    for name, group in itertools.groupby(source):
        part, video = slice(start, start + len(list(group))), f"{where}, {name}"
        labels = (
            video,
            name,
            _camera(_one(camera[part], video), video),
            _one(action[part], video),
        )
        optional = (None if each is None else each[part] for each in scale)
        runs.append(Run(*labels, pixels[part], sure[part], image[part], *optional))
        start = part.stop
    return runs


def _scale(
    table: Mapping[str, Any], count: int, where: str
) -> tuple[Array | None, Array | None]:
    """Truth (N, 17, 3) mm and factor (N,) mm per px, where the split has them."""
    truth = (
        array(table[TRUTH], (count, JOINTS, 3), f"{where}, {TRUTH}")
        if TRUTH in table
        else None
    )
    factor = (
        array(table[FACTOR], (count,), f"{where}, {FACTOR}") if FACTOR in table else None
    )
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
    if not isinstance(words, (list, tuple)) or len(words) != count:
        came = (
            f"{len(words)} names"
            if isinstance(words, (list, tuple))
            else type(value).__name__
        )
        raise BadInput(f"{where}: {came} came; one name for each of {count} frames was due")
    wrong = next((word for word in set(map(type, words)) if word not in (str, int)), None)
    if wrong or not all(
        len(word) < 100 and word.isprintable() for word in set(map(str, words))
    ):
        raise BadInput(
            f"{where}: {wrong.__name__ if wrong else 'unreadable text'} among the names;"
            " text was due"
        )
    return list(map(str, words))


def _one(words: Sequence[str], where: str) -> str:
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


def _unique(runs: list[Run]) -> list[Run]:
    seen: set[tuple[str, str]] = set()
    for run in runs:
        if (run.labels[0], run.camera_name) in seen:
            raise BadInput(
                f"{run.where}: this video comes twice, or its frames are not together; sort"
                " the file by source and frame"
            )
        seen.add((run.labels[0], run.camera_name))
    return runs


def _factors(runs: Sequence[Run]) -> dict[tuple[str, str], Array]:
    """mm per pixel by take and camera, for the takes that lack it and that several cameras
    saw.
    """
    takes: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        if run.factor is None and h36m_cameras.knows(run.labels[1]):
            takes[run.labels[0]].append(run)
    found = {}
    for take, views in takes.items():
        if len(views) > 1 and len({len(view.image) for view in views}) == 1:
            root = _triangulate(
                [view.camera for view in views], [view.image[:, 0, :2] for view in views]
            )
            for view in views:
                depth = (root @ view.camera.rotation.T + view.camera.translation)[:, 2]
                if not (depth > 0).all():
                    raise BadInput(
                        f"{view.where}: the cameras of {take} do not see one root;"
                        " joint3d_image or camera names are wrong"
                    )
                found[take, view.camera_name] = factor_at(view.camera, depth)
    return found


def _triangulate(cameras: Sequence[Camera], pixels: Sequence[Array]) -> Array:
    """World points (frames, 3) mm from what pinhole cameras see (each (frames, 2) px), by
    linear least squares.
    """
    matrix, right = np.zeros((len(pixels[0]), 3, 3)), np.zeros((len(pixels[0]), 3))
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
        return np.full_like(right, np.nan)


def _clip(run: Run, factor: Array | None, detector: str) -> Clip:
    """Root-relative truth, put where the factor says the root stands.

    The file's name is all that tells one detector from another.
    """
    factor = run.factor if run.factor is not None else factor
    name, subject, style = run.labels
    arrays = (run.keypoints.astype(np.float32), run.confidence.astype(np.float32))
    labels = (name, subject, run.action, style, run.camera_name, h36m_cameras.FPS, H36M17)
    if factor is None:
        note = (
            "no poses: the file gives no 2.5d_factor here, and only one camera of the take"
        )
        return Clip(*labels, *arrays, None, None, run.camera, (note,), None, detector)
    image = run.image
    truth = image * factor[:, None, None] if run.truth is None else run.truth
    depth = depth_at(run.camera, factor)
    root = np.c_[
        (image[:, 0, :2] - run.camera.centre) / run.camera.focal * depth[:, None], depth
    ]
    pose = (truth - truth[:, :1] + root[:, None]).astype(np.float32)
    note = f"poses are in image space, scaled ({TRUTH})"
    try:
        return Clip(*labels, *arrays, pose, None, run.camera, (note,), None, detector)
    except BadInput as error:
        raise BadInput(f"{run.where}: {error}") from None
