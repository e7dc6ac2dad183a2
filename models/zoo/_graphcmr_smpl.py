"""Vertices to rotations of bones and a shape, of `graphcmr.py`, and the body that they pose.

Kolotouros et al., CVPR 2019; nkolot/GraphCMR models/smpl_param_regressor.py and layers.py. Axes:
b batch, v vertices, j joints, r rotations, s shapes.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from models.mesh import Mesh
from models.rotations import special_orthogonal
from models.surface import joints_of
from models.value import Value


def regress(
    vertices: Value,
    rest: Value,
    *,
    width: int,
    rotations: int,
    shapes: int,
) -> tuple[Value, Value]:
    """Vertices (b, v, 3) beside those at rest (v, 3) -> (b, r, 3, 3) and (b, s)."""
    g = vertices.graph
    seen = vertices.concat(rest.broadcast_to(vertices.shape), axis=2)
    with g.scope("smpl_param_regressor.layers"):
        x = seen.rearrange("b v c -> b (v c)")
        x = _layer(x, width, "0.fc_block", 0).relu()
        for block in ("1.fc_block", "2.fc_block"):
            h = _layer(x, width, block, 0).relu()
            x = (x + _layer(h, width, block, 3)).relu()
        x = x.linear(rotations * 9 + shapes, name="3")
    turned = x.slice(axis=1, start=0, stop=rotations * 9, step=1)
    shape = x.slice(axis=1, start=rotations * 9, stop=rotations * 9 + shapes, step=1)
    turned = turned.rearrange("b (r i k) -> b r i k", r=rotations, i=3)
    return special_orthogonal(turned), shape


def _layer(
    x: Value,
    width: int,
    block: str,
    place: int,
) -> Value:
    """A dense layer and batch norm, which stand at places of a sequence."""
    h = x.linear(width, name=f"{block}.{place}")
    norm = f"{block}.{place + 1}"
    return h.batch_norm(eps=1e-5, momentum=0.1, train=True, name=norm)


def posed(
    rotations: Value,
    shape: Value,
    mesh: Mesh,
) -> Value:
    """Rotations (b, r, 3, 3) of bones, each within its parent's, and shape -> (b, v, 3).

    The mesh's joints take the first of the rotations, and its shapes the first of the numbers;
    it stands with its root at 0.
    """
    shaped = _shaped(shape, mesh)
    joints = joints_of(shaped, mesh)
    turns, shifts = [], []
    for turn, shift in _bones(rotations, joints, mesh):
        turns.append(turn)
        shifts.append(shift)
    order = np.concatenate(_generations(mesh.parents))
    weights = shaped.graph.constant("mesh.weights", mesh.weights[:, order])
    turned = turns[0].concat(*turns[1:], axis=1).rearrange("b j i k -> b j (i k)")
    blend = (weights @ turned).rearrange("b v (i k) -> b v i k", i=3)
    moved = weights @ shifts[0].concat(*shifts[1:], axis=1)
    return _by(blend, shaped) + moved


def _shaped(shape: Value, mesh: Mesh) -> Value:
    """The mesh at rest, changed by shapes: (b, v, 3)."""
    g, count = shape.graph, len(mesh.shapes)
    rest = g.constant("mesh.rest", mesh.vertices)
    whole = (shape.shape[0], *rest.shape)
    if not count:
        return rest.broadcast_to(whole)
    own = shape.slice(axis=1, start=0, stop=count, step=1)
    table = g.constant("mesh.shapes", mesh.shapes.reshape(count, -1))
    return (own @ table).reshape(whole) + rest


def _bones(
    rotations: Value,
    joints: Value,
    mesh: Mesh,
) -> Iterator[tuple[Value, Value]]:
    """Of each generation of joints: how their bones are turned, and moved after that.

    A bone ends at the joint that it is called by, and turns about where it starts.
    """
    first, *later = _generations(mesh.parents)
    turn, rest = _taken(rotations, first), _taken(joints, first)
    place = rest * 0.0
    # what lies at rest in x goes to place + turn (x - rest): turn x, and this behind it
    yield turn, place - _by(turn, rest)
    for before, own in pairwise([first, *later]):
        parents = np.array(mesh.parents)[own]
        # where those stand in the generation before
        above = np.searchsorted(before, parents)
        turn = _taken(turn, above) @ _taken(rotations, own)
        start = _taken(place, above)
        rest = _taken(joints, parents)
        yield turn, start - _by(turn, rest)
        # of the bones' ends, which the next ones start from
        place = start + _by(turn, _taken(joints, own) - rest)


def _generations(parents: tuple[int, ...]) -> list[np.ndarray]:
    """Joints by how far they are from the root, in ascending order."""
    found = [np.flatnonzero(np.array(parents) < 0)]
    while len(children := np.flatnonzero(np.isin(parents, found[-1]))):
        found.append(children)
    return found


def _taken(x: Value, places: np.ndarray) -> Value:
    listed = "_".join(str(place) for place in places)
    return x.take(x.graph.constant(f"places.{listed}", places.astype(np.int64)), axis=1)


def _by(matrices: Value, vectors: Value) -> Value:
    """Matrices (b, n, 3, 3) by vectors (b, n, 3)."""
    found = matrices @ vectors.expand_dims(axis=3)
    return found.reshape(vectors.shape)
