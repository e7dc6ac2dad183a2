"""A body of capsules around the joints of h36m17: how thick bones are, and of which colour.

Pictures are drawn of it; the body that models of meshes are taught by is `models.human`.

Every bone is a capsule whose ends have radii of their own. Its ends are means of joints, moved
along directions that the body itself has, such as forward: so all ends are one matrix times
joints and directions. Millimetres of a person of 1.75 m; others are scaled by their legs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.data.geometry.skeletons import H36M17

Array = NDArray[np.float64]
Mix = Mapping[str, float]  # of joints, which sum up to 1, and of directions, mm

LEG = 885.0  # mm, thigh and shank of who is 1.75 m tall
# as shares of that; legs of NaN or nothing are no measure
SMALLEST, LARGEST = 0.6, 1.5
# unit vectors of a body, each scaled with its size
DIRECTIONS = ("forward", "right", "face", "RToe", "LToe", "RHand", "LHand")


@dataclass(frozen=True)
class Bone:
    """A capsule; what its surface shows towards a direction is of another colour."""

    start: Mix
    end: Mix
    radii: tuple[float, float]
    colour: str
    front: str = ""  # the other colour
    facing: str = ""  # the direction


_MIDDLE = (
    # hips, trunk, shoulders
    Bone(
        {"Hip": 0.5, "RHip": 0.5},
        {"Hip": 0.5, "LHip": 0.5},
        (100, 100),
        "trousers",
    ),
    Bone(
        {"Hip": 0.6, "Spine": 0.4},
        {"Spine": 0.3, "Thorax": 0.7},
        (112, 105),
        "coat",
        front="shirt",
        facing="forward",
    ),
    Bone(
        {"RShoulder": 0.85, "LShoulder": 0.15},
        {"RShoulder": 0.15, "LShoulder": 0.85},
        (58, 58),
        "coat",
    ),
    # neck, head, nose
    Bone({"Thorax": 1, "forward": -10}, {"Thorax": 0.4, "Head": 0.6}, (58, 50), "skin"),
    Bone(
        {"Neck/Nose": 0.8, "Head": 0.2, "face": -25},
        {"Neck/Nose": 0.4, "Head": 0.6, "face": -20},
        (72, 82),
        "hair",
        front="skin",
        facing="face",
    ),
    Bone(
        {"Neck/Nose": 1, "face": 52},
        {"Neck/Nose": 0.9, "Head": 0.1, "face": 46},
        (14, 12),
        "skin",
    ),
)
# the left side is alike
_RIGHT = (
    Bone(
        {"Hip": 0.3, "RHip": 0.4, "Spine": 0.3},
        {"Spine": 0.2, "Thorax": 0.35, "RShoulder": 0.45},
        (100, 98),
        "coat",
        front="shirt",
        facing="forward",
    ),
    # leg
    Bone({"RHip": 0.8, "Hip": 0.2}, {"RKnee": 1}, (86, 56), "trousers"),
    Bone({"RKnee": 1}, {"RFoot": 1}, (54, 38), "shank"),
    Bone({"RFoot": 1, "RToe": -30}, {"RFoot": 1, "RToe": 150}, (42, 30), "shoes"),
    # arm
    Bone({"RShoulder": 1}, {"RElbow": 1}, (52, 42), "sleeve"),
    Bone({"RElbow": 1}, {"RWrist": 1}, (40, 29), "forearm"),
    Bone({"RWrist": 1, "RHand": 20}, {"RWrist": 1, "RHand": 95}, (34, 28), "skin"),
)


def _mirrored(bone: Bone) -> Bone:
    """The same on the left."""
    return Bone(
        {_left(name): share for name, share in bone.start.items()},
        {_left(name): share for name, share in bone.end.items()},
        bone.radii,
        bone.colour,
        bone.front,
        bone.facing,
    )


def _left(name: str) -> str:
    known = (*H36M17.joints, *DIRECTIONS)
    return f"L{name[1:]}" if name[0] == "R" and f"L{name[1:]}" in known else name


BONES = (*_MIDDLE, *_RIGHT, *map(_mirrored, _RIGHT))


def _rows() -> Iterator[list[float]]:
    """For each end of each bone, starts first, the shares of all joints and directions."""
    names = (*H36M17.joints, *DIRECTIONS)
    for mix in (*(bone.start for bone in BONES), *(bone.end for bone in BONES)):
        yield [mix.get(name, 0.0) for name in names]


_ENDS = np.array(list(_rows()))
_RADII = np.array([bone.radii for bone in BONES], np.float64).T
_PLACE = {name: place for place, name in enumerate(H36M17.joints)}


@dataclass(frozen=True, eq=False)
class Capsules:
    """The bones of one pose, mm in the camera's frame."""

    starts: Array  # (bones, 3)
    ends: Array
    radii: Array  # (2, bones)
    directions: Mapping[str, Array]  # unit vectors (3,)
    trunk: Array  # (3,), the middle of its axis


def around(pose: NDArray[np.floating]) -> Capsules:
    """The body around a pose (17, 3), mm in the camera's frame; NaN where a joint is missing."""
    at = pose.astype(np.float64)
    size = _size(at)
    towards = _directions(at)
    moved = [size * direction for direction in towards.values()]
    points = np.concatenate([at, moved])
    missing = np.isnan(points).any(axis=1)
    # a share of 0 would not keep NaN out of a sum
    found = _ENDS @ np.nan_to_num(points)
    found[(_ENDS[:, missing] != 0).any(axis=1)] = np.nan
    starts, ends = found.reshape(2, len(BONES), 3)
    trunk = (at[_PLACE["Hip"]] + at[_PLACE["Thorax"]]) / 2
    return Capsules(starts, ends, size * _RADII, towards, trunk)


def _size(at: Array) -> float:
    """How large a person is, as a share of 1.75 m."""
    legs = [
        _length(at[_PLACE[f"{side}Knee"]] - at[_PLACE[f"{side}Hip"]])
        + _length(at[_PLACE[f"{side}Foot"]] - at[_PLACE[f"{side}Knee"]])
        for side in "RL"
    ]
    share = float(np.nanmax([*legs, 0.0])) / LEG
    return float(np.clip(share, SMALLEST, LARGEST))


def _directions(at: Array) -> dict[str, Array]:
    """Each of `DIRECTIONS`; x right, y down and z away from the camera."""
    up = at[_PLACE["Thorax"]] - at[_PLACE["Hip"]]
    across = at[_PLACE["RHip"]] - at[_PLACE["LHip"]]
    across = across + at[_PLACE["RShoulder"]] - at[_PLACE["LShoulder"]]
    forward = _unit(_cross(up, across))
    right = _unit(_cross(forward, up))
    skull = at[_PLACE["Head"]] - at[_PLACE["Thorax"]]
    face = at[_PLACE["Neck/Nose"]] - at[_PLACE["Thorax"]]
    found = {"forward": forward, "right": right, "face": _unit(_beside(face, skull))}
    for side in "RL":
        shank = at[_PLACE[f"{side}Foot"]] - at[_PLACE[f"{side}Knee"]]
        found[f"{side}Toe"] = _unit(_beside(forward, shank))
    for side in "RL":
        arm = at[_PLACE[f"{side}Wrist"]] - at[_PLACE[f"{side}Elbow"]]
        found[f"{side}Hand"] = _unit(arm)
    return found


def _beside(vector: Array, axis: Array) -> Array:
    """What of a vector is at right angles to an axis."""
    return vector - axis * (vector @ axis) / max(float(axis @ axis), 1e-12)


def _length(vector: Array) -> float:
    return float(np.sqrt(vector @ vector))


def _unit(vector: Array) -> Array:
    """Of length 1; of none where it is no direction, as where a joint is missing."""
    length = _length(vector)
    return vector / length if length > 0 else np.zeros(3)


def _cross(one: Array, other: Array) -> Array:
    (a, b, c), (x, y, z) = one.tolist(), other.tolist()
    return np.array([b * z - c * y, c * x - a * z, a * y - b * x])
