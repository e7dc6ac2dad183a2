"""mmpose's lists of single pictures for 3D lifting, put together again as clips.

Human3.6M or MPI-INF-3DHP as one npz of rows:

    imgname (N,) text            S1_Directions_1.54138969_000001.jpg, or S1_Seq1_Cam0_000001.jpg
                                 and TS1_000001.jpg, with folders before it
    part (N, 17, 3)              pixels and visibility
    center (N, 2), scale (N,)    boxes, of which lifting makes no use
    S (N, 17, 4)                 metres in the camera frame and visibility; one that is 0, or
                                 NaN, marks a joint that is missing in the truth

Cameras are those of the pickles that mmpose keeps beside the list or a folder above, cameras.pkl,
cameras_train.pkl and cameras_test.pkl: by (subject, camera) or S1_Seq1_Cam0 {f, c, k, p in pixels,
R camera to world, T metres}. Without them Human3.6M's are known and 3DHP's are told from the
joints. `mmpose:FILE@DETECTIONS.npy`, a file beside the list, takes a detector's x, y, confidence
(N, 17, 3) for the keypoints. Pictures of a take are sorted by number; the smallest step between
them tells the frame rate.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.data.clip import Clip
from bench.data.formats.checks import ahead, array, in_pixels, mapping
from bench.data.formats.pickles import load_npy, load_npz, load_pickle
from bench.data.geometry import h36m_cameras
from bench.data.geometry.cameras import Camera, Rig, camera_to_world
from bench.data.geometry.conventions import extrinsics
from bench.data.geometry.skeletons import DHP17, H36M17, Skeleton
from bench.data.pieces import middle
from bench.data.readers._dhp_facts import Y_UP, frame_rate, picture_size, told
from models.errors import BadInput

SOURCE = (
    "mmpose:FILE[@DETECTIONS.npy], an npz list of Human3.6M or MPI-INF-3DHP as mmpose makes"
    " it, cameras.pkl beside it"
)

Array = NDArray[np.float64]

# The number after an action is the take's, one of two; eight digits name a camera of the studio.
H36M = re.compile(
    r"(?P<take>(?P<subject>S\d{1,2})_(?P<action>[A-Za-z]+)(_\d{1,2})?)"
    r"\.(?P<camera>\d{8})_(?P<frame>\d{1,9})\.\w+"
)
# A test sequence has neither a sequence number nor a camera in its pictures' names.
DHP = re.compile(
    r"(?P<take>(?P<subject>T?S\d)(_(?P<action>Seq\d))?)"
    r"(_Cam(?P<camera>\d{1,2}))?_(?P<frame>\d{1,9})\.\w+"
)
PICKLES = ("cameras.pkl", "cameras_train.pkl", "cameras_test.pkl")


@dataclass(frozen=True)
class View:
    """A take as one camera saw it, and its rows in the list by frame number."""

    take: str
    subject: str
    action: str
    camera: str
    skeleton: Skeleton
    rows: Mapping[int, int]

    @property
    def key(self) -> object:
        """The camera's key in mmpose's pickles."""
        if self.skeleton is H36M17:
            return self.subject, self.camera
        return f"{self.take}_Cam{self.camera}" if self.action else self.take

    @property
    def fps(self) -> float:
        """Frames a second, told from the smallest step between pictures."""
        if self.skeleton is H36M17:
            recorded = h36m_cameras.FPS
        else:
            recorded = frame_rate(self.subject, self.action)
        if len(self.rows) == 1:
            return recorded
        # the smallest: pictures may be missing anywhere, and leave larger ones
        return recorded / int(np.diff(sorted(self.rows)).min())


@dataclass(frozen=True, kw_only=True, eq=False)
class Listed:
    """A list as it was read: its rows, and the cameras that lie beside it."""

    path: Path
    seen: Array  # (N, 17, 3) pixels and confidence
    pose: Array  # (N, 17, 3) mm in the camera frame
    cameras: Mapping[object, tuple[object, Path]] | None  # with the pickle of each
    detector: str


def load(
    location: str, *, rig: Rig | None = None, seed: int = 0, small: float = 1.0
) -> list[Clip]:
    """A clip for each take and camera of the list; `small` keeps the middle of each.

    `rig` and `seed` are not used. Raises BadInput for an unreadable list, names of another kind, a
    camera that is missing, and numbers that do not fit.
    """
    path, detections = _location(location)
    content = mapping(load_npz(path), str(path), "imgname", "part", "S")
    views = _views(content["imgname"], path)
    count = sum(len(view.rows) for view in views)
    given = array(content["S"], (count, 17, 4), f"{path}: S", missing=True)
    pose = np.where(given[..., 3:] > 0, given[..., :3] * 1000, np.nan)
    seen = array(content["part"], (count, 17, 3), f"{path}: part")
    if detections is not None:
        seen = array(load_npy(detections), (count, 17, 3), str(detections))
    listed = Listed(
        path=path,
        seen=seen,
        pose=pose,
        cameras=_cameras(path),
        detector=detections.stem if detections else "",
    )
    clips = [_clip(view, listed) for view in views]
    return clips if small == 1 else [middle(clip, small) for clip in clips]


def _location(location: str) -> tuple[Path, Path | None]:
    """The list, and the detections beside it that are named after it."""
    path, at, last = location.rpartition("@")
    if not at or not last.endswith(".npy"):
        return Path(location), None
    if Path(last).name != last:
        raise BadInput(
            f"mmpose:{location}: {last} is not a file beside {path}; give its name alone"
        )
    return Path(path), Path(path).with_name(last)


def _views(names: Any, path: Path) -> list[View]:
    """Rows gathered by take and camera."""
    listed = isinstance(names, np.ndarray) and names.ndim == 1 and len(names) > 0
    # text, bytes of Python 2, or objects, which are looked at one by one
    if not listed or names.dtype.kind not in "USO":
        raise BadInput(f"{path}: imgname is no list of names; one for each row was due")
    rows: dict[tuple[str, str, str, str], dict[int, int]] = defaultdict(dict)
    for row, name in enumerate(names.tolist()):
        text = name.decode("latin-1") if isinstance(name, bytes) else str(name)
        picture = text.rpartition("/")[2]
        found = H36M.fullmatch(picture) or DHP.fullmatch(picture)
        if found is None:
            raise BadInput(
                f"{path}: imgname {row} is {text[-60:]!r};"
                " S1_Directions_1.54138969_000001.jpg or S1_Seq1_Cam0_000001.jpg was due"
            )
        # a group that did not take part is None, which would not sort among the texts
        action, camera = found["action"] or "", found["camera"] or ""
        take = rows[found["take"], found["subject"], action, camera]
        if take.setdefault(int(found["frame"]), row) != row:
            raise BadInput(
                f"{path}: imgname {row} is {text[-60:]!r} for a second time; leave one of"
                " them out"
            )
    return [
        View(*key, H36M17 if len(key[3]) == 8 else DHP17, frames)
        for key, frames in sorted(rows.items())
    ]


def _cameras(path: Path) -> dict[object, tuple[object, Path]] | None:
    """mmpose's pickles beside the list or a folder above as one; None where there are none."""
    folders = (path.parent, path.absolute().parent.parent)
    beside = [folder / name for folder in folders for name in PICKLES]
    found = [file for file in beside if file.is_file()]
    cameras: dict[object, tuple[object, Path]] = {}
    for file in reversed(found):  # so that the nearest has the last word
        for key, value in mapping(load_pickle(file), str(file)).items():
            cameras[key] = (value, file)
    return cameras if found else None


def _clip(view: View, listed: Listed) -> Clip:
    order = [view.rows[frame] for frame in sorted(view.rows)]
    seen, pose = listed.seen[order], listed.pose[order]
    where = f"{listed.path}: {view.take}"
    if view.camera:
        where += f", camera {view.camera}"
    ahead(pose, view.skeleton.joints, where)
    in_pixels(seen[..., :2], where)
    camera, known = _camera(view, seen[..., :2], pose, listed.cameras, where)
    world = camera_to_world(camera, pose).astype(np.float32) if known else None
    try:
        return Clip(
            name=view.take,
            subject=view.subject,
            action=view.action or view.subject,
            style="",
            camera_name=view.camera or "0",
            fps=view.fps,
            skeleton=view.skeleton,
            keypoints=seen[..., :2].astype(np.float32),
            # some detectors' are not bounded
            confidence=seen[..., 2].clip(0, 1).astype(np.float32),
            camera_pose=pose.astype(np.float32),
            world_pose=world,
            camera=camera,
            notes=() if known else ("where the camera stood is not given",),
            detector=listed.detector,
        )
    except BadInput as error:
        raise BadInput(f"{listed.path}: {error}") from None


def _camera(
    view: View,
    pixels: Array,
    pose: Array,
    cameras: Mapping[object, tuple[object, Path]] | None,
    where: str,
) -> tuple[Camera, bool]:
    """The camera, and whether its place in the world is known."""
    size = picture_size(view.subject)
    if cameras is None and view.skeleton is DHP17:
        return told(pose, pixels, size, where), False
    if cameras is None:
        return _named(view, where), True
    if view.key not in cameras:
        raise BadInput(
            f"{where}: key {view.key!r} is missing in {' and '.join(PICKLES)}; take the"
            " pickles that were made with the list"
        )
    value, file = cameras[view.key]
    here = f"{file}: {view.key!r}"
    given = mapping(value, here, "f", "c", "w", "h")
    if view.skeleton is H36M17:
        # 3DHP's are not taken: its pickles' heights have misprints
        width = int(array(given["w"], (), f"{here}, w"))
        size = (width, int(array(given["h"], (), f"{here}, h")))
    axes = np.eye(3) if view.skeleton is H36M17 else Y_UP
    # the test set's cameras have lenses and no places
    return _calibrated(given, size, axes, here), "R" in given


def _named(view: View, where: str) -> Camera:
    try:
        return h36m_cameras.camera(view.subject, view.camera)
    except BadInput as error:
        raise BadInput(f"{where}: {error}; lay cameras.pkl beside the list") from None


def _calibrated(
    given: Mapping[str, Any], size: tuple[int, int], axes: Array, where: str
) -> Camera:
    """A camera of the pickles, its world turned by `axes`."""
    counts = {"f": 2, "c": 2, "k": 3, "p": 2}
    lens = {
        name: _flat(given.get(name, [0.0] * count), count, f"{where}, {name}")
        for name, count in counts.items()
    }
    turn = array(given.get("R", np.eye(3)), (3, 3), f"{where}, R")
    move = _flat(given.get("T", [0.0] * 3), 3, f"{where}, T") * 1000
    try:
        rotation, translation = extrinsics("mmpose", axes @ turn, axes @ move)
        return Camera(
            rotation=rotation,
            translation=translation,
            focal=lens["f"],
            centre=lens["c"],
            width=size[0],
            height=size[1],
            radial=lens["k"],
            tangential=lens["p"][::-1],  # of the two numbers the one of y stands first
        )
    except BadInput as error:
        raise BadInput(f"{where}: {error}") from None


def _flat(value: object, count: int, where: str) -> Array:
    """Numbers in a row, whether they come as (n,), (n, 1) or (1, n)."""
    flat = value.ravel() if isinstance(value, np.ndarray) else value
    return array(flat, (count,), where)
