"""2D keypoints alone, from a detector or by hand: what a trained model is to lift.

`keypoints:PATH` takes a JSON or .npy file of any layout of `bench.data.detector.detections`, or a
folder of them: each file is a clip, and OpenPose's files of single frames,
NAME_000000000012_keypoints.json, are clips by NAME. The clips have no poses. What a file does not
say is added after the path: picture size, frames a second, skeleton, as in
`keypoints:walk.npy@1920x1080@30fps@h36m17`. The picture size must be known, for models see
keypoints relative to it; without a skeleton the number of joints tells one.

Of several people in a frame the same one is followed. A missed joint (confidence 0) keeps its last
place.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bench.data.clip import Clip
from bench.data.detector import detections
from bench.data.detector.detections import Detections
from bench.data.detector.noise import miss
from bench.data.formats.checks import in_pixels, mapping
from bench.data.formats.json_file import read
from bench.data.formats.pickles import load_npy
from bench.data.geometry import skeletons
from bench.data.geometry.cameras import Rig, uncalibrated
from bench.data.pieces import middle
from models.errors import BadInput

SOURCE = (
    "keypoints:PATH[@WIDTHxHEIGHT][@30fps][@SKELETON], 2D keypoints alone: a JSON (COCO,"
    " OpenPose, plain) or npy file or a folder"
)

FPS = 25.0  # where nothing says it
FRAME = re.compile(r"(.*?)_?(\d{1,15})_keypoints\.json")
# What may stand after the path; bounded, so that no number is too long for int().
SIZE = re.compile(r"(\d{1,6})x(\d{1,6})")
RATE = re.compile(r"([1-9]\d{0,5}(?:\.\d{1,6})?)fps")


@dataclass(frozen=True)
class Known:
    """What the location says after the path."""

    size: tuple[int, int] | None = None
    fps: float | None = None
    skeleton: str | None = None


def load(
    location: str, *, rig: Rig | None = None, seed: int = 0, small: float = 1.0
) -> list[Clip]:
    """A clip for each file, or each sequence of OpenPose's frames.

    `small` keeps the middle of each. `rig` and `seed` are not used. Raises BadInput for no files,
    files of another content, a picture size that nobody states, and a number that is not finite.
    """
    path, known = _location(location)
    found = _folder(path) if path.is_dir() else {path: _file(path)}
    clips = [_clip(each, content, known) for each, content in found.items()]
    name, count = Counter(clip.name for clip in clips).most_common(1)[0]
    if count > 1:  # walk.json beside walk.npy
        raise BadInput(
            f"{path}: two files of the name {name}, which is the clip's name; give one of"
            " them another name"
        )
    return clips if small == 1 else [middle(clip, small) for clip in clips]


def _location(location: str) -> tuple[Path, Known]:
    """Take off what stands after the path; a path may hold @ itself.

    Raises BadInput for no path.
    """
    known = Known()
    path, at, last = location.rpartition("@")
    # From the end, in any order; the first part that is none of the three is the path's.
    while at:
        if size := SIZE.fullmatch(last):
            known = replace(known, size=(int(size[1]), int(size[2])))
        elif fps := RATE.fullmatch(last):
            known = replace(known, fps=float(fps[1]))
        elif last in skeletons.SKELETONS:
            known = replace(known, skeleton=last)
        else:
            break
        location = path
        path, at, last = location.rpartition("@")
    if not location:
        raise BadInput(
            "keypoints: no path; give a JSON or npy file, or a folder of them, as in"
            " keypoints:FILE@1920x1080"
        )
    return Path(location), known


def _folder(folder: Path) -> dict[Path, Detections]:
    """Files as they are, single frames joined by name in the order of their numbers."""
    found: dict[Path, Detections] = {}
    frames: dict[Path, dict[int, Path]] = defaultdict(dict)
    files = sorted(
        each for each in folder.iterdir() if each.suffix in (".json", ".npy")
    )
    for path in files:
        single = FRAME.fullmatch(path.name)
        if single:
            # Numbers alone have no name before them: then they are the folder's.
            frames[folder / (single[1] or folder.name)][int(single[2])] = path
        else:
            found[path] = _file(path)
    for path, numbered in frames.items():
        found[path] = _joined(numbered)
    if not found:
        raise BadInput(
            f"keypoints:{folder}: the folder holds no .json or .npy file; give the folder"
            " that holds them"
        )
    return found


def _file(path: Path) -> Detections:
    if path.suffix == ".npy":
        return detections.plain(load_npy(path), str(path))
    return detections.parse(read(path), str(path))


def _joined(numbered: dict[int, Path]) -> Detections:
    """OpenPose's files of one frame each as one.

    Raises BadInput where a frame is missing: motion would leap there.
    """
    order = sorted(numbered)
    steps = [(before, after - before) for before, after in itertools.pairwise(order)]
    step = min((each for _, each in steps), default=1)  # every n-th frame is fine
    gap = next((before + step for before, each in steps if each != step), None)
    if gap is not None:
        raise BadInput(
            f"{numbered[order[0]].parent}: frame {gap} of {numbered[order[0]].name} and on"
            " is missing; add it or cut the sequence"
        )
    return Detections([_frame(numbered[number]) for number in order])


def _frame(path: Path) -> detections.Frame:
    """The people of one file of OpenPose."""
    content = mapping(read(path), str(path), "people")
    return detections.openpose(content, str(path)).frames[0]


def _clip(path: Path, found: Detections, known: Known) -> Clip:
    size = known.size or found.size
    if size is None:
        raise BadInput(
            f"{path}: the picture size is not in the file; say it after the path, as in"
            f" keypoints:{path.name}@1920x1080"
        )
    _check_people(found, path)
    points, crowd = detections.follow(found.frames)
    points, name = detections.arrange(
        points, known.skeleton or found.skeleton, str(path)
    )
    missed = ~(points[..., 2] > 0)  # a confidence of NaN is none
    if missed.all():
        raise BadInput(
            f"{path}: every joint of every frame has confidence 0; leave it out"
        )
    # Only what was seen: detectors write 0, 0 for a joint they missed.
    in_pixels(points[~missed, :2], str(path))
    fps = known.fps or found.fps
    title = path.name.removesuffix(".json").removesuffix(".npy")
    try:
        clip = Clip(
            name=title,
            subject=path.absolute().parent.name,
            action=title,
            style="",
            camera_name="camera",
            fps=fps or FPS,
            skeleton=skeletons.load(name),
            keypoints=points[..., :2].astype(np.float32),
            confidence=points[..., 2].clip(0, 1).astype(np.float32),
            camera_pose=None,
            world_pose=None,
            camera=uncalibrated(*size),
            notes=_notes(crowd=crowd, assumed=fps is None),
        )
        return miss(clip, missed)
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None


def _check_people(found: Detections, path: Path) -> None:
    """Raise BadInput where there is nobody, or somebody with other joints than the rest."""
    counts = {len(person) for frame in found.frames for person in frame}
    if not counts:
        raise BadInput(f"{path}: no person in any frame; leave it out")
    if len(counts) > 1:
        raise BadInput(
            f"{path}: people with {min(counts)} and {max(counts)} joints; leave it out"
        )


def _notes(*, crowd: bool, assumed: bool) -> tuple[str, ...]:
    notes: tuple[str, ...] = ()
    if crowd:
        notes += ("several people; one is followed",)
    if assumed:
        notes += (f"frames a second not stated; {FPS:g} assumed",)
    return notes
