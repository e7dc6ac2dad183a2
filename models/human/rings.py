"""The rings of the built-in body's right half, as tables, and the joints that they lie about.

A row has lengths in metres, and behind the bar the bones that the ring goes with, and how much.
Bones are called by the joint at their end; the root's name stands for the part about the root. The
rounded surface lies inside its cage, at about nine tenths of the width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.body import H36M_17

Array = NDArray[np.float64]

# right and middle joints of a person of 1.75 m, arms hanging away from the body
SLOPE = np.array([0.60, 0.0, -0.80])
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
    "RElbow": tuple(_SHOULDER + 0.282 * SLOPE),
    "RWrist": tuple(_SHOULDER + 0.532 * SLOPE),
}
JOINTS = H36M_17.joints
_ABOVE = {end: start for start, end in H36M_17.bones}
PARENTS = tuple(_ABOVE.get(joint, -1) for joint in range(len(JOINTS)))


def place(joint: str) -> Array:
    """Where a joint is at rest."""
    if joint in _PLACES:
        return np.array(_PLACES[joint], float)
    return place(f"R{joint[1:]}") * (-1, 1, 1)


# (17, 3)
REST = np.stack([place(joint) for joint in JOINTS])


class Ring(NamedTuple):
    """A row of a table."""

    numbers: tuple[float, ...]
    bone: str  # that it lies along; empty of the trunk's and the foot's
    weights: Mapping[str, float]


def read(table: str) -> list[Ring]:
    """The rows of a table."""
    found = []
    for line in table.strip().splitlines():
        front, _, shares = line.partition("|")
        words, pairs = front.split(), shares.split()
        bone = words.pop() if words[-1] in JOINTS else ""
        amounts = map(float, pairs[1::2])
        weights = dict(zip(pairs[::2], amounts, strict=True))
        found.append(Ring(tuple(map(float, words)), bone, weights))
    return found


# From below: height, how far forward, half width, half depth, and of the points in the middle how
# much deeper they lie and how much lower; the bones that a ring goes with, and how much.
TRUNK = """
    -0.075  -0.008   0.182   0.098    0.60   0.030 | Hip 0.6     RKnee 0.4
     0.000  -0.024   0.194   0.116    1.02   0.000 | Hip 1.0
     0.100  -0.006   0.166   0.092    1.24   0.000 | Hip 0.4     Spine 0.6
     0.195   0.000   0.156   0.086    1.28   0.000 | Spine 0.6   Thorax 0.4
     0.305   0.004   0.176   0.108    1.20   0.000 | Thorax 1.0
     0.488  -0.016   0.160   0.080    1.16   0.000 | Thorax 0.8  RShoulder 0.2
     0.522  -0.008   0.064   0.068    1.00   0.000 | Thorax 0.6  Neck/Nose 0.4
     0.560   0.014   0.056   0.070    1.05   0.000 | Neck/Nose 0.7  Head 0.3
     0.572   0.036   0.056   0.092    1.25   0.000 | Head 1.0
     0.660   0.024   0.088   0.118    1.06   0.000 | Head 1.0
     0.740   0.012   0.082   0.104    1.04   0.000 | Head 1.0
     0.785   0.006   0.042   0.052    1.04   0.000 | Head 1.0
"""
# the share of a bone, how far forward of it, half width, half depth, and which bone that is
ARM = """
      0.30  -0.004   0.072   0.080 RElbow | RShoulder 0.3  RElbow 0.7
      0.58   0.000   0.056   0.062 RElbow | RElbow 1.0
      0.90   0.000   0.049   0.051 RElbow | RElbow 0.8  RWrist 0.2
      0.16   0.002   0.056   0.058 RWrist | RElbow 0.2  RWrist 0.8
      0.94   0.002   0.030   0.037 RWrist | RWrist 1.0
      1.26   0.002   0.026   0.057 RWrist | RWrist 1.0
      1.72   0.000   0.015   0.045 RWrist | RWrist 1.0
"""
PALM = 5  # the ring of the arm before which the thumb grows
THUMB = "1.38  0.070  0.014  0.016 RWrist | RWrist 1.0"
LEG = """
      0.32   0.004   0.106   0.120 RKnee | RKnee 1.0
      0.87   0.008   0.070   0.079 RKnee | RKnee 0.8  RFoot 0.2
      0.12   0.000   0.063   0.072 RFoot | RKnee 0.2  RFoot 0.8
      0.34  -0.020   0.068   0.079 RFoot | RFoot 1.0
      0.93  -0.006   0.041   0.051 RFoot | RFoot 1.0
"""
# forward of the ankle and above it, half width, and half depth or, of what points forward, height
SOLE = "-0.016  -0.095  0.036  0.056 | RFoot 1.0"
FOOT = """
     0.080  -0.056   0.047   0.034 | RFoot 1.0
     0.205  -0.074   0.046   0.016 | RFoot 1.0
"""
