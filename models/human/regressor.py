"""The joints of a mesh from its vertices, right in every pose and not at rest alone.

A skinned vertex goes with its bones in shares w, each of which moves it by an affine map, and a
joint is where the maps of its bones agree. So a row r, which sums to 1, regresses joint j in every
pose where, for each bone b that meets in j,

    sum_v r_v w_vb (x_v - j) = 0,

and where no other bone has a share in it. Of these, what concerns the rest pose is held exactly;
the others are held by least squares, for what they would take in large shares of either sign makes
much of a small error of a vertex. Vertices far from the joint count little.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

REACH = 0.10  # metres in which a vertex comes to count a third
# metres of a pose's error that a row of length 1 is worth; of the built-in body rows have 1.7 at
# most, and joints are off by 0.7 mm in the mean
SMALL = 3e-3
LEVER = 0.3  # metres at which a bone that has no business in a joint would move it


def fitted(
    vertices: Array, weights: Array, joints: Array, parents: Sequence[int]
) -> Array:
    """Rows (J, V) for joints (J, 3) of vertices (V, 3) with weights (V, J)."""
    rows = [
        _row(vertices - place, weights, _meeting(joint, weights, parents))
        for joint, place in enumerate(joints)
    ]
    return np.stack(rows)


def _meeting(joint: int, weights: Array, parents: Sequence[int]) -> set[int]:
    """The bones that end or begin in a joint; one that moves nothing goes with the one above."""
    found = [bone for bone, parent in enumerate(parents) if joint in (bone, parent)]
    moves = weights.sum(axis=0) > 0
    return {bone if moves[bone] else parents[bone] for bone in found}


def _row(away: Array, weights: Array, meeting: set[int]) -> Array:
    """One joint's row, of vertices (V, 3) as seen from the joint."""
    others = [bone for bone in range(weights.shape[1]) if bone not in meeting]
    near = np.exp(-np.linalg.norm(away, axis=1) / REACH)
    exact = near * np.stack([np.ones(len(away)), *away.T])
    shares = weights[:, others].T * LEVER
    levers = np.einsum("vb,vi->biv", weights, away).reshape(-1, len(away))
    posed = near * np.concatenate([shares, levers])
    # the least |posed r|^2 + SMALL^2 |r|^2 under exact r = (1, 0, 0, 0): what the inverse of a
    # matrix as large as the mesh does to four columns, by that of a small one
    inner = posed @ posed.T + SMALL**2 * np.eye(len(posed))
    columns = exact.T - posed.T @ np.linalg.solve(inner, posed @ exact.T)
    row = columns @ np.linalg.solve(exact @ columns, np.eye(4)[0])
    found: Array = near * row
    return found
