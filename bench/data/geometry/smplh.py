"""SMPL-H's joints from its pose parameters: forward kinematics of a body model's own
joints, or of a built-in skeleton.

Each joint turns by an axis-angle vector about its place in the rest pose (arms level, x to
the left, y up, z forward; metres): position = parent's + R(parent) (rest - parent's rest),
R = R(parent) R(own). Loper et al. (2015), Romero et al. (2017).
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
JOINTS, BETAS = 52, 16
STATURE = 1.70  # metres, of the built-in skeleton
CHUNK = 512  # frames regressed at a time; they take 20 kB each

# fmt: off
OFFSETS = {
    "Pelvis": (0, 0, 0), "Hip": (0.05, -0.04, 0), "Knee": (0, -0.245, 0), "Ankle": (0, -0.246, 0), "Foot": (0, -0.03, 0.08),
    "Spine1": (0, 0.06, 0), "Spine2": (0, 0.075, 0), "Spine3": (0, 0.035, 0), "Neck": (0, 0.10, 0), "Head": (0, 0.07, 0),
    "Collar": (0.045, 0.07, 0), "Shoulder": (0.084, 0.008, 0), "Elbow": (0.186, 0, 0), "Wrist": (0.146, 0, 0),
# from the parent, in statures: limbs and the heights of hips (0.530) and shoulders (0.818)
# after Drillis and Contini (1966)
}
# fmt: on


@dataclass(frozen=True, eq=False)
class Model:
    """A body model: V vertices, 52 joints. All float64, metres.

    template (V, 3), shapes (V, 3, 16), poses (V, 3, 459), regressor (52, V) of joints,
    weights (V, 52), parents (52,), -1 at the root.
    """

    template: Array
    shapes: Array
    poses: Array
    regressor: Array
    weights: Array
    parents: tuple[int, ...]

    def shaped(self, betas: Array) -> Array:
        """The template (V, 3) of a person with these shape parameters; those beyond the
        model's are dropped.
        """
        used = betas[: self.shapes.shape[2]]
        offsets: Array = self.shapes[..., : len(used)] @ used
        return self.template + offsets


def read(path: Path) -> Model:
    """A model.npz of SMPL-H (dense arrays).

    Raises BadInput naming the array that is missing or of another shape.
    """
    keys = (
        "v_template",
        "shapedirs",
        "posedirs",
        "J_regressor",
        "weights",
        "kintree_table",
    )
    content = load_npz(path, only=keys)
    lacking = [key for key in keys if key not in content]
    if lacking:
        raise BadInput(
            f"{path}: {', '.join(lacking)} missing; the model.npz of SMPL-H was due"
        )
    template = array(content["v_template"], (-1, 3), f"{path}: v_template")
    count = len(template)
    return Model(
        template,
        shapes=array(content["shapedirs"], (count, 3, BETAS), f"{path}: shapedirs"),
        poses=array(content["posedirs"], (count, 3, 9 * (JOINTS - 1)), f"{path}: posedirs"),
        regressor=array(content["J_regressor"], (JOINTS, count), f"{path}: J_regressor"),
        weights=array(content["weights"], (count, JOINTS), f"{path}: weights"),
        parents=_parents(content["kintree_table"], path),
    )


def _parents(tree: NDArray[np.generic], path: Path) -> tuple[int, ...]:
    """The first row of the table, the root's (2^32 - 1) as -1."""
    parents = (
        tree[0].astype(np.int64).tolist()
        if tree.shape == (2, JOINTS) and tree.dtype.kind in "iu"
        else []
    )
    if not parents or not all(
        0 <= parent < joint for joint, parent in enumerate(parents) if joint
    ):
        raise BadInput(
            f"{path}: kintree_table: each of {JOINTS} joints must follow its parent; the"
            " model.npz of SMPL-H was due"
        )
    return (-1, *parents[1:])


def built_in() -> Array:
    """Rest joints (22, 3) of an adult of average proportions, metres, the pelvis at the
    origin.
    """
    rest = np.zeros((BODY, 3))
    for joint, (name, parent) in enumerate(
        zip(AMASS22.joints, AMASS22.parents, strict=True)
    ):
        side = name[0] if name not in OFFSETS else ""
        offset = np.array(OFFSETS[name.removeprefix(side)]) * STATURE
        rest[joint] = rest[max(parent, 0)] + offset * (-1 if side == "R" else 1, 1, 1)
    return rest


def rotations(turns: Array) -> Array:
    """Rotation matrices (..., 3, 3) of axis-angle vectors (..., 3), radians: I + sin(a) K +
    (1 - cos(a)) K K, K the unit axis crossed.
    """
    angle = np.linalg.norm(turns, axis=-1)
    x, y, z = np.moveaxis(turns / np.where(angle > 0, angle, 1.0)[..., None], -1, 0)
    zero = np.zeros_like(x)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=-1).reshape(
        *x.shape, 3, 3
    )
    sine, rest = np.sin(angle)[..., None, None], (1 - np.cos(angle))[..., None, None]
    turned: Array = np.eye(3) + sine * cross + rest * (cross @ cross)
    return turned


def forward(rest: Array, parents: tuple[int, ...], local: Array) -> tuple[Array, Array]:
    """World positions (frames, J, 3) and rotations (frames, J, 3, 3) of joints from their
    local rotations; `rest` is (J, 3).
    """
    place, turned = np.empty(local.shape[:-1]), np.empty_like(local)
    place[:, 0], turned[:, 0] = rest[0], local[:, 0]
    for joint, parent in enumerate(parents[1:], start=1):
        place[:, joint] = place[:, parent] + turned[:, parent] @ (
            rest[joint] - rest[parent]
        )
        turned[:, joint] = turned[:, parent] @ local[:, joint]
    return place, turned


def regress(model: Model, regressor: Array, betas: Array, local: Array) -> Array:
    """Points (frames, K, 3) that `regressor` (K, V) makes of the skinned mesh, from local
    rotations (frames, 52, 3, 3).

    A skinned vertex is linear in the joints' transforms, so the regressor is applied to the
    blend weights once and no mesh is made.
    """
    shaped = model.shaped(betas)
    rest = model.regressor @ shaped
    used = regressor.any(axis=0)
    share = regressor[:, used, None] * model.weights[used]  # (K, used, 52)
    still = np.einsum("kvj,vc->kjc", share, shaped[used])
    moved = np.einsum("kvj,vcp->pkjc", share, model.poses[used], optimize=True)
    weight = share.sum(axis=1)
    points = np.empty((len(local), len(regressor), 3))
    for start in range(0, len(local), CHUNK):
        part = slice(start, start + CHUNK)
        place, turned = forward(rest, model.parents, local[part])
        bends = (local[part, 1:] - np.eye(3)).reshape(len(place), -1)
        own = still + np.tensordot(bends, moved, axes=1)  # (frames, K, 52, 3)
        shift = place - (turned @ rest[..., None])[..., 0]
        points[part] = (
            np.einsum("fjab,fkjb->fka", turned, own, optimize=True) + weight @ shift
        )
    return points
