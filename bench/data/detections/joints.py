"""Whose joints keypoints are: by their names, by what the user says, or by their number.

The number alone is a guess, which is said; where the joints' places tell of another order, so that
the bones of the guess would run criss-cross, it is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from bench.data.detections.video import Array, Layout
from bench.data.geometry import skeletons
from bench.data.geometry.skeletons import SKELETONS, Skeleton
from models.errors import BadInput

# COCO's 17 joints among those of OpenPose's COCO model
OPENPOSE18 = (0, 15, 14, 17, 16, 5, 2, 6, 3, 7, 4, 11, 8, 12, 9, 13, 10)
# among those of its BODY_25 model
BODY25 = (0, 16, 15, 18, 17, 5, 2, 6, 3, 7, 4, 12, 9, 13, 10, 14, 11)
# and among MediaPipe's landmarks
MEDIAPIPE33 = (0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28)


class Guess(NamedTuple):
    """What a number of joints is taken for."""

    layout: Layout
    whose: str


def whole_of(skeleton: str) -> Layout:
    """The layout of joints that begin with a skeleton's."""
    return Layout(skeleton, tuple(range(len(SKELETONS[skeleton].joints))))


def only(skeleton: str) -> Layout:
    """The layout of a skeleton's joints, and no others."""
    return whole_of(skeleton)._replace(alone=True)


def _begins(skeleton: str, whose: str) -> Guess:
    return Guess(whole_of(skeleton), whose)


LAYOUTS: Mapping[int, Guess] = {
    16: _begins("mpii16", "MPII's"),
    17: _begins("coco17", "COCO's"),
    18: Guess(Layout("coco17", OPENPOSE18), "OpenPose's COCO model's"),
    25: Guess(Layout("coco17", BODY25), "OpenPose's BODY_25's"),
    26: _begins("coco17", "Halpe's, which begins with COCO's 17"),
    33: Guess(Layout("coco17", MEDIAPIPE33), "MediaPipe's"),
    133: _begins("coco17", "COCO-WholeBody's, which begins with COCO's 17"),
    136: _begins("coco17", "Halpe's, which begins with COCO's 17"),
}

# Bones of the guess so many times as long as another skeleton's between the same points: the joints
# are that one's. People in their own order come to 1, in another to 1.8 and more.
CROSSED = 1.5

# how others call the joints of Human3.6M and MPII, where it is not our own name
CALLED = {
    "root": "hip",
    "pelvis": "hip",
    "neckbase": "neck/nose",
    "neck": "neck/nose",
    "belly": "spine",
    "headtop": "head",
}
NAMED = ("coco17", "h36m17", "mpii16")


def arrange(
    points: Array, stated: Layout | None, skeleton: str | None, where: str
) -> tuple[Array, str, tuple[str, ...]]:
    """The joints of a skeleton (frames, joints, 3) in its order, its name, and notes.

    The skeleton is the user's, or the file's, or told by the number of joints. Raises BadInput
    for a number that tells nothing or does not suit the skeleton, and for a guess that the places
    of the joints exclude, UnknownName for the skeleton.
    """
    count = points.shape[1]
    if skeleton is not None:
        _check_count(count, skeleton, where)
        return points, skeleton, ()
    if stated is not None:
        if stated.alone:
            _check_count(count, stated.skeleton, f"{where}: as the file states")
        if max(stated.picks) >= count:
            raise BadInput(
                f"{where}: {count} joints came; the file names {max(stated.picks) + 1} or"
                " more, in another order"
            )
        return points[:, list(stated.picks)], stated.skeleton, ()
    return _by_number(points, where)


def _by_number(points: Array, where: str) -> tuple[Array, str, tuple[str, ...]]:
    """The joints that their number tells, the skeleton, and what is to be said of the guess."""
    count = points.shape[1]
    if count not in LAYOUTS:
        rows = sorted(
            (count, layout.skeleton) for count, (layout, _) in LAYOUTS.items()
        )
        known = ", ".join(f"{number} ({name})" for number, name in rows)
        raise BadInput(
            f"{where}: {count} joints came; known are {known}: name another skeleton after"
            " the file, as in FILE@smpl24"
        )
    layout, whose = LAYOUTS[count]
    points = points[:, list(layout.picks)]
    others = [name for name, each in SKELETONS.items() if len(each.joints) == count]
    if layout.skeleton in others:
        _check_order(points, layout.skeleton, others, where)
    note = (
        f"the file does not name its {count} joints; their order is taken for {whose}"
    )
    if others:
        note += f": say it after the path, as in @{' or @'.join(others)}"
    return points, layout.skeleton, (note,)


def _check_count(count: int, skeleton: str, where: str) -> None:
    due = len(skeletons.load(skeleton).joints)
    if count != due:
        raise BadInput(
            f"{where}: {count} joints came; {due} were due for skeleton {skeleton}"
        )


def _check_order(points: Array, guess: str, others: Iterable[str], where: str) -> None:
    """Raise BadInput where the bones of another skeleton fit far better than the guess's."""
    lengths = {name: _bones(points, SKELETONS[name]) for name in {guess, *others}}
    best = min(lengths, key=lambda name: lengths[name])
    if lengths[guess] > CROSSED * lengths[best]:
        raise BadInput(
            f"{where}: {points.shape[1]} joints that are not in the order of {guess}: its"
            f" bones would be {lengths[guess]:.0f} px long together, those of {best}"
            f" {lengths[best]:.0f}; say the order after the path, as in @{best} (or"
            f" @{guess}, if it is)"
        )


def _bones(points: Array, skeleton: Skeleton) -> float:
    """Usual length of all bones together, pixels."""
    ends = np.array(skeleton.bones)
    start, stop = points[:, ends[:, 0]], points[:, ends[:, 1]]
    seen = (start[..., 2] > 0) & (stop[..., 2] > 0)
    lengths = np.linalg.norm(start[..., :2] - stop[..., :2], axis=-1)
    # a bone that is never seen is left out, for any skeleton
    usual = [
        np.median(one[at])
        for one, at in zip(lengths.T, seen.T, strict=True)
        if at.any()
    ]
    return float(np.mean(usual)) * len(ends) if usual else 0.0


def named(names: Iterable[object]) -> Layout | None:
    """The layout of joints by name, such as `left_shoulder`; None for names of no skeleton."""
    places = {_plain(str(name)): place for place, name in enumerate(names)}
    for name in NAMED:
        wanted = [_plain(joint) for joint in SKELETONS[name].joints]
        if set(wanted) <= set(places):
            return Layout(name, tuple(places[joint] for joint in wanted))
    return None


def by_sides(sides: object) -> str | None:
    """The skeleton whose left and right joints have these numbers; None for others'."""
    for name in ("h36m17", "coco17", "mpii16"):
        skeleton = SKELETONS[name]
        if _sorted(sides) == [sorted(skeleton.left), sorted(skeleton.right)]:
            return name
    return None


def _sorted(sides: object) -> list[list[int]]:
    """Joint numbers of each side in order; nothing of what is no list of numbers."""
    sides = sides if isinstance(sides, list | tuple) else ()
    return [
        sorted(int(joint) for joint in side if isinstance(joint, int | np.integer))
        for side in sides
        if isinstance(side, list | tuple | np.ndarray)
    ]


def _plain(name: str) -> str:
    """Left_Shoulder, left shoulder, l_shoulder and LShoulder as `l shoulder`."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|^([LR])(?=[A-Z][a-z])", r"\1_", name)
    words = [word for word in re.split(r"[^a-z/]+", spaced.lower()) if word]
    sides = {"left": "l", "right": "r"}
    words = [sides.get(word, word) for word in words]
    side = "".join(word for word in words if word in ("l", "r"))
    rest = "".join(word for word in words if word not in ("l", "r"))
    return f"{side} {CALLED.get(rest, rest)}".strip()
