"""2D keypoints alone, from a detector or by hand: what a trained model is to lift.

`keypoints:PATH` takes a JSON, .npy or .npz file of any format in `bench.data.detections.formats`,
or a folder of them: each video in a file is a clip, and files of one picture each, such as
OpenPose's NAME_000000000012_keypoints.json, are clips by NAME. The clips have no poses. What a
file does not say is added after the path: picture size, frames a second, skeleton, person, as in
`keypoints:walk.npy@1920x1080@30fps@h36m17@person2`. The picture size must be known, for models see
keypoints relative to it; what else is guessed stands in the clip's notes.

Of several people in a frame the same one is followed. A missed joint (confidence 0) keeps its last
place, and so does a person in a frame in which nobody was found.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.data.clip import Clip
from bench.data.detections import confidence, joints, parse, people, pictures
from bench.data.detections.names import Name
from bench.data.detections.pictures import Strip
from bench.data.detections.video import Array, Video
from bench.data.detector.noise import miss
from bench.data.formats.checks import in_pixels
from bench.data.geometry import skeletons
from bench.data.geometry.cameras import Rig, uncalibrated
from bench.data.pieces import middle
from bench.data.readers import _after_path
from models.errors import BadInput

SOURCE = (
    "keypoints:PATH[@WIDTHxHEIGHT][@30fps][@SKELETON][@person1], 2D keypoints alone: files of"
    " AlphaPose, COCO, MediaPipe, mmpose, OpenPose, VideoPose3D, or plain numbers"
)

FPS = 25.0  # where nothing says it
OUTSIDE = 0.1  # of all joints: detectors place some that are hidden a little beyond the border
ENDING = "_keypoints"  # of OpenPose's files, after the frame's number
LONG = 100  # characters; longer names would fill a table's line
# What may stand after the path; bounded, so that no number is too long for int().
SIZE = re.compile(r"(\d{1,6})x(\d{1,6})")
RATE = re.compile(r"([1-9]\d{0,5}(?:\.\d{1,6})?)fps")
PERSON = re.compile(r"person(\d{1,9})")
KNOWN = (
    "the picture's size, as 1920x1080, the rate, as 30fps, whom to follow, as person2, and the"
    f" skeleton ({', '.join(skeletons.SKELETONS)})"
)


# where a video lies, what its clip is called, and the video
Found = tuple[Path, str, Video]


@dataclass(frozen=True)
class Known:
    """What the location says after the path."""

    size: tuple[int, int] | None = None
    fps: float | None = None
    skeleton: str | None = None
    person: int | None = None


def load(
    location: str, *, rig: Rig | None = None, seed: int = 0, small: float = 1.0
) -> list[Clip]:
    """A clip for each video of each file, and for each sequence of files of one picture.

    `small` keeps the middle of each. `rig` and `seed` are not used. Raises BadInput for no files,
    files of another content, a picture size that nobody states, and a number that is not finite.
    """
    path, known = _location(location)
    found = _folder(path) if path.is_dir() else _named(path, parse.read(path))
    clips = [_clip(*each, known) for each in found]
    name, count = Counter(clip.name for clip in clips).most_common(1)[0]
    if count > 1:  # walk.json beside walk.npy
        raise BadInput(
            f"{path}: two files of the name {name}, which is the clip's name; give one of"
            " them another name"
        )
    return clips if small == 1 else [middle(clip, small) for clip in clips]


def _location(location: str) -> tuple[Path, Known]:
    """Take off what stands after the path; a path may hold @ itself.

    Raises BadInput for no path, and for what is stated twice or is none of these.
    """
    kinds = {"size": _size, "fps": _fps, "person": _person, "skeleton": _skeleton}
    path, found = _after_path.stated(location, kinds, KNOWN)
    if not path:
        raise BadInput(
            "keypoints: no path; give a JSON, npy or npz file, or a folder of them, as in"
            " keypoints:FILE@1920x1080"
        )
    return Path(path), Known(**found)


def _size(word: str) -> tuple[int, int] | None:
    size = SIZE.fullmatch(word)
    return (int(size[1]), int(size[2])) if size else None


def _fps(word: str) -> float | None:
    fps = RATE.fullmatch(word)
    return float(fps[1]) if fps else None


def _person(word: str) -> int | None:
    person = PERSON.fullmatch(word)
    return int(person[1]) if person else None


def _skeleton(word: str) -> str | None:
    return word if word in skeletons.SKELETONS else None


def _folder(folder: Path) -> Iterator[Found]:
    """The videos of files, and files of one picture each joined by their names."""
    files = sorted(
        each for each in folder.iterdir() if each.suffix.lower() in parse.READERS
    )
    if not files:
        raise BadInput(
            f"keypoints:{folder}: the folder holds no {', '.join(parse.READERS)} file; give"
            " the folder that holds them"
        )
    single: dict[Name, Video] = {}
    for path in files:
        videos = parse.read(path)
        if len(videos) == 1 and videos[0].picture:
            single[path.stem.removesuffix(ENDING)] = videos[0]
        else:
            yield from _named(path, videos)
    for strip in pictures.strips(single):
        # Numbers alone have no name before them: then they are the folder's.
        title = strip.label or folder.name
        yield folder / title, title, _joined(strip, single, folder)


def _named(path: Path, videos: Sequence[Video]) -> Iterator[Found]:
    """The videos of a file. Raises BadInput for a file of none."""
    if not videos:
        raise BadInput(f"{path}: no video in it; leave it out")
    for video in videos:
        # as it can stand in a table, and as a name of an array: no end of line, no folder
        label = "".join(filter(str.isprintable, video.name)).replace("/", " ")
        yield path, f"{path.stem} {label[:LONG]}".strip(), video


def _joined(strip: Strip, files: Mapping[Name, Video], folder: Path) -> Video:
    """Files of one picture each as one video.

    Raises BadInput where one is missing: a picture without people has its file too.
    """
    found: list[Video] = []
    for place, name in enumerate(strip.pictures):
        if name is None:
            number = strip.first + strip.step * place
            raise BadInput(
                f"{folder}: frame {number} of {strip.pictures[0]} and on is missing; add it"
                " or cut the sequence"
            )
        found.append(files[name])
    layouts = {video.layout for video in found if video.layout}
    if len(layouts) > 1:
        raise BadInput(
            f"{folder}: the files of {strip.pictures[0]} and on name other joints in one"
            " frame than in another; give each kind a folder of its own"
        )
    layout = next(iter(layouts), None)
    frames = [frame for video in found for frame in video.frames]
    scores = any(video.scores for video in found)
    return Video(frames, layout=layout, scores=scores, notes=strip.notes)


def _clip(path: Path, title: str, video: Video, known: Known) -> Clip:
    where = str(path)
    size = known.size or video.size
    if size is None:
        raise BadInput(
            f"{path}: the picture size is not in the file; say it after the path, as in"
            f" keypoints:{path.name}@1920x1080"
        )
    _check_people(video, where)
    beyond = confidence.check(video, where)
    followed = people.follow(video.frames, known.person, where)
    points, name, guessed = joints.arrange(
        followed.points, video.layout, known.skeleton, where
    )
    missed = ~(points[..., 2] > 0)  # a confidence of NaN is none
    if missed.all():
        raise BadInput(
            f"{path}: every joint of every frame has confidence 0; leave it out"
        )
    fps = known.fps or video.fps
    notes = (*video.notes, *beyond, *followed.notes, *guessed)
    pixels = _pixels(points, missed, video, size, where)
    notes += _notes(pixels, missed, size, assumed=fps is None)
    clip = Clip(
        name=title,
        subject=path.absolute().parent.name,
        action=title,
        style="",
        camera_name="camera",
        fps=fps or FPS,
        skeleton=skeletons.load(name),
        keypoints=pixels,
        confidence=points[..., 2].clip(0, 1).astype(np.float32),
        camera_pose=None,
        world_pose=None,
        camera=uncalibrated(*size),
        notes=notes,
    )
    return miss(clip, missed)


def _check_people(video: Video, where: str) -> None:
    """Raise BadInput where there is nobody, or somebody with other joints than the rest."""
    counts = {len(person.points) for frame in video.frames for person in frame}
    if not counts:
        raise BadInput(f"{where}: no person in any frame; leave it out")
    if len(counts) > 1:
        raise BadInput(
            f"{where}: people with {min(counts)} and {max(counts)} joints; leave it out"
        )


def _pixels(
    points: Array,
    missed: np.ndarray,
    video: Video,
    size: tuple[int, int],
    where: str,
) -> np.ndarray:
    """Keypoints (frames, joints, 2) in pixels, float32; what was missed is anywhere."""
    places = np.where(missed[..., None], 0.0, points[..., :2])
    if video.shares:
        places = places * size
    else:
        # Only what was seen: detectors write 0, 0 for a joint they missed.
        in_pixels(places, where)
    return places.astype(np.float32)


def _notes(
    pixels: np.ndarray, missed: np.ndarray, size: tuple[int, int], *, assumed: bool
) -> tuple[str, ...]:
    notes: tuple[str, ...] = ()
    beyond = np.any((pixels < 0) | (pixels > size), axis=-1)
    outside = float(beyond[~missed].mean())
    if outside > OUTSIDE:
        picture = f"{size[0]} x {size[1]}"
        notes += (
            f"{outside:.0%} of the joints lie outside of the picture of {picture} pixels",
        )
    frames, nobody = len(missed), int(missed.all(axis=1).sum())
    if nobody:
        notes += (
            f"{nobody} of {frames} frames without the person: confidence 0, at the last place",
        )
    if assumed:
        notes += (
            f"frames a second not stated; {FPS:g} assumed: say them, as in FILE@30fps",
        )
    return notes
