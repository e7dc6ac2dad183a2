"""A coarse cage of four-cornered faces made fine and round.

Each face is divided into detail x detail, and all points are moved towards their neighbours'
mean, so often that the surface is about the cage's cubic B-spline. All that comes out is a mixture
of the cage's points, the same for places, for skinning weights and for shapes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Quad = tuple[int, int, int, int]
Mixture = tuple[tuple[int, int], ...]  # (corner, share in units of detail squared)
ROUNDS = 4 / 3  # times detail squared: then a point spreads as in a cubic B-spline


class Rounded(NamedTuple):
    """Which cage points each vertex is a mixture of, and the triangles."""

    shares: Array  # (V, C), rows sum to 1
    faces: NDArray[np.int64]  # (F, 3)


def rounded(faces: Sequence[Quad], detail: int) -> Rounded:
    """The fine surface of a closed cage, by its faces alone."""
    numbers: dict[Mixture, int] = {}
    quads: list[Quad] = []
    for face in faces:
        quads += _divided(face, detail, numbers)
    shares = np.zeros((len(numbers), 1 + max(max(face) for face in faces)))
    for mixture, number in numbers.items():
        for corner, share in mixture:
            shares[number, corner] = share / detail**2
    near = _neighbours(quads, len(numbers))
    for _ in range(round(ROUNDS * detail**2)):
        shares = (shares + near @ shares) / 2
    corners = np.array(quads, np.int64)
    return Rounded(shares, corners[:, [[0, 1, 2], [0, 2, 3]]].reshape(-1, 3))


def _divided(face: Quad, detail: int, numbers: dict[Mixture, int]) -> list[Quad]:
    """The quads that a face becomes; a point that another face has keeps its number."""
    grid = np.empty((detail + 1, detail + 1), int)
    for i in range(detail + 1):
        for j in range(detail + 1):
            mixture = _mixture(face, i, j, detail)
            grid[i, j] = numbers.setdefault(mixture, len(numbers))
    corners = (grid[:-1, :-1], grid[1:, :-1], grid[1:, 1:], grid[:-1, 1:])
    rows = np.stack(corners, axis=-1).reshape(-1, 4).tolist()
    return [(a, b, c, d) for a, b, c, d in rows]


def _mixture(face: Quad, i: int, j: int, detail: int) -> Mixture:
    """The corners that a point of a face's grid lies between: whole numbers, and so a name."""
    left, up = detail - i, detail - j
    shares = (left * up, i * up, i * j, left * j)
    pairs = zip(face, shares, strict=True)
    return tuple(sorted((corner, share) for corner, share in pairs if share))


def _neighbours(quads: Sequence[Quad], count: int) -> Array:
    """(V, V): rows that take the mean of a vertex's neighbours along the grid."""
    near = np.zeros((count, count))
    for quad in quads:
        for one, other in zip(quad, (*quad[1:], quad[0]), strict=True):
            near[one, other] = near[other, one] = 1
    mean: Array = near / near.sum(axis=1, keepdims=True)
    return mean
