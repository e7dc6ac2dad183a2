"""The surface of a pose once more: bones one after the other, turns by axis and angle.

Each bone carries its vertices: turned as the bone is, stretched along it, and as much larger as
the whole body is. n poses, J joints, V vertices; metres.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bench.evaluation.oracle.cutting import Array, Float
from models.mesh import Mesh

SQUASHED = 0.85  # how short a head may be, by how large the body is


def posed(
    mesh: Mesh,
    joints: Sequence[str],
    poses: Array,
) -> Float:
    """(n, V, 3) of poses (n, J, 3); NaN where a pose lacks a joint."""
    rest = mesh.regressor @ mesh.vertices
    pose = poses.astype(np.float64)
    starts, ends = _spans(mesh, joints)
    still = rest[ends] - rest[starts]  # (J, 3)
    now = pose[:, ends] - pose[:, starts]  # (n, J, 3)
    sizes = np.sqrt((still**2).sum(axis=-1))
    lengths = np.sqrt((now**2).sum(axis=-1))
    larger = lengths.sum(axis=1) / sizes.sum()
    turns = _turns(mesh, joints, still, now)
    total = np.zeros((len(pose), len(mesh.vertices), 3))
    for bone in range(len(joints)):
        # the root's part lies about the root and not about a hip
        begin = mesh.parents[bone] if mesh.parents[bone] >= 0 else bone
        away = mesh.vertices - rest[begin]
        along = still[bone] / sizes[bone]
        longer = lengths[:, bone] / sizes[bone]
        if joints[bone] == "Head":
            longer = np.maximum(longer, SQUASHED * larger)
        # the share along the bone is stretched by itself
        straight = np.outer(away @ along, along)
        grown = larger[:, None, None] * (away - straight)
        grown = grown + longer[:, None, None] * straight
        carried = pose[:, begin, None] + grown @ np.swapaxes(turns[bone], 1, 2)
        total += mesh.weights[:, bone, None] * carried
    return total


def _spans(mesh: Mesh, joints: Sequence[str]) -> tuple[list[int], list[int]]:
    """Where each bone begins and ends; that of the root runs from hip to hip."""
    starts, ends = [], []
    for bone, parent in enumerate(mesh.parents):
        root = parent < 0
        starts.append(joints.index("LHip") if root else parent)
        ends.append(joints.index("RHip") if root else bone)
    return starts, ends


def _turns(
    mesh: Mesh, joints: Sequence[str], still: Float, now: Float
) -> dict[int, Float]:
    """(n, 3, 3) of each bone: three by the trunk's axes, the others from the bone above."""
    hip = joints.index("Hip")
    spine = joints.index("Spine")
    thorax = joints.index("Thorax")
    right = joints.index("RShoulder")
    left = joints.index("LShoulder")
    frames = []
    for bones in (still[None], now):
        hips = _unit(bones[:, hip])
        back = _unit(bones[:, spine])
        wide = _unit(bones[:, right] - bones[:, left])
        frames.append(
            (
                _square(hips, back),
                _square(back, hips + wide),
                _square(_unit(bones[:, thorax]), wide),
            )
        )
    found = {}
    for bone, before, after in zip(
        (hip, spine, thorax),
        *frames,
        strict=True,
    ):
        found[bone] = after @ np.swapaxes(before, 1, 2)
    while len(found) < len(joints):
        for bone, parent in enumerate(mesh.parents):
            if bone not in found and parent in found:
                above = found[parent]
                found[bone] = _towards(above @ still[bone], now[:, bone]) @ above
    return found


def _unit(vectors: Float) -> Float:
    return vectors / np.sqrt((vectors**2).sum(axis=-1, keepdims=True))


def _square(first: Float, second: Float) -> Float:
    """(n, 3, 3): columns along the first, in the plane of both, and square to it."""
    third = _unit(np.cross(first, second))
    return np.stack([first, np.cross(third, first), third], axis=-1)


def _towards(start: Float, end: Float) -> Float:
    """(n, 3, 3): Rodrigues' turn from one direction to another, about what is square to both."""
    start, end = _unit(start), _unit(end)
    axis = np.cross(start, end)
    sine = np.sqrt((axis**2).sum(axis=-1, keepdims=True))
    angle = np.arctan2(sine[:, 0], (start * end).sum(axis=-1))[:, None, None]
    # a bone that points as before is turned about nothing
    x, y, z = (axis / np.where(sine > 0, sine, 1.0)).T
    cross = np.zeros((len(x), 3, 3))
    cross[:, 0, 1] = -z
    cross[:, 0, 2] = y
    cross[:, 1, 0] = z
    cross[:, 1, 2] = -x
    cross[:, 2, 0] = -y
    cross[:, 2, 1] = x
    turn: Float = np.eye(3) + np.sin(angle) * cross
    turn += (1 - np.cos(angle)) * (cross @ cross)
    return turn
