"""Human3.6M in the JSON files of Moon and Lee's Integral and Pose2Mesh.

For each subject one file of cameras, one of poses and one of pictures:

    Human36M_subject9_camera.json     {camera: {R 3x3, t (3,) mm, f (2,), c (2,)}},
                                      X_camera = R X + t
    Human36M_subject9_joint_3d.json   {action: {subaction: {frame: 17 x 3, world millimetres}}}
    Human36M_subject9_data.json       COCO: images [{id, width, height, action_idx, subaction_idx,
                                      frame_idx, cam_idx, file_name}], annotations [{image_id,
                                      bbox x, y, width, height}]

The files lie in the folder or in its `annotations`. The third is optional: without it every camera
shows every frame and the pictures have the dataset's sizes. Where there is a folder `images` beside
them, clips know the files of their pictures, and the person's box; they are opened only for a model
that looks at them.
Keypoints are those of the annotations (51 numbers: x, y, visibility) where every one has them, else
the projected joints: these files hold no lens distortion.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.data.clip import Clip
from bench.data.formats.checks import ahead, array, in_pixels, mapping, sequence, whole
from bench.data.formats.json_file import read
from bench.data.geometry.cameras import (
    Camera,
    Rig,
    world_to_camera,
)
from bench.data.geometry.conventions import extrinsics
from bench.data.geometry.held import seen_by
from bench.data.geometry.skeletons import H36M17
from bench.data.pieces import middle
from bench.data.readers import _coco_pictures
from bench.data.readers._coco_pictures import Image
from models.errors import BadInput

SOURCE = (
    "h36m-coco:FOLDER, Human3.6M as Pose2Mesh's JSON files (camera, joint_3d and, where"
    " they are, data)"
)

Array = NDArray[np.float64]

FPS = 50.0  # of the recording; pictures may be every n-th of it
JOINTS = len(H36M17.joints)
PROJECTED = "keypoints are the projected joints: not every picture has some annotated"
METRES = 100.0  # a camera's t below it is not millimetres
# fmt: off
NAMES = (
    "Directions", "Discussion", "Eating", "Greeting", "Phoning", "Posing", "Purchases",
    "Sitting", "SittingDown", "Smoking", "Photo", "Waiting", "Walking", "WalkDog", "WalkTogether",
)
# fmt: on
ACTIONS = dict(enumerate(NAMES, start=2))  # the dataset numbers its actions from 2
CAMERAS = {1: "54138969", 2: "55011271", 3: "58860488", 4: "60457274"}
SIZES = {1: (1000, 1002), 4: (1000, 1002)}  # width and height
SQUARE = (1000, 1000)  # of the others

Frames = Mapping[int, object]  # poses by frame, each still as it stands in the file


class Shot(NamedTuple):
    """A take as one camera filmed it, by the dataset's numbers."""

    action: int
    subaction: int
    camera: int

    @property
    def text(self) -> str:
        """How messages name it."""
        return f"action {self.action}, subaction {self.subaction}, camera {self.camera}"


@dataclass(frozen=True)
class Shown:
    """What a camera shows of a take."""

    size: tuple[int, int]
    frames: tuple[int, ...]  # their numbers in the recording, sorted
    # with visibility (17, 3), of the frames that have some
    keypoints: Mapping[int, Array]
    files: tuple[str, ...] | None = None  # of the frames
    boxes: NDArray[np.float32] | None = None  # (frames, 4), where all have one

    @property
    def annotated(self) -> bool:
        """Whether every frame has keypoints of its own."""
        return len(self.keypoints) == len(self.frames)

    @property
    def step(self) -> int:
        """Frames of the recording from one picture to the next; the least, where some lack."""
        return int(np.diff(self.frames).min()) if len(self.frames) > 1 else 1


@dataclass(frozen=True)
class Subject:
    """A subject's files of poses and of cameras, the values in them not looked at yet."""

    folder: Path
    number: int
    poses: Mapping[tuple[int, int], Frames]  # by action and subaction
    cameras: Mapping[int, Mapping[str, Any]]

    def file(self, kind: str) -> Path:
        """Where the file of a kind is."""
        return _file(self.folder, self.number, kind)


def load(
    location: str, *, rig: Rig | None = None, seed: int = 0, small: float = 1.0
) -> list[Clip]:
    """A clip for each subject, action, subaction and camera; `small` keeps the middle of each.

    `rig` and `seed` are not used. Raises BadInput for a folder without such files, and naming file,
    subject, action and frame where one does not hold what is due.
    """
    folder = _folder(Path(location))
    # as numbers: by text, subject 11 would come before 5
    subjects = sorted(
        whole(found[1], str(path)) for path, found in _files(folder, "joint_3d")
    )
    if not subjects:
        raise BadInput(
            f"h36m-coco:{location}: no Human36M_subject*_joint_3d.json here or in"
            " annotations; give the folder that holds them"
        )
    clips = [clip for number in subjects for clip in _clips(folder, number)]
    return clips if small == 1 else [middle(clip, small) for clip in clips]


def _folder(path: Path) -> Path:
    inside = path / "annotations"
    return inside if inside.is_dir() and not _files(path, "joint_3d") else path


def _files(folder: Path, kind: str) -> list[tuple[Path, re.Match[str]]]:
    name = re.compile(rf"Human36M_subject(\d{{1,4}})_{kind}\.json")
    found = ((path, name.fullmatch(path.name)) for path in folder.glob("*.json"))
    return [(path, match) for path, match in found if match]


def _file(folder: Path, number: int, kind: str) -> Path:
    return folder / f"Human36M_subject{number}_{kind}.json"


def _clips(folder: Path, number: int) -> list[Clip]:
    """The clips of one subject, sorted by action, subaction and camera."""
    subject = Subject(
        folder,
        number,
        poses=_poses(_file(folder, number, "joint_3d")),
        cameras=_cameras(_file(folder, number, "camera")),
    )
    data = subject.file("data")
    pictures = _coco_pictures.folder(folder)
    shown = _shown(data, pictures) if data.exists() else _everything(subject)
    return [_clip(subject, shot, shown[shot]) for shot in sorted(shown)]


def _poses(path: Path) -> dict[tuple[int, int], Frames]:
    """Frames by action and subaction."""
    found: dict[tuple[int, int], Frames] = {}
    for action, subactions in _numbered(read(path), str(path)).items():
        where = f"{path}: action {action}"
        for subaction, frames in _numbered(subactions, where).items():
            here = f"{where}, subaction {subaction}"
            found[action, subaction] = _numbered(frames, here)
    return found


def _cameras(path: Path) -> dict[int, Mapping[str, Any]]:
    return {
        key: mapping(value, f"{path}: camera {key}", "R", "t", "f", "c")
        for key, value in _numbered(read(path), str(path)).items()
    }


def _numbered(value: object, where: str) -> dict[int, Any]:
    """An object whose keys are whole numbers, at least one. Raises BadInput."""
    given = mapping(value, where)
    found = {whole(key, where): inner for key, inner in given.items()}
    if not found or len(found) < len(given):  # `2` and `02` are one number
        raise BadInput(
            f"{where}: {'a number comes twice' if found else 'nothing'} in it; leave it out"
            " or repair the file"
        )
    return found


def _everything(subject: Subject) -> dict[Shot, Shown]:
    """Every camera shows every frame."""
    return {
        Shot(*take, camera): Shown(SIZES.get(camera, SQUARE), tuple(sorted(frames)), {})
        for take, frames in subject.poses.items()
        for camera in subject.cameras
    }


def _shown(path: Path, pictures: Path | None) -> dict[Shot, Shown]:
    """What the list of pictures says each camera shows."""
    content = mapping(read(path), str(path), "images", "annotations")
    keypoints = _keypoints(content["annotations"], path)
    shots = _images(content["images"], path, pictures)
    _coco_pictures.check_owners(content["annotations"], shots.values(), path)
    boxes = _coco_pictures.boxes(content["annotations"], shots.values(), path)
    found: dict[Shot, Shown] = {}
    for shot, frames in shots.items():
        sizes = {(image.width, image.height) for image in frames.values()}
        if len(sizes) > 1:  # a clip has one camera, and a camera one size
            raise BadInput(
                f"{path}: {shot.text}: pictures of several sizes; one was due"
            )
        annotated = {
            frame: keypoints[image.id]
            for frame, image in frames.items()
            if image.id in keypoints
        }
        found[shot] = Shown(
            sizes.pop(),
            tuple(sorted(frames)),
            annotated,
            *_coco_pictures.shown([frames[frame] for frame in sorted(frames)], boxes),
        )
    if not found:
        raise BadInput(
            f"{path}: no images; leave the file out to take every frame of every camera"
        )
    return found


def _images(
    images: object, path: Path, pictures: Path | None
) -> dict[Shot, dict[int, Image]]:
    """The pictures of each shot by frame."""
    shots: dict[Shot, dict[int, Image]] = defaultdict(dict)
    fields = (
        *("action_idx", "subaction_idx", "cam_idx", "frame_idx"),
        *("width", "height", "id"),
    )
    for place, value in enumerate(sequence(images, f"{path}: images")):
        where = f"{path}: image {place}"
        row = mapping(value, where, *fields)
        numbers = [whole(row[name], where) for name in fields]
        file = _coco_pictures.file(pictures, row, where) if pictures else ""
        shot, (frame, width, height, id) = Shot(*numbers[:3]), numbers[3:]
        image = Image(width, height, id, file)
        # The same picture may be listed again; another one under its number may not.
        if shots[shot].setdefault(frame, image) != image:
            raise BadInput(
                f"{where}: frame {frame} of {shot.text} comes twice; leave one out"
            )
    return shots


def _keypoints(annotations: object, path: Path) -> dict[int, Array]:
    """x, y, visibility (17, 3) by picture, of those annotations that have keypoints."""
    found: dict[int, Array] = {}
    for place, annotation in enumerate(sequence(annotations, f"{path}: annotations")):
        where = f"{path}: annotation {place}"
        if "keypoints" not in mapping(annotation, where, "image_id"):
            continue  # a box alone
        flat = array(annotation["keypoints"], (3 * JOINTS,), f"{where}, keypoints")
        values = flat.reshape(JOINTS, 3)
        if found.setdefault(whole(annotation["image_id"], where), values) is not values:
            raise BadInput(
                f"{where}: a second person in picture {annotation['image_id']}; leave"
                " one out"
            )
    return found


def _clip(subject: Subject, shot: Shot, shown: Shown) -> Clip:
    name = f"S{subject.number}_act_{shot.action:02}_subact_{shot.subaction:02}"
    poses, cameras = subject.file("joint_3d"), subject.file("camera")
    if shot.camera not in subject.cameras:
        raise BadInput(
            f"{cameras}: camera {shot.camera} is missing, and {subject.file('data').name}"
            " shows it; add it or remove its images"
        )
    lens = _camera(
        subject.cameras[shot.camera], shown.size, f"{cameras}: camera {shot.camera}"
    )
    world = _world(
        subject.poses.get((shot.action, shot.subaction), {}),
        shown.frames,
        f"{poses}: action {shot.action}, subaction {shot.subaction}",
    )
    pose = world_to_camera(lens, world)
    ahead(pose, H36M17.joints, f"{cameras}: {name}, camera {shot.camera}")
    try:
        keypoints, confidence = _seen(lens, pose, shown)
        return Clip(
            name=name,
            subject=f"S{subject.number}",
            action=ACTIONS.get(shot.action, str(shot.action)),
            style=str(shot.subaction),
            camera_name=CAMERAS.get(shot.camera, str(shot.camera)),
            fps=FPS / shown.step,
            skeleton=H36M17,
            keypoints=keypoints,
            confidence=confidence,
            camera_pose=pose.astype(np.float32),
            world_pose=world.astype(np.float32),
            camera=lens,
            notes=() if shown.annotated else (PROJECTED,),
            pictures=shown.files,
            boxes=shown.boxes,
        )
    except BadInput as error:
        raise BadInput(f"{poses}: {name}, camera {shot.camera}: {error}") from None


def _camera(values: Mapping[str, Any], size: tuple[int, int], where: str) -> Camera:
    turn = array(values["R"], (3, 3), f"{where}, R")
    move = array(values["t"], (3,), f"{where}, t")
    # A camera at the origin, t = 0, is fine in any unit.
    if move.any() and np.abs(move).max() < METRES:
        raise BadInput(
            f"{where}: t is {move.round(3).tolist()}, which looks like metres; millimetres"
            " were due: multiply by 1000"
        )
    focal = array(values["f"], (2,), f"{where}, f")
    centre = array(values["c"], (2,), f"{where}, c")
    try:
        return Camera(*extrinsics("pose2mesh", turn, move), focal, centre, *size)
    except BadInput as error:
        raise BadInput(f"{where}: {error}") from None


def _world(poses: Frames, frames: tuple[int, ...], where: str) -> Array:
    """World joints (frames, 17, 3) mm."""
    lacking = next((frame for frame in frames if frame not in poses), None)
    if lacking is not None:
        raise BadInput(
            f"{where}: frame {lacking} is missing; the list of images shows it, or leave"
            " the image out"
        )
    try:
        # the quick way for whole takes
        shown = [poses[frame] for frame in frames]
        return array(shown, (-1, JOINTS, 3), where, missing=True)
    except BadInput:
        # frame by frame where something is wrong, to name the frame
        return np.stack(
            [
                array(
                    poses[frame], (JOINTS, 3), f"{where}, frame {frame}", missing=True
                )
                for frame in frames
            ]
        )


def _seen(
    camera: Camera, pose: NDArray[np.floating], shown: Shown
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Keypoints (frames, 17, 2) px and confidence (frames, 17).

    The annotated ones where every frame has them, else projected.
    """
    # A clip of both would jump by a detector's error wherever an annotation lacks.
    if not shown.annotated:
        certain = (~np.any(np.isnan(pose), axis=-1)).astype(np.float32)
        return seen_by(camera, pose).astype(np.float32), certain
    frames = [shown.keypoints[frame] for frame in shown.frames]
    found = np.stack(frames).astype(np.float32)
    in_pixels(found[..., :2], "keypoints")
    # COCO's visibility 1 (hidden) and 2 (seen) are both labelled
    return found[..., :2], found[..., 2].clip(0, 1)
