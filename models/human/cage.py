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
    ((-0.070, -0.005, 0.175, 0.100, 0.70, 0.050), {"Hip": 0.5, "RKnee": 0.5}),
    ((0.010, -0.012, 0.190, 0.120, 1.00, 0.0), {"Hip": 1.0}),
    ((0.120, 0.000, 0.165, 0.110, 1.00, 0.0), {"Hip": 0.4, "Spine": 0.6}),
    ((0.220, 0.005, 0.155, 0.105, 1.00, 0.0), {"Spine": 0.6, "Thorax": 0.4}),
    ((0.350, 0.005, 0.180, 0.125, 1.00, 0.0), {"Thorax": 1.0}),
    ((0.505, -0.010, 0.130, 0.085, 1.05, 0.0), {"Thorax": 0.8, "RShoulder": 0.2}),
    ((0.545, -0.005, 0.062, 0.066, 1.00, 0.0), {"Thorax": 0.6, "Neck/Nose": 0.4}),
    ((0.600, 0.015, 0.058, 0.062, 1.05, 0.0), {"Neck/Nose": 0.7, "Head": 0.3}),
    ((0.625, 0.035, 0.064, 0.085, 1.15, 0.0), {"Head": 1.0}),
    ((0.690, 0.025, 0.080, 0.105, 1.05, 0.0), {"Head": 1.0}),
    ((0.765, 0.015, 0.070, 0.085, 1.00, 0.0), {"Head": 1.0}),
)
# along the limb: share of the bone, half width, half depth
ARM: tuple[tuple[str, tuple[float, ...], Bones], ...] = (
    ("RElbow", (0.10, 0.062, 0.066), {"RShoulder": 0.45, "RElbow": 0.55}),
    ("RElbow", (0.45, 0.052, 0.056), {"RElbow": 1.0}),
    ("RElbow", (0.88, 0.045, 0.046), {"RElbow": 0.8, "RWrist": 0.2}),
    ("RWrist", (0.14, 0.046, 0.048), {"RElbow": 0.2, "RWrist": 0.8}),
    ("RWrist", (0.95, 0.026, 0.034), {"RWrist": 1.0}),
    ("RWrist", (1.22, 0.024, 0.054), {"RWrist": 1.0}),
    ("RWrist", (1.70, 0.015, 0.042), {"RWrist": 1.0}),
)
LEG: tuple[tuple[str, tuple[float, ...], Bones], ...] = (
    ("RKnee", (0.36, 0.088, 0.100), {"RKnee": 1.0}),
    ("RKnee", (0.88, 0.062, 0.068), {"RKnee": 0.8, "RFoot": 0.2}),
    ("RFoot", (0.12, 0.058, 0.066), {"RKnee": 0.2, "RFoot": 0.8}),
    ("RFoot", (0.34, 0.058, 0.072), {"RFoot": 1.0}),
    ("RFoot", (0.95, 0.036, 0.046), {"RFoot": 1.0}),
)
# fmt: on
# forward from the ankle's middle and down from it, half width, half height
FOOT: tuple[tuple[float, ...], ...] = (
    (0.075, -0.055, 0.046, 0.034),
    (0.185, -0.072, 0.044, 0.018),
)
SOLE = (-0.012, -0.095, 0.036, 0.052)  # forward, down, half width, half depth
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
        for bone, (share, width, depth), bones in ARM:
            side, front = width * up, depth * FORWARD
            around = (-side - front, front - side, side + front, side - front)
            loop = self._drawn(loop, _along(bone, share) + around, bones)
        self.faces.append(loop)

    def leg(self, loop: Loop) -> None:
        """From the crotch to the sole and the toes."""
        for bone, (share, width, depth), bones in LEG:
            flat = _flat(width * ACROSS, depth * FORWARD)
            loop = self._drawn(loop, _along(bone, share) + flat, bones)
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
