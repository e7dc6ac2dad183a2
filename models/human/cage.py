"""The cage of the built-in body: rings around the right half's limbs, and their mirror image.

A ring is a centre, half axes, and the bones that it goes with. The rounded surface lies inside the
cage, at about nine tenths of its width. Bones are called by the joint at their end; the root's
name stands for the part about the root itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.body import H36M_17
from models.human.rounding import Quad

Array = NDArray[np.float64]
Bones = Mapping[str, float]
Loop = tuple[int, int, int, int]

# right and middle joints of a person of 1.75 m, arms hanging away from the body
_SLOPE = np.array([0.60, 0.0, -0.80])
_SHOULDER = np.array([0.148, 0.0, 0.47])
_PLACES: dict[str, Sequence[float]] = {
    "Hip": (0, 0, 0),
    "RHip": (0.125, 0, 0),
    "RKnee": (0.13, 0.005, -0.445),
    "RFoot": (0.135, -0.01, -0.885),
    "Spine": (0, 0, 0.235),
    "Thorax": (0, 0, 0.49),
    "Neck/Nose": (0, 0.045, 0.595),
    "Head": (0, 0.02, 0.707),
    "RShoulder": tuple(_SHOULDER),
    "RElbow": tuple(_SHOULDER + 0.282 * _SLOPE),
    "RWrist": tuple(_SHOULDER + 0.532 * _SLOPE),
}
JOINTS = H36M_17.joints
_ABOVE = {end: start for start, end in H36M_17.bones}
PARENTS = tuple(_ABOVE.get(joint, -1) for joint in range(len(JOINTS)))


def _place(joint: str) -> Array:
    if joint in _PLACES:
        return np.array(_PLACES[joint], float)
    return _place(f"R{joint[1:]}") * (-1, 1, 1)


REST = np.stack([_place(joint) for joint in JOINTS])  # (17, 3)


class Cage(NamedTuple):
    """C points and the closed surface of quads between them."""

    points: Array  # (C, 3)
    weights: Array  # (C, 17)
    faces: list[Quad]


# fmt: off
# From below: height, how far forward, half width, half depth, and of the points in the middle how
# much deeper they lie and how much lower.
TRUNK: tuple[tuple[tuple[float, ...], Bones], ...] = (
    ((-0.075, -0.008, 0.182, 0.098, 0.60, 0.030), {"Hip": 0.6, "RKnee": 0.4}),
    ((0.000, -0.024, 0.194, 0.116, 1.02, 0.0), {"Hip": 1.0}),
    ((0.100, -0.006, 0.166, 0.092, 1.24, 0.0), {"Hip": 0.4, "Spine": 0.6}),
    ((0.195, 0.000, 0.156, 0.086, 1.28, 0.0), {"Spine": 0.6, "Thorax": 0.4}),
    ((0.305, 0.004, 0.176, 0.108, 1.20, 0.0), {"Thorax": 1.0}),
    ((0.488, -0.016, 0.160, 0.080, 1.16, 0.0), {"Thorax": 0.8, "RShoulder": 0.2}),
    ((0.522, -0.008, 0.064, 0.068, 1.00, 0.0), {"Thorax": 0.6, "Neck/Nose": 0.4}),
    ((0.560, 0.014, 0.056, 0.070, 1.05, 0.0), {"Neck/Nose": 0.7, "Head": 0.3}),
    ((0.572, 0.036, 0.056, 0.092, 1.25, 0.0), {"Head": 1.0}),
    ((0.660, 0.024, 0.088, 0.118, 1.06, 0.0), {"Head": 1.0}),
    ((0.740, 0.012, 0.082, 0.104, 1.04, 0.0), {"Head": 1.0}),
    ((0.785, 0.006, 0.042, 0.052, 1.04, 0.0), {"Head": 1.0}),
)
# share of the bone, how far forward of it, half width, half depth
ARM: tuple[tuple[str, tuple[float, ...], Bones], ...] = (
    ("RElbow", (0.30, -0.004, 0.072, 0.080), {"RShoulder": 0.3, "RElbow": 0.7}),
    ("RElbow", (0.58, 0.000, 0.056, 0.062), {"RElbow": 1.0}),
    ("RElbow", (0.90, 0.000, 0.049, 0.051), {"RElbow": 0.8, "RWrist": 0.2}),
    ("RWrist", (0.16, 0.002, 0.056, 0.058), {"RElbow": 0.2, "RWrist": 0.8}),
    ("RWrist", (0.94, 0.002, 0.030, 0.037), {"RWrist": 1.0}),
    ("RWrist", (1.26, 0.002, 0.026, 0.057), {"RWrist": 1.0}),
    ("RWrist", (1.72, 0.000, 0.015, 0.045), {"RWrist": 1.0}),
)
PALM = 5  # the ring of the arm before which the thumb grows
THUMB = (1.38, 0.070, 0.014, 0.016)  # share of the bone, forward, half width, half length
LEG: tuple[tuple[str, tuple[float, ...], Bones], ...] = (
    ("RKnee", (0.32, 0.004, 0.106, 0.120), {"RKnee": 1.0}),
    ("RKnee", (0.87, 0.008, 0.070, 0.079), {"RKnee": 0.8, "RFoot": 0.2}),
    ("RFoot", (0.12, 0.000, 0.063, 0.072), {"RKnee": 0.2, "RFoot": 0.8}),
    ("RFoot", (0.34, -0.020, 0.068, 0.079), {"RFoot": 1.0}),
    ("RFoot", (0.93, -0.006, 0.041, 0.051), {"RFoot": 1.0}),
)
# forward from the ankle's middle and down from it, half width, half height
FOOT: tuple[tuple[float, ...], ...] = (
    (0.080, -0.056, 0.047, 0.034),
    (0.205, -0.074, 0.046, 0.016),
)
SOLE = (-0.016, -0.095, 0.036, 0.056)  # forward, down, half width, half depth
# fmt: on
ACROSS, FORWARD, UPWARD = np.eye(3)
ARMPIT = 4  # the ring of the trunk above which the arm is


def cage() -> Cage:
    """The whole cage, its left half the mirror image of its right one."""
    half = _Half()
    arm, leg = half.trunk()
    half.arm(arm)
    half.leg(leg)
    return half.mirrored()


class _Half:
    """The right half as it grows: a loop of points goes on in a new one, as clay is drawn out.

    Loops run counter-clockwise as seen from where they go.
    """

    def __init__(self) -> None:
        self.points: list[Array] = []
        self.weights: list[Array] = []
        self.faces: list[Quad] = []

    def trunk(self) -> tuple[Loop, Loop]:
        """From the crotch to the crown; the loops that arm and leg go on from."""
        rings = [self._open_ring(*row, bones=bones) for row, bones in TRUNK]
        arm: Loop = (0, 0, 0, 0)
        for number, (low, high) in enumerate(pairwise(rings)):
            for side in range(3):
                quad = (low[side], low[side + 1], high[side + 1], high[side])
                if (number, side) == (ARMPIT, 1):
                    arm = quad
                else:
                    self.faces.append(quad)
        self.faces.append(rings[-1])
        back, behind, before, front = rings[0]
        return arm, (front, before, behind, back)

    def arm(self, loop: Loop) -> None:
        """From the shoulder to the tips of the fingers."""
        up = np.cross(_SLOPE, FORWARD)
        for number, (bone, (share, forward, width, depth), bones) in enumerate(ARM):
            side, front = width * up, depth * FORWARD
            around = np.array((-side - front, front - side, side + front, side - front))
            centre = _along(bone, share) + forward * FORWARD
            palm = number == PALM
            new = self._drawn(loop, centre + around, bones, skip=1 if palm else None)
            if palm:
                self._thumb((loop[1], loop[2], new[2], new[1]))
            loop = new
        self.faces.append(loop)

    def _thumb(self, loop: Loop) -> None:
        share, forward, width, length = THUMB
        up, down = width * np.cross(_SLOPE, FORWARD), length * _SLOPE
        around = np.array((-up - down, up - down, up + down, down - up))
        centre = _along("RWrist", share) + forward * FORWARD
        self.faces.append(self._drawn(loop, centre + around, {"RWrist": 1.0}))

    def leg(self, loop: Loop) -> None:
        """From the crotch to the sole and the toes."""
        for bone, (share, forward, width, depth), bones in LEG:
            flat = _flat(width * ACROSS, depth * FORWARD)
            centre = _along(bone, share) + forward * FORWARD
            loop = self._drawn(loop, centre + flat, bones)
        ankle = _place("RFoot")
        bones = {"RFoot": 1.0}
        forward, down, width, depth = SOLE
        centre = ankle + forward * FORWARD + down * UPWARD
        flat = _flat(width * ACROSS, depth * FORWARD)
        sole = self._drawn(loop, centre + flat, bones, skip=0)
        self.faces.append(sole)
        instep = (loop[0], loop[1], sole[1], sole[0])
        for forward, down, width, height in FOOT:
            centre = ankle + forward * FORWARD + down * UPWARD
            flat = _flat(width * ACROSS, height * UPWARD)
            instep = self._drawn(instep, centre + flat, bones)
        self.faces.append(instep)

    def mirrored(self) -> Cage:
        """Both halves, which share the points in the middle."""
        points, weights = np.array(self.points), np.array(self.weights)
        twin = list(range(len(points)))
        swapped = [JOINTS.index(_other(joint)) for joint in JOINTS]
        middle = points[:, 0] == 0
        # what lies in the middle belongs to both sides alike
        weights[middle] = (weights[middle] + weights[middle][:, swapped]) / 2
        fresh = np.flatnonzero(~middle)
        for place, number in enumerate(fresh, start=len(points)):
            twin[number] = place
        # seen from outside, a mirror turns the corners round
        left = [(twin[d], twin[c], twin[b], twin[a]) for a, b, c, d in self.faces]
        return Cage(
            np.concatenate([points, points[fresh] * (-1, 1, 1)]),
            np.concatenate([weights, weights[fresh][:, swapped]]),
            [*self.faces, *left],
        )

    def _open_ring(
        self,
        height: float,
        forward: float,
        width: float,
        depth: float,
        deeper: float,
        lower: float,
        *,
        bones: Bones,
    ) -> Loop:
        """Back, right behind, right before, front: half a ring of the trunk."""
        centre = forward * FORWARD + height * UPWARD
        side, front = width * ACROSS, depth * FORWARD
        middle, below = deeper * front, lower * UPWARD
        around = (-middle - below, side - front, side + front, middle - below)
        return self._added(centre + around, bones)

    def _drawn(
        self, loop: Loop, around: Array, bones: Bones, *, skip: int | None = None
    ) -> Loop:
        """The loop goes on in four new points; the side `skip` is left open."""
        new = self._added(around, bones)
        for side in range(4):
            following = (side + 1) % 4
            if side != skip:
                quad = (loop[side], loop[following], new[following], new[side])
                self.faces.append(quad)
        return new

    def _added(self, around: Array, bones: Bones) -> Loop:
        first = len(self.points)
        share = np.zeros(len(JOINTS))
        for bone, weight in bones.items():
            share[JOINTS.index(bone)] = weight
        self.points += list(around)
        self.weights += [share] * 4
        return (first, first + 1, first + 2, first + 3)


def _along(bone: str, share: float) -> Array:
    """A place on the line of a bone, or beyond its end."""
    end = JOINTS.index(bone)
    start = REST[PARENTS[end]]
    place: Array = start + share * (REST[end] - start)
    return place


def _flat(side: Array, front: Array) -> Array:
    """Inner front, outer front, outer back, inner back, about a centre."""
    return np.array((front - side, front + side, side - front, -side - front))


def _other(joint: str) -> str:
    """The joint that a mirror shows in the place of another."""
    swapped = {"R": "L", "L": "R"}.get(joint[0], joint[0]) + joint[1:]
    return swapped if swapped in JOINTS else joint
