"""What 2D detectors write, as one thing: for each frame the people in it.

A person is x, y, confidence (joints, 3) in pixels. Files are read in `readers/keypoints.py`.

COCO results   [{image_id, keypoints: [x, y, c, ...]}, ...], as AlphaPose writes too
COCO data set  {images: [{id, width, height}], annotations: [{image_id, keypoints}]}; c is the
               visibility 0, 1 or 2
OpenPose       {people: [{pose_keypoints_2d: [x, y, c, ...]}]}, one frame
plain          numbers (frames, joints, 2 or 3), or {keypoints: numbers, width, height, fps,
               skeleton}, all but the first optional
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.data.formats.checks import HUGE, array, mapping, numbers, sequence, whole
from bench.data.geometry import skeletons
from models.errors import BadInput, UnknownName

Array = NDArray[np.float64]
Person = Array
Frame = list[Person]

FASTEST = 1e6  # frames a second
WIDEST = 10**6  # pixels

# COCO's 17 joints among those of OpenPose's COCO model
OPENPOSE18 = (0, 15, 14, 17, 16, 5, 2, 6, 3, 7, 4, 11, 8, 12, 9, 13, 10)
# and among those of its BODY_25 model
BODY25 = (0, 16, 15, 18, 17, 5, 2, 6, 3, 7, 4, 12, 9, 13, 10, 14, 11)
# number of joints -> skeleton, and where its joints are
LAYOUTS: Mapping[int, tuple[str, Sequence[int]]] = {
    17: ("coco17", range(17)),
    16: ("mpii16", range(16)),
    18: ("coco17", OPENPOSE18),
    25: ("coco17", BODY25),
    26: ("coco17", range(17)),  # Halpe begins with COCO's 17
    133: ("coco17", range(17)),  # and so does COCO-WholeBody
}


@dataclass(frozen=True)
class Detections:
    """Frames of people, and what the file states of them; None where it does not."""

    frames: list[Frame]
    size: tuple[int, int] | None = None  # width and height of the picture, pixels
    fps: float | None = None
    skeleton: str | None = None


def parse(value: object, where: str) -> Detections:
    """The detections of a JSON value.

    Raises BadInput for what is none of the formats, with its place; `where` leads the message.
    """
    if isinstance(value, dict):
        # told by the key that no other format has
        readers = {
            "people": openpose,
            "annotations": _dataset,
            "keypoints": _described,
        }
        for key, reader in readers.items():
            if key in value:
                return reader(value, where)
        raise BadInput(
            f"{where}: an object without {', '.join(readers)}; OpenPose, COCO or plain"
            " keypoints were due"
        )
    entries = sequence(value, where)
    if entries and isinstance(entries[0], dict):
        return _results(entries, where)
    return plain(value, where)


def plain(value: object, where: str) -> Detections:
    """One person from numbers (frames, joints, 2 or 3), an array or nested lists.

    Without a third number every joint is certain. What is not finite is let through, as 0, where
    its confidence is 0. Raises BadInput elsewhere, naming frame and joint.
    """
    found = numbers(value)
    if found is None:
        raise BadInput(
            f"{where}: no table of numbers; (frames, joints, 2 or 3), the same in each"
            " frame, was due"
        )
    if found.ndim != 3 or found.shape[2] not in (2, 3):
        raise BadInput(
            f"{where}: shape {found.shape} came; (frames, joints, 2 or 3) was due"
        )
    sure = found[..., 2:] if found.shape[2] == 3 else np.ones((*found.shape[:2], 1))
    people = np.concatenate([found[..., :2], sure], axis=-1)
    sane = (np.abs(people) < HUGE).all(axis=-1)  # NaN fails the comparison too
    bad = ~sane & (people[..., 2] != 0)
    if bad.any():
        frame, joint = np.argwhere(bad)[0].tolist()
        raise BadInput(
            f"{where}: frame {frame}, joint {joint} is not finite or beyond {HUGE:g}; give"
            " a missed joint confidence 0"
        )
    return Detections([[person] for person in np.where(sane[..., None], people, 0.0)])


def openpose(value: Mapping[str, Any], where: str) -> Detections:
    """One frame of OpenPose. Raises BadInput."""
    key = "pose_keypoints_2d"
    people = sequence(value["people"], f"{where}: people")
    rows = [mapping(person, where, key)[key] for person in people]
    return Detections([[_flat(row, where) for row in rows]])


def follow(frames: Sequence[Frame]) -> tuple[Array, bool]:
    """The one person (frames, joints, 3), and whether there were others.

    The one that is most surely seen at first, and then nearest to where it was. Frames without
    people have confidence 0. All people must have one number of joints.
    """
    joints = next(len(person) for frame in frames for person in frame)
    out = np.zeros((len(frames), joints, 3))
    last: Person | None = None
    for place, frame in enumerate(frames):
        # nobody is lost by being missed for a while: `last` is where they were seen last
        if not frame:
            continue
        last = _surest(frame) if last is None else _nearest(frame, last)
        out[place] = last
    return out, any(len(frame) > 1 for frame in frames)


def arrange(points: Array, skeleton: str | None, where: str) -> tuple[Array, str]:
    """The joints of a skeleton (frames, joints, 3) in its order, and its name.

    The skeleton is as given, or told by the number of joints. Raises BadInput for a number that
    tells nothing or does not suit the skeleton, UnknownName for the skeleton.
    """
    count = points.shape[1]
    if skeleton is not None:
        due = len(skeletons.load(skeleton).joints)
        if count != due:
            raise BadInput(
                f"{where}: {count} joints came; {due} were due for skeleton {skeleton}"
            )
        return points, skeleton
    if count not in LAYOUTS:
        rows = sorted((number, name) for number, (name, _) in LAYOUTS.items())
        known = ", ".join(f"{number} ({name})" for number, name in rows)
        raise BadInput(
            f"{where}: {count} joints came; known are {known}: name another skeleton after"
            " the file, as in FILE@smpl24"
        )
    name, picks = LAYOUTS[count]
    return points[:, list(picks)], name


def _dataset(value: Mapping[str, Any], where: str) -> Detections:
    """COCO's data set: frames in the order of the pictures' numbers."""
    images = [
        mapping(image, f"{where}: image {place}", "id")
        for place, image in enumerate(sequence(value.get("images", []), where))
    ]
    people = _people(value["annotations"], where)
    # a picture without annotations is a frame all the same, and one that is not listed too
    order = sorted({_image(image["id"], where) for image in images} | set(people))
    stated = [_stated_size(image, where) for image in images]
    sizes = {size for size in stated if size}
    # pixels of one clip are those of one camera
    if len(sizes) > 1:
        raise BadInput(
            f"{where}: pictures of {len(sizes)} sizes; one size was due: split the file by"
            " picture size"
        )
    return Detections(
        [people.get(image, []) for image in order],
        next(iter(sizes), None),
    )


def _results(value: Sequence[object], where: str) -> Detections:
    people = _people(value, where)
    return Detections([people[image] for image in sorted(people)])


def _people(annotations: object, where: str) -> dict[tuple[int, str], Frame]:
    """People by picture."""
    found: dict[tuple[int, str], Frame] = defaultdict(list)
    for place, entry in enumerate(sequence(annotations, where)):
        here = f"{where}: entry {place}"
        person = mapping(entry, here, "image_id", "keypoints")
        found[_image(person["image_id"], here)].append(_flat(person["keypoints"], here))
    return found


def _image(value: object, where: str) -> tuple[int, str]:
    """Sorts pictures by number, or by the last number in their name."""
    if not isinstance(value, str):
        return whole(value, f"{where}: picture"), ""
    # `2.jpg` is before `10.jpg`, which text would sort the other way
    found = re.findall(r"\d+", value)
    return whole(found[-1], f"{where}: picture") if found else 0, value


def _described(value: Mapping[str, Any], where: str) -> Detections:
    """Plain keypoints with their picture and skeleton."""
    fps = value.get("fps")
    skeleton = value.get("skeleton")
    # not isinstance: true is an int in Python
    if fps is not None and not (type(fps) in (int, float) and 0 < fps <= FASTEST):
        raise BadInput(
            f"{where}: fps {fps!r:.40} came; a number above 0 and up to {FASTEST:g} was due"
        )
    # a list, say, could not even be looked up
    known = isinstance(skeleton, str) and skeleton in skeletons.SKELETONS
    if skeleton is not None and not known:
        raise UnknownName(
            f"skeleton in {where}:",
            str(skeleton)[:40],
            skeletons.SKELETONS,
        )
    size = _stated_size(value, where)
    return Detections(plain(value["keypoints"], where).frames, size, fps, skeleton)


def _stated_size(value: Mapping[str, Any], where: str) -> tuple[int, int] | None:
    if "width" not in value or "height" not in value:
        return None
    return _size(value["width"], value["height"], where)


def _size(width: object, height: object, where: str) -> tuple[int, int]:
    size = whole(width, f"{where}: width"), whole(height, f"{where}: height")
    if not 0 < min(size) <= max(size) <= WIDEST:
        raise BadInput(
            f"{where}: a picture of {size[0]} x {size[1]} came; 1 to {WIDEST} pixels each"
            " way were due"
        )
    return size


def _flat(value: object, where: str) -> Person:
    """x, y, confidence in a row (3 joints,), as (joints, 3)."""
    flat = array(value, (-1,), where)
    # an empty list is no person: detectors leave those out
    if len(flat) % 3 or not len(flat):
        raise BadInput(
            f"{where}: {len(flat)} numbers came; x, y and confidence for each joint"
            " were due"
        )
    return flat.reshape(-1, 3)


def _surest(frame: Frame) -> Person:
    return max(frame, key=lambda person: person[:, 2].sum())


def _nearest(frame: Frame, last: Person) -> Person:
    return min(frame, key=lambda person: _apart(person, last))


def _apart(one: Person, other: Person) -> float:
    """Mean distance of the joints that both show, pixels."""
    both = (one[:, 2] > 0) & (other[:, 2] > 0)
    # nothing to compare: anyone who shares a joint is nearer
    if not both.any():
        return math.inf
    return float(np.linalg.norm(one[both, :2] - other[both, :2], axis=-1).mean())
