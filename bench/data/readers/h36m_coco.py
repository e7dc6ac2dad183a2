"""Human3.6M in the JSON files of Moon and Lee's Integral and Pose2Mesh: for each subject
one of cameras, of poses and of pictures.

    Human36M_subject9_camera.json     {camera: {R 3x3, t (3,) mm, f (2,), c (2,)}}, X_camera = R X + t
    Human36M_subject9_joint_3d.json   {action: {subaction: {frame: 17 x 3, world millimetres}}}
    Human36M_subject9_data.json       COCO: images [{id, width, height, action_idx, subaction_idx, frame_idx, cam_idx}], annotations

The files lie in the folder or in its `annotations`. The third is optional: without it every
camera shows every frame and the pictures have the dataset's sizes; pictures themselves are
never opened. Keypoints are those of the annotations (51 numbers: x, y, visibility) where
every one has them, else the projected joints: these files hold no lens distortion.
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
from bench.data.formats.checks import ahead, array, in_pixels, mapping, sequence, whole
from bench.data.formats.json_file import read
from bench.data.geometry.cameras import Camera, Rig, extrinsics, project, world_to_camera
from bench.data.geometry.skeletons import H36M17
from bench.data.pieces import middle
from models.errors import BadInput

SOURCE = (
    "h36m-coco:FOLDER, Human3.6M as Pose2Mesh's JSON files (camera, joint_3d and, where"
    " they are, data)"
)

FPS = 50.0
JOINTS = len(H36M17.joints)
PROJECTED = "keypoints are the projected joints: not every picture has some annotated"
METRES = 100.0  # a camera's t below it is not millimetres
ACTIONS = dict(
    enumerate(
        (
            *(
                "Directions",
                "Discussion",
                "Eating",
                "Greeting",
                "Phoning",
                "Posing",
                "Purchases",
                "Sitting",
                "SittingDown",
                "Smoking",
            ),
            *("Photo", "Waiting", "Walking", "WalkDog", "WalkTogether"),
        ),
        start=2,
    )
)  # the dataset numbers its actions from 2
CAMERAS = {1: "54138969", 2: "55011271", 3: "58860488", 4: "60457274"}
SIZES = {1: (1000, 1002), 4: (1000, 1002)}  # width and height; 1000 x 1000 for the others

Shot = tuple[int, int, int]  # action, subaction, camera
Frames = Mapping[int, object]


@dataclass(frozen=True)
class Shown:
    """What a camera shows of a take: picture size, frame numbers, and keypoints with
    visibility (17, 3) by frame where there are any.
    """

    size: tuple[int, int]
    frames: tuple[int, ...]
    keypoints: Mapping[int, NDArray[np.float64]]


def load(
    location: str, *, rig: Rig | None = None, seed: int = 0, small: float = 1.0
) -> list[Clip]:
    """A clip for each subject, action, subaction and camera; `small` keeps the middle of
    each. `rig` and `seed` are not used.

    Raises BadInput for a folder without such files, and naming file, subject, action and
    frame where one does not hold what is due.
    """
    folder = _folder(Path(location))
    subjects = sorted(
        whole(found[1], str(path)) for path, found in _files(folder, "joint_3d")
    )
    if not subjects:
        raise BadInput(
            f"h36m-coco:{location}: no Human36M_subject*_joint_3d.json here or in"
            " annotations; give the folder that holds them"
        )
    clips = [clip for subject in subjects for clip in _subject(folder, subject)]
    return clips if small == 1 else [middle(clip, small) for clip in clips]


def _folder(path: Path) -> Path:
    inside = path / "annotations"
    return inside if inside.is_dir() and not _files(path, "joint_3d") else path


def _files(folder: Path, kind: str) -> list[tuple[Path, re.Match[str]]]:
    names = (
        (path, re.fullmatch(rf"Human36M_subject(\d{{1,4}})_{kind}\.json", path.name))
        for path in folder.glob("*.json")
    )
    return [(path, found) for path, found in names if found]


def _subject(folder: Path, number: int) -> list[Clip]:
    start = folder / f"Human36M_subject{number}"
    poses = _poses(Path(f"{start}_joint_3d.json"))
    cameras = _cameras(Path(f"{start}_camera.json"))
    data = Path(f"{start}_data.json")
    shown = _shown(data) if data.exists() else _everything(poses, cameras)
    return [
        _clip(number, shot, shown[shot], poses, cameras, start) for shot in sorted(shown)
    ]


def _poses(path: Path) -> dict[tuple[int, int], Frames]:
    """Frames by action and subaction, each still as it stands in the file."""
    found: dict[tuple[int, int], Frames] = {}
    for action, subactions in _numbered(read(path), str(path)).items():
        for subaction, frames in _numbered(subactions, f"{path}: action {action}").items():
            found[action, subaction] = _numbered(
                frames, f"{path}: action {action}, subaction {subaction}"
            )
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


def _everything(
    poses: Mapping[tuple[int, int], Frames], cameras: Mapping[int, object]
) -> dict[Shot, Shown]:
    """Every camera shows every frame."""
    return {
        (*take, camera): Shown(SIZES.get(camera, (1000, 1000)), tuple(sorted(frames)), {})
        for take, frames in poses.items()
        for camera in cameras
    }


def _shown(path: Path) -> dict[Shot, Shown]:
    """What the list of pictures says each camera shows."""
    content = mapping(read(path), str(path), "images", "annotations")
    keypoints = _keypoints(content["annotations"], path)
    fields = (
        "action_idx",
        "subaction_idx",
        "cam_idx",
        "frame_idx",
        "width",
        "height",
        "id",
    )
    shots: dict[Shot, dict[int, tuple[int, int, int]]] = defaultdict(dict)
    for place, image in enumerate(sequence(content["images"], f"{path}: images")):
        where = f"{path}: image {place}"
        row = mapping(image, where, *fields)
        action, subaction, camera, frame, width, height, number = (
            whole(row[name], where) for name in fields
        )
        if shots[action, subaction, camera].setdefault(frame, (width, height, number)) != (
            width,
            height,
            number,
        ):
            raise BadInput(
                f"{where}: frame {frame} of action {action}, subaction {subaction}, camera"
                f" {camera} comes twice; leave one out"
            )
    for (action, subaction, camera), frames in shots.items():
        if len({image[:2] for image in frames.values()}) > 1:
            raise BadInput(
                f"{path}: action {action}, subaction {subaction}, camera {camera}: pictures"
                " of several sizes; one was due"
            )
    if not shots:
        raise BadInput(
            f"{path}: no images; leave the file out to take every frame of every camera"
        )
    return {
        shot: Shown(
            next(iter(frames.values()))[:2],
            tuple(sorted(frames)),
            {
                frame: keypoints[image]
                for frame, (_, _, image) in frames.items()
                if image in keypoints
            },
        )
        for shot, frames in shots.items()
    }


def _keypoints(annotations: object, path: Path) -> dict[int, NDArray[np.float64]]:
    """x, y, visibility (17, 3) by picture, of those annotations that have keypoints."""
    found: dict[int, NDArray[np.float64]] = {}
    for place, annotation in enumerate(sequence(annotations, f"{path}: annotations")):
        where = f"{path}: annotation {place}"
        if "keypoints" in mapping(annotation, where, "image_id"):
            values = array(
                annotation["keypoints"], (3 * JOINTS,), f"{where}, keypoints"
            ).reshape(JOINTS, 3)
            if found.setdefault(whole(annotation["image_id"], where), values) is not values:
                raise BadInput(
                    f"{where}: a second person in picture {annotation['image_id']}; leave"
                    " one out"
                )
    return found


def _clip(
    number: int,
    shot: Shot,
    shown: Shown,
    poses: Mapping[tuple[int, int], Frames],
    cameras: Mapping[int, Any],
    start: Path,
) -> Clip:
    action, subaction, camera = shot
    name = f"S{number}_act_{action:02}_subact_{subaction:02}"
    if camera not in cameras:
        raise BadInput(
            f"{start}_camera.json: camera {camera} is missing, and {start.name}_data.json"
            " shows it; add it or remove its images"
        )
    lens = _camera(cameras[camera], shown.size, f"{start}_camera.json: camera {camera}")
    world = _world(
        poses.get((action, subaction), {}),
        shown.frames,
        f"{start}_joint_3d.json: action {action}, subaction {subaction}",
    )
    pose = world_to_camera(lens, world)
    ahead(pose, H36M17.joints, f"{start}_camera.json: {name}, camera {camera}")
    try:
        keypoints, confidence = _seen(lens, pose, shown)
        return Clip(
            *(
                name,
                f"S{number}",
                ACTIONS.get(action, str(action)),
                str(subaction),
                CAMERAS.get(camera, str(camera)),
            ),
            *(FPS / _step(shown.frames), H36M17, keypoints, confidence),
            *(
                pose.astype(np.float32),
                world.astype(np.float32),
                lens,
                () if _annotated(shown) else (PROJECTED,),
            ),
        )
    except BadInput as error:
        raise BadInput(f"{start}_joint_3d.json: {name}, camera {camera}: {error}") from None


def _camera(values: Mapping[str, Any], size: tuple[int, int], where: str) -> Camera:
    turn, move = (
        array(values["R"], (3, 3), f"{where}, R"),
        array(values["t"], (3,), f"{where}, t"),
    )
    if move.any() and np.abs(move).max() < METRES:
        raise BadInput(
            f"{where}: t is {move.round(3).tolist()}, which looks like metres; millimetres"
            " were due: multiply by 1000"
        )
    focal, centre = (
        array(values["f"], (2,), f"{where}, f"),
        array(values["c"], (2,), f"{where}, c"),
    )
    try:
        return Camera(*extrinsics("pose2mesh", turn, move), focal, centre, *size)
    except BadInput as error:
        raise BadInput(f"{where}: {error}") from None


def _world(poses: Frames, frames: tuple[int, ...], where: str) -> NDArray[np.float64]:
    """World joints (frames, 17, 3) mm.

    The quick way for whole takes; frame by frame where something is wrong, to name the
    frame.
    """
    lacking = next((frame for frame in frames if frame not in poses), None)
    if lacking is not None:
        raise BadInput(
            f"{where}: frame {lacking} is missing; the list of images shows it, or leave"
            " the image out"
        )
    try:
        return array([poses[frame] for frame in frames], (-1, JOINTS, 3), where)
    except BadInput:
        return np.stack(
            [
                array(poses[frame], (JOINTS, 3), f"{where}, frame {frame}")
                for frame in frames
            ]
        )


def _seen(
    camera: Camera, pose: NDArray[np.floating], shown: Shown
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Keypoints (frames, 17, 2) px and confidence (frames, 17): the annotated ones where
    every frame has them, else projected.
    """
    if not _annotated(shown):
        return project(camera, pose).astype(np.float32), np.ones(pose.shape[:2], np.float32)
    found = np.stack([shown.keypoints[frame] for frame in shown.frames]).astype(np.float32)
    in_pixels(found[..., :2], "keypoints")
    # COCO's visibility 1 (hidden) and 2 (seen) are both labelled
    return found[..., :2], found[..., 2].clip(0, 1)


def _annotated(shown: Shown) -> bool:
    return len(shown.keypoints) == len(shown.frames)


def _step(frames: tuple[int, ...]) -> int:
    """Frames of the recording from one picture to the next; the least, where some are left
    out.
    """
    return int(np.diff(frames).min()) if len(frames) > 1 else 1
