"""A coarse cage of four-cornered faces made fine and round.

Each face is divided into detail x detail, and all points are moved towards their neighbours'
mean, so often that the surface is about the cage's B-spline of the fifth degree. Places, skinning
weights and shapes are all mixed so, alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Places = NDArray[np.int64]
Quad = tuple[int, int, int, int]
Mixture = tuple[tuple[int, int], ...]  # (corner, share in units of detail squared)
# times detail squared. Each round spreads a point by a variance of 1/4 along an axis, and the
# faces themselves by 1/6 of a face squared: by 1/2, then, as a B-spline of the fifth degree does
ROUNDS = 4 / 3


class Rounded(NamedTuple):
    """What was given of the cage's points, for each vertex, and the triangles."""

    columns: Array  # (V, k)
    faces: Places  # (F, 3)


def rounded(
    faces: Sequence[Quad],
    columns: Array,
    detail: int,
) -> Rounded:
    """The fine surface of a closed cage: its columns (C, k), such as places, of each vertex."""
    numbers: dict[Mixture, int] = {}
    quads: list[Quad] = []
    for face in faces:
        quads += _divided(face, detail, numbers)
    found = np.zeros((len(numbers), columns.shape[1]))
    for mixture, number in numbers.items():
        for corner, share in mixture:
            found[number] += columns[corner] * (share / detail**2)
    ends, first, count = _neighbours(quads)
    for _ in range(round(ROUNDS * detail**2)):
        mean = np.add.reduceat(found[ends], first) / count[:, None]
        found = (found + mean) / 2
    corners = np.array(quads, np.int64)
    return Rounded(found, corners[:, [[0, 1, 2], [0, 2, 3]]].reshape(-1, 3))


def _divided(
    face: Quad,
    detail: int,
    numbers: dict[Mixture, int],
) -> list[Quad]:
    """The quads that a face becomes; a point that another face has keeps its number."""
    grid: list[list[int]] = []
    for i in range(detail + 1):
        row = []
        for j in range(detail + 1):
            mixture = _mixture(face, i, j, detail)
            row.append(numbers.setdefault(mixture, len(numbers)))
        grid.append(row)
    found: list[Quad] = []
    for i in range(detail):
        for j in range(detail):
            near = grid[i][j], grid[i + 1][j]
            far = grid[i + 1][j + 1], grid[i][j + 1]
            found.append((*near, *far))
    return found


def _mixture(
    face: Quad,
    i: int,
    j: int,
    detail: int,
) -> Mixture:
    """The corners that a point of a face's grid lies between: whole numbers, and so a name."""
    left = detail - i
    up = detail - j
    shares = (left * up, i * up, i * j, left * j)
    found = []
    for corner, share in zip(face, shares, strict=True):
        # on an edge two of them have none, and the face beyond gives the same name
        if share:
            found.append((corner, share))
    return tuple(sorted(found))


def _neighbours(quads: Sequence[Quad]) -> tuple[Places, Places, Places]:
    """Neighbours along the grid, vertex after vertex: where each one's begin, and how many."""
    pairs = set[tuple[int, int]]()
    for quad in quads:
        for one, other in zip(quad, (*quad[1:], quad[0]), strict=True):
            pairs |= {(one, other), (other, one)}
    starts, ends = np.array(sorted(pairs)).T
    _, first, count = np.unique(
        starts,
        return_index=True,
        return_counts=True,
    )
    return ends, first, count
