"""SMPL-H's joints from its pose parameters, by forward kinematics.

The joints are a body model's own, or those of a built-in skeleton. Each turns by an axis-angle
vector about its place in the rest pose (arms level, x to the left, y up, z forward; metres):

    position = parent's position + R(parent) (rest - parent's rest)
    R        = R(parent) R(own)

Loper et al. (2015), Romero et al. (2017). The files of motion are read in `readers/amass.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.data.formats.checks import array
from bench.data.formats.pickles import load_npz
from bench.data.geometry.skeletons import AMASS22
from models.errors import BadInput

Array = NDArray[np.float64]

BODY = len(AMASS22.joints)
JOINTS = 52  # the body's 22 and 15 of each hand
BETAS = 16  # numbers that tell a person's shape
STATURE = 1.70  # metres, of the built-in skeleton
CHUNK = 512  # frames regressed at a time; they take 20 kB each

# from the parent, in statures: limbs and the heights of hips (0.530) and shoulders (0.818) after
# Drillis and Contini (1966)
OFFSETS = {
    "Pelvis": (0, 0, 0),
    "Hip": (0.05, -0.04, 0),
    "Knee": (0, -0.245, 0),
    "Ankle": (0, -0.246, 0),
    "Foot": (0, -0.03, 0.08),
    "Spine1": (0, 0.06, 0),
    "Spine2": (0, 0.075, 0),
    "Spine3": (0, 0.035, 0),
    "Neck": (0, 0.10, 0),
    "Head": (0, 0.07, 0),
    "Collar": (0.045, 0.07, 0),
    "Shoulder": (0.084, 0.008, 0),
    "Elbow": (0.186, 0, 0),
    "Wrist": (0.146, 0, 0),
}
# the arrays of model.npz that are read; it has more, some of them pickled
KEYS = (
    "v_template",
    "shapedirs",
    "posedirs",
    "J_regressor",
    "weights",
    "kintree_table",
)


@dataclass(frozen=True, eq=False)
class Model:
    """A body model: V vertices, 52 joints. All float64, metres."""

    template: Array  # (V, 3)
    shapes: Array  # (V, 3, 16): what each shape parameter moves
    poses: Array  # (V, 3, 459): what each number of a joint's rotation moves
    regressor: Array  # (52, V): joints from vertices
    weights: Array  # (V, 52): how much a vertex goes with each joint
    parents: tuple[int, ...]  # (52,), -1 at the root

    def shaped(self, betas: Array) -> Array:
        """The template (V, 3) of a person with these shape parameters.

        Those beyond the model's are dropped.
        """
        used = betas[: self.shapes.shape[2]]
        offsets: Array = self.shapes[..., : len(used)] @ used
        return self.template + offsets


def read(path: Path) -> Model:
    """A model.npz of SMPL-H (dense arrays).

    Raises BadInput naming the array that is missing or of another shape.
    """
    content = load_npz(path, only=KEYS)
    lacking = [key for key in KEYS if key not in content]
    if lacking:
        raise BadInput(
            f"{path}: {', '.join(lacking)} missing; the model.npz of SMPL-H was due"
        )
    template = array(content["v_template"], (-1, 3), f"{path}: v_template")
    count = len(template)
    return Model(
        template,
        shapes=array(content["shapedirs"], (count, 3, BETAS), f"{path}: shapedirs"),
        poses=array(
            content["posedirs"],
            (count, 3, 9 * (JOINTS - 1)),
            f"{path}: posedirs",
        ),
        regressor=array(
            content["J_regressor"],
            (JOINTS, count),
            f"{path}: J_regressor",
        ),
        weights=array(content["weights"], (count, JOINTS), f"{path}: weights"),
        parents=_parents(content["kintree_table"], path),
    )


def _parents(tree: NDArray[np.generic], path: Path) -> tuple[int, ...]:
    """The first row of the table, the root's (2^32 - 1) as -1."""
    parents: list[int] = []
    if tree.shape == (2, JOINTS) and tree.dtype.kind in "iu":
        parents = tree[0].astype(np.int64).tolist()
    # `forward` goes through the joints once, so each parent must stand before its children
    ordered = (0 <= parent < joint for joint, parent in enumerate(parents) if joint)
    if not parents or not all(ordered):
        raise BadInput(
            f"{path}: kintree_table: each of {JOINTS} joints must follow its parent; the"
            " model.npz of SMPL-H was due"
        )
    return (-1, *parents[1:])


def built_in() -> Array:
    """Rest joints (22, 3) of an adult of average proportions, metres, the pelvis at 0."""
    rest = np.zeros((BODY, 3))
    bodies = zip(AMASS22.joints, AMASS22.parents, strict=True)
    for joint, (name, parent) in enumerate(bodies):
        # the table has both sides as one, x of the left
        side = name[0] if name not in OFFSETS else ""
        offset = np.array(OFFSETS[name.removeprefix(side)]) * STATURE
        mirrored = -1 if side == "R" else 1
        # the pelvis has parent -1 and an offset of 0, so that any parent serves
        rest[joint] = rest[max(parent, 0)] + offset * (mirrored, 1, 1)
    return rest


def rotations(turns: Array) -> Array:
    """Rotation matrices (..., 3, 3) of axis-angle vectors (..., 3), radians.

    Rodrigues' formula: I + sin(a) K + (1 - cos(a)) K K, K the unit axis crossed.
    """
    angle = np.linalg.norm(turns, axis=-1)
    # no turn has no axis, and any will do: sine and 1 - cosine are 0
    axis = turns / np.where(angle > 0, angle, 1.0)[..., None]
    x, y, z = np.moveaxis(axis, -1, 0)
    zero = np.zeros_like(x)
    rows = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=-1)
    cross = rows.reshape(*x.shape, 3, 3)
    sine = np.sin(angle)[..., None, None]
    rest = (1 - np.cos(angle))[..., None, None]
    turned: Array = np.eye(3) + sine * cross + rest * (cross @ cross)
    return turned


def forward(rest: Array, parents: tuple[int, ...], local: Array) -> tuple[Array, Array]:
    """World positions (frames, J, 3) and rotations (frames, J, 3, 3) of joints.

    From their local rotations (frames, J, 3, 3) and their places in the rest pose (J, 3).
    """
    place = np.empty(local.shape[:-1])
    turned = np.empty_like(local)
    place[:, 0] = rest[0]
    turned[:, 0] = local[:, 0]
    # all frames at a time; joints one by one, as each needs its parent's
    for joint, parent in enumerate(parents[1:], start=1):
        bone = rest[joint] - rest[parent]
        place[:, joint] = place[:, parent] + turned[:, parent] @ bone
        turned[:, joint] = turned[:, parent] @ local[:, joint]
    return place, turned


def regress(model: Model, regressor: Array, betas: Array, local: Array) -> Array:
    """Points (frames, K, 3) that `regressor` (K, V) makes of the skinned mesh.

    From local rotations (frames, 52, 3, 3) and a person's shape parameters.

    A skinned vertex is linear in the joints' transforms, so the regressor is applied to the
    blend weights once and no mesh is made.
    """
    shaped = model.shaped(betas)
    rest = model.regressor @ shaped
    # a regressor looks at few of the 6,890 vertices
    used = regressor.any(axis=0)
    share = regressor[:, used, None] * model.weights[used]  # (K, used, 52)
    still = np.einsum("kvj,vc->kjc", share, shaped[used])
    # (459, K, 52, 3): what bent joints add to `still`
    moved = np.einsum("kvj,vcp->pkjc", share, model.poses[used], optimize=True)
    weight = share.sum(axis=1)
    points = np.empty((len(local), len(regressor), 3))
    for start in range(0, len(local), CHUNK):
        part = slice(start, start + CHUNK)
        place, turned = forward(rest, model.parents, local[part])
        # SMPL's pose blend shapes are linear in R - I, the root's left out
        bends = (local[part, 1:] - np.eye(3)).reshape(len(place), -1)
        own = still + np.tensordot(bends, moved, axes=1)  # (frames, K, 52, 3)
        # a joint's transform turns about the joint itself, not about the origin
        shift = place - (turned @ rest[..., None])[..., 0]
        skinned = np.einsum("fjab,fkjb->fka", turned, own, optimize=True)
        points[part] = skinned + weight @ shift
    return points
