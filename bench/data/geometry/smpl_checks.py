"""Whether arrays of a file of SMPL or SMPL-H are a body: its shares, faces, unit and stance.

Nothing that the format fixes is believed: a body in centimetres or lying down, or one with joints
in another order, would train without a word. The message names the array; the file leads it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bench.data.clip import UNITS
from bench.data.geometry.skeletons import AMASS22
from bench.data.geometry.smplh import built_in
from models.errors import BadInput
from models.mesh import ONE

Array = NDArray[np.float64]

TALL = (1.0, 3.0)  # metres; the intervals that this gives the units do not overlap
FAR = 1.0  # metres; SMPL's first shape, the largest, moves the head by a tenth
# least cosine of a bone and SMPL's own: one of 70 degrees, twice what its bodies differ by
LEAN = 0.3
HANDS = ("LWrist", "RWrist")  # that fingers hang on


def shares(weights: Array, regressor: Array) -> None:
    """Raise BadInput for rows of weights (V, J) or of J_regressor (J, V) that do not make one."""
    if (weights < 0).any():
        vertex = int(np.argwhere(weights < 0)[0, 0])
        raise BadInput(
            f"weights: vertex {vertex} has {weights[vertex].min():.3g} of a joint; shares of 0"
            " to 1 were due"
        )
    for name, rows in (("weights", weights), ("J_regressor", regressor)):
        off = np.abs(rows.sum(axis=1) - 1).max(initial=0.0)
        if off > ONE:
            raise BadInput(
                f"{name}: rows miss 1 by up to {off:.3g}; shares that sum to 1 were due"
            )


def faces(corners: Array, count: int) -> None:
    """Raise BadInput where faces (F, 3) are no triangles of all of so many vertices."""
    fits = len(corners) and (corners % 1 == 0).all()
    if not fits or corners.min() < 0 or corners.max() >= count:
        raise BadInput(
            f"f: faces that do not fit: corners from 0 to {count - 1} were due, whole numbers"
        )
    same = corners == np.roll(corners, 1, axis=1)
    if same.any():
        face = int(np.argwhere(same)[0, 0])
        raise BadInput(
            f"f: faces that do not fit: face {face} has corners"
            f" {corners[face].astype(int).tolist()}; three of them were due"
        )
    used = np.zeros(count, bool)
    used[corners.astype(np.int64)] = True
    if not used.all():
        raise BadInput(
            f"f: faces that do not fit: vertex {int(used.argmin())} of {count} is in no face;"
            " faces of all vertices were due"
        )


def tree(parents: Sequence[int]) -> None:
    """Raise BadInput where joints hang on others than SMPL's do, fingers on a wrist."""
    body = len(AMASS22.joints)
    for joint, due in enumerate(AMASS22.parents[1:], start=1):
        if parents[joint] != due:
            raise BadInput(
                f"kintree_table: joint {joint} ({AMASS22.joints[joint]}) hangs on"
                f" {parents[joint]}; {due} was due, in SMPL's order of joints"
            )
    wrists = AMASS22.indices(HANDS)
    for joint in range(body, len(parents)):
        above = parents[joint]
        if above < body and above not in wrists:
            raise BadInput(
                f"kintree_table: joint {joint}, of a hand, hangs on {above}; {wrists[0]},"
                f" {wrists[1]} or another of a hand was due"
            )


def stature(template: Array, shapes: Array) -> None:
    """Raise BadInput for a body (V, 3) that is not 1 to 3 m in its longest direction.

    And for one of which a unit of a shape (V, 3, S) moves a vertex by more than a metre.
    """
    most = float(np.abs(shapes).max(initial=0.0))
    tall = float(np.ptp(template, axis=0).max(initial=0.0))
    if TALL[0] <= tall <= TALL[1]:
        if most > FAR:
            raise BadInput(
                f"shapedirs: one unit of a shape moves a vertex by {most:.4g}; metres were due,"
                f" less than {FAR:g}"
            )
        return
    # mm of each unit
    units = {name: size / UNITS["m"] for name, size in UNITS.items()}
    for name, metres in units.items():
        if TALL[0] <= tall * metres <= TALL[1]:
            raise BadInput(
                f"v_template: is in {name}, by its size of {tall:.4g}; metres were due:"
                f" multiply by {metres:g}, shapedirs too"
            )
    raise BadInput(
        f"v_template: is {tall:.4g} in its longest direction; a person of {TALL[0]:g} to"
        f" {TALL[1]:g} m was due"
    )


def stance(joints: Array) -> None:
    """Raise BadInput where bones between joints (22 or more, 3) point elsewhere than SMPL's.

    So of a body that lies, hangs or looks backwards, and where joints are in another order.
    """
    due = built_in()
    for joint, parent in enumerate(AMASS22.parents):
        if parent < 0:
            continue
        bone, model = joints[joint] - joints[parent], due[joint] - due[parent]
        length = np.linalg.norm(bone) * np.linalg.norm(model)
        if bone @ model <= LEAN * length:
            raise BadInput(
                f"J_regressor: the bone from {AMASS22.joints[parent]} to"
                f" {AMASS22.joints[joint]} is {bone.round(3).tolist()} at rest; about"
                f" {model.round(3).tolist()} was due (x to the left, y up, z forward): turn"
                " v_template and shapedirs, or put the rows in order"
            )
