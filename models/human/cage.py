"""The cage of the built-in body: rings around the right half's limbs, and their mirror image."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.human import rings
from models.human.rings import JOINTS, PARENTS, REST, SLOPE, Ring
from models.human.rounding import Quad

Array = NDArray[np.float64]
Loop = tuple[int, int, int, int]


class Cage(NamedTuple):
    """C points and the closed surface of quads between them."""

    points: Array  # (C, 3)
    weights: Array  # (C, 17)
    faces: list[Quad]


ACROSS, FORWARD, UPWARD = np.eye(3)
UP_ARM = np.cross(SLOPE, FORWARD)  # square to the arm at rest
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
        loops = [self._open_ring(ring) for ring in rings.read(rings.TRUNK)]
        arm: Loop = (0, 0, 0, 0)
        for number, (low, high) in enumerate(pairwise(loops)):
            for side in range(3):
                quad = (low[side], low[side + 1], high[side + 1], high[side])
                if (number, side) == (ARMPIT, 1):
                    arm = quad
                else:
                    self.faces.append(quad)
        self.faces.append(loops[-1])
        back, behind, before, front = loops[0]
        return arm, (front, before, behind, back)

    def arm(self, loop: Loop) -> None:
        """From the shoulder to the tips of the fingers."""
        for number, ring in enumerate(rings.read(rings.ARM)):
            _, _, width, depth = ring.numbers
            side = width * UP_ARM
            front = depth * FORWARD
            corners = (-side - front, front - side, side + front, side - front)
            palm = number == rings.PALM
            around = _along(ring) + np.array(corners)
            new = self._drawn(
                loop,
                around,
                ring,
                skip=1 if palm else None,
            )
            if palm:
                self._thumb((loop[1], loop[2], new[2], new[1]))
            loop = new
        self.faces.append(loop)

    def _thumb(self, loop: Loop) -> None:
        (ring,) = rings.read(rings.THUMB)
        _, _, width, length = ring.numbers
        up = width * UP_ARM
        down = length * SLOPE
        corners = (-up - down, up - down, up + down, down - up)
        self.faces.append(
            self._drawn(
                loop,
                _along(ring) + np.array(corners),
                ring,
            )
        )

    def leg(self, loop: Loop) -> None:
        """From the crotch to the sole and the toes."""
        for ring in rings.read(rings.LEG):
            _, _, width, depth = ring.numbers
            flat = _flat(width * ACROSS, depth * FORWARD)
            loop = self._drawn(loop, _along(ring) + flat, ring)
        (ring,) = rings.read(rings.SOLE)
        around = _below_ankle(ring, FORWARD)
        sole = self._drawn(loop, around, ring, skip=0)
        self.faces.append(sole)
        instep = (loop[0], loop[1], sole[1], sole[0])
        for ring in rings.read(rings.FOOT):
            instep = self._drawn(
                instep,
                _below_ankle(ring, UPWARD),
                ring,
            )
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

    def _open_ring(self, ring: Ring) -> Loop:
        """Back, right behind, right before, front: half a ring of the trunk."""
        height, forward, width, depth, deeper, lower = ring.numbers
        centre = forward * FORWARD + height * UPWARD
        side = width * ACROSS
        front = depth * FORWARD
        middle = deeper * front
        below = lower * UPWARD
        around = (-middle - below, side - front, side + front, middle - below)
        return self._added(centre + around, ring)

    def _drawn(
        self, loop: Loop, around: Array, ring: Ring, *, skip: int | None = None
    ) -> Loop:
        """The loop goes on in four new points; the side `skip` is left open."""
        new = self._added(around, ring)
        for side in range(4):
            following = (side + 1) % 4
            if side != skip:
                quad = (loop[side], loop[following], new[following], new[side])
                self.faces.append(quad)
        return new

    def _added(self, around: Array, ring: Ring) -> Loop:
        first = len(self.points)
        share = np.zeros(len(JOINTS))
        for bone, weight in ring.weights.items():
            share[JOINTS.index(bone)] = weight
        self.points += list(around)
        self.weights += [share] * 4
        return (first, first + 1, first + 2, first + 3)


def _along(ring: Ring) -> Array:
    """The centre of a ring: on the line of its bone or beyond its end, and forward of it."""
    share, forward, *_ = ring.numbers
    end = JOINTS.index(ring.bone)
    start = REST[PARENTS[end]]
    centre: Array = start + share * (REST[end] - start) + forward * FORWARD
    return centre


def _below_ankle(ring: Ring, second: Array) -> Array:
    """The four points of a ring of the foot, whose second half axis points there."""
    forward, above, width, length = ring.numbers
    centre = rings.place("RFoot") + forward * FORWARD + above * UPWARD
    points: Array = centre + _flat(width * ACROSS, length * second)
    return points


def _flat(side: Array, front: Array) -> Array:
    """Inner front, outer front, outer back, inner back, about a centre."""
    return np.array((front - side, front + side, side - front, -side - front))


def _other(joint: str) -> str:
    """The joint that a mirror shows in the place of another."""
    swapped = {"R": "L", "L": "R"}.get(joint[0], joint[0]) + joint[1:]
    return swapped if swapped in JOINTS else joint
