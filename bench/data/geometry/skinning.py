"""A mesh posed by the places of its joints: bones turn and stretch, vertices go with them.

Linear blend skinning: a vertex x with shares w goes to

    sum_b w_b (q_b + A_b (x - p_b)),   A_b = R_b (g I + (s_b - g) u u^T)

where bone b, along u at rest, begins in p at rest and in q in the pose, is s times as long, and
the body g times as large; a head keeps its shape (`HEAD`). A joint has a place and no rotation, so
R is the least turn from the bone above it that brings u to where the bone points. The turn about
the trunk is that of hips and shoulders.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.errors import BadInput
from models.mesh import Mesh

Array = NDArray[np.floating]
Float = NDArray[np.float64]

CHUNK = 256  # frames at a time: their maps stay in the cache
OPPOSITE = 1e-6  # 1 + cosine; nearer to the opposite, any way round is as good
# least length of the head, as it is wide: in some motion capture its joint is the neck's end
HEAD = 0.85
SHORTEST = 1e-6  # metres; a bone of no length points nowhere
# by which a body is turned
TRUNK = ("Hip", "Spine", "Thorax", "LHip", "RHip", "LShoulder", "RShoulder")


class Skin:
    """A mesh ready to be posed; `joints` name the places that poses give, in their order.

    Raises BadInput for a mesh of other joints, and for joints that do not turn a body.
    """

    def __init__(
        self,
        mesh: Mesh,
        joints: Sequence[str],
    ) -> None:
        if len(joints) != len(mesh.parents):
            raise BadInput(
                f"mesh {mesh.name}: it has {len(mesh.parents)} joints, the poses have"
                f" {len(joints)}; give the mesh of the poses' skeleton"
            )
        if lacking := [name for name in TRUNK if name not in joints]:
            raise BadInput(
                f"mesh {mesh.name}: the poses lack {lacking[0]}, by which a body is turned;"
                " take a protocol that has it"
            )
        self.mesh = mesh
        self._trunk = {name: list(joints).index(name) for name in TRUNK}
        self._head = list(joints).index("Head") if "Head" in joints else None
        self._order = _parents_first(mesh.parents)
        self._rest = mesh.joints
        # what each entry of a bone's map is multiplied by, for each vertex
        places = np.concatenate([mesh.vertices, np.ones((len(mesh.vertices), 1))], 1)
        self._mixed = np.einsum(
            "vb,vi->biv",
            mesh.weights,
            places,
        )

    def posed(self, poses: Array) -> NDArray[np.float32]:
        """Vertices (n, V, 3) of poses (n, J, 3), metres, about the origin of the poses.

        Regressed joints lie where the poses have them, to some millimetres (docs/data.md). NaN
        where a pose lacks a joint.
        """
        count = len(self.mesh.vertices)
        found = np.empty((len(poses), count, 3), np.float32)
        columns = self._mixed.reshape(-1, count)  # (J * 4, V)
        for start in range(0, len(poses), CHUNK):
            part = poses[start : start + CHUNK].astype(np.float64)
            maps = self.maps(part)  # (n, J, 4, 3)
            rows = maps.transpose(0, 3, 1, 2).reshape(-1, len(columns))
            moved = (rows @ columns).reshape(-1, 3, count)
            found[start : start + CHUNK] = moved.transpose(0, 2, 1)
        return found

    @property
    def along(self) -> Float:
        """(J, 3): where each bone points at rest; 0 where it has no length."""
        return _unit(self._bones(self._rest[None])[0])

    def maps(self, poses: Float) -> Float:
        """(n, J, 4, 3): what each bone does to a place (x, y, z, 1) of the rest pose."""
        linear = self._linear(self._bones(poses))
        starts = np.array(self.mesh.parents)
        starts[starts < 0] = starts.tolist().index(-1)
        begin = self._rest[starts]
        # q + A (x - p) is A x, moved by q - A p
        moved = poses[:, starts] - (linear @ begin[..., None])[..., 0]
        return np.concatenate([linear.swapaxes(2, 3), moved[:, :, None]], axis=2)

    def _linear(self, bones: Float) -> Float:
        """(n, J, 3, 3): A of each bone (n, J, 3), by which it is turned, larger and longer."""
        still = self._bones(self._rest[None])
        turns = self._turns(bones, still)
        lengths = np.linalg.norm(bones, axis=-1)
        rests = np.linalg.norm(still[0], axis=-1)
        girth = lengths.sum(axis=1) / rests.sum()
        along = _unit(still[0])
        grown = lengths / np.maximum(rests, SHORTEST)
        if self._head is not None:
            least = HEAD * girth
            grown[:, self._head] = np.maximum(grown[:, self._head], least)
        longer = grown - girth[:, None]
        # R (g I + (s - g) u u^T) without a product of matrices
        turned = (turns @ along[..., None]) * longer[..., None, None]  # (n, J, 3, 1)
        linear: Float = girth[:, None, None, None] * turns
        linear += turned * along[:, None]
        return linear

    def _bones(self, poses: Float) -> Float:
        """(n, J, 3): from a bone's beginning to its end; of the root from hip to hip."""
        root = self._trunk["Hip"]
        parents = np.array(self.mesh.parents)
        parents[root] = self._trunk["LHip"]
        ends = np.arange(len(parents))
        ends[root] = self._trunk["RHip"]
        return poses[:, ends] - poses[:, parents]

    def _turns(self, bones: Float, still: Float) -> Float:
        """(n, J, 3, 3): how each bone is turned from the rest pose."""
        found = np.empty((*bones.shape[:2], 3, 3))
        now, rest = self._trunk_frames(bones), self._trunk_frames(still)
        for bone in self._order:
            if bone in now:
                found[:, bone] = now[bone] @ rest[bone][0].T
                continue
            above = found[:, self.mesh.parents[bone]]
            turn = _least(above @ _unit(still[0, bone]), _unit(bones[:, bone]))
            found[:, bone] = turn @ above
        return found

    def _trunk_frames(self, bones: Float) -> dict[int, Float]:
        """Axes (n, 3, 3) of the root and of the two bones above it, in columns."""
        at = {name: bones[:, place] for name, place in self._trunk.items()}
        hips = _unit(at["Hip"])
        shoulders = _unit(at["RShoulder"] - at["LShoulder"])
        return {
            self._trunk["Hip"]: _axes(hips, at["Spine"]),
            self._trunk["Spine"]: _axes(at["Spine"], hips + shoulders),
            self._trunk["Thorax"]: _axes(at["Thorax"], shoulders),
        }


def _parents_first(parents: Sequence[int]) -> list[int]:
    order = [parents.index(-1)]
    # grows while it is gone through
    for joint in order:
        order += [child for child, parent in enumerate(parents) if parent == joint]
    return order


def _unit(vectors: Float) -> Float:
    length = np.linalg.norm(
        vectors,
        axis=-1,
        keepdims=True,
    )
    return vectors / np.maximum(length, SHORTEST)


def _axes(kept: Float, other: Float) -> Float:
    """(n, 3, 3): columns along the first, as near to the other as may be, and square to both."""
    first = _unit(kept)
    second = _unit(other - (other * first).sum(axis=-1, keepdims=True) * first)
    return np.stack([first, second, np.cross(first, second)], axis=-1)


def _least(start: Float, end: Float) -> Float:
    """(n, 3, 3): the least turn from one direction (n, 3) to another.

    I + [v] + [v][v] / (1 + c), with v the cross product and c the cosine.
    """
    crossed, cosine = np.cross(start, end), (start * end).sum(axis=-1)
    found = np.eye(3) + _crossing(crossed)
    opposite = 1 + cosine < OPPOSITE
    room = np.where(opposite, 1.0, 1 + cosine)[:, None, None]
    found += _crossing(crossed) @ _crossing(crossed) / room
    # half a turn about whatever is square to it: to it and the axis that it is farthest from
    back = start[opposite]
    other = np.eye(3)[np.abs(back).argmin(axis=-1)]
    axis = _unit(np.cross(back, other))
    found[opposite] = 2 * axis[:, :, None] * axis[:, None] - np.eye(3)
    return found


def _crossing(vectors: Float) -> Float:
    """(n, 3, 3): matrices that cross with these vectors."""
    # columns: what becomes of each axis
    columns = np.cross(vectors[:, None], np.eye(3))
    return columns.swapaxes(1, 2)
