"""Rotations out of any 3 x 3 matrices.

Of M = U S V^T the orthogonal part is U V^T, and it changes smoothly with M, also where singular
values are equal and U and V do not: so it is computed without them. Axes: n matrices of nine
elements, row by row.
"""

from __future__ import annotations

import numpy as np

from models.dims import size
from models.errors import SpecError
from models.value import Value, author_line

Array = np.ndarray
# leave 4e-10, at singular values from 1 to 1e-6; the first order squares that
STEPS = 5
TINY = 1e-30  # size of a matrix of zeros, which has no rotation: zeros come of it
FLAT = 1e-7  # two singular values that float32 does not tell from 0: no turn is known


def special_orthogonal(matrices: Value) -> Value:
    """(..., 3, 3) -> U V^T, all of it negated where its determinant is below 0.

    That is a rotation, as GraphCMR (Kolotouros et al., CVPR 2019) takes it; the nearest one to
    M only where det M is above 0. A determinant of 0 counts as above; a matrix of rank 1 has
    many such rotations, and what comes of it is finite and no more. Raises SpecError for
    matrices of another shape.
    """
    if matrices.shape[-2:] != (3, 3):
        raise SpecError(
            f"{author_line()}: special_orthogonal: matrices (..., 3, 3) were due,"
            f" {matrices.type} came"
        )
    given = matrices.reshape((size(matrices.shape[:-2]), 9))
    # of unit size, which has no part in the rotation
    unit = given / _size(given).stop_gradient()
    fixed = unit.stop_gradient()
    upright = _determinant(fixed, _cofactors(fixed)).greater_equal(0.0)
    sign = upright.astype(given.dtype) * 2.0 - 1.0
    signed = unit * sign
    rotation = _balanced(fixed * sign)
    return _first_order(signed, rotation).reshape(matrices.shape)


def _balanced(x: Value) -> Value:
    """(n, 9): the rotation of matrices with a determinant from 0.

    Cofactors have the same U and V. Added on the scale of x, they lift small singular values
    and bring near ones together, twice as many digits a step (Higham, 1986, without inverses).
    """
    for _ in range(STEPS):
        others = _cofactors(x)
        x = x + others * (_size(x) / _size(others))
        x = x / _size(x)
    # three singular values of 1
    return x * 3**0.5


def _first_order(x: Value, rotation: Value) -> Value:
    """The rotation, moved with x: with M = R S, a turn w of R is vee(R^T dM - dM^T R) / (tr S - S).

    No gradient goes through the steps that led to R.
    """
    g = x.graph
    r = rotation.reshape((x.shape[0], 3, 3))
    stretch = r.permute_dims((0, 2, 1)) @ x.reshape(r.shape)
    flat = stretch.reshape(x.shape)
    # 0 but for rounding: its slope is what is wanted
    turn = flat @ g.constant("rotations.turn", _turn())
    spread = flat.stop_gradient() @ g.constant("rotations.spread", _spread())
    cofactors = _cofactors(spread)
    determinant = _determinant(spread, cofactors).maximum(FLAT)
    inverse = (cofactors / determinant).reshape(r.shape)
    turned = (turn.expand_dims(axis=1) @ inverse).squeeze(axis=1)
    skew = (turned @ g.constant("rotations.skew", _turn().T)).reshape(r.shape)
    return r + r @ skew


def _size(x: Value) -> Value:
    """(n, 9) -> (n, 1)."""
    squares = (x * x).sum(axis=1, keepdims=True)
    return squares.sqrt().maximum(TINY)


def _cofactors(x: Value) -> Value:
    """Each element's minor of four others, with its sign; (n, 9)."""
    a, b, c, d = (
        x.take(x.graph.constant(f"rotations.minor_{i}", places), axis=1)
        for i, places in enumerate(_minors())
    )
    return a * b - c * d


def _determinant(x: Value, cofactors: Value) -> Value:
    """(n, 1): by every row, which is three times the same."""
    return (x * cofactors).sum(axis=1, keepdims=True) / 3.0


def _minors() -> tuple[Array, ...]:
    """Of each element, the places of a, b, c, d in its cofactor a b - c d."""
    row, column = np.divmod(np.arange(9), 3)
    steps = ((1, 1), (2, 2), (1, 2), (2, 1))
    return tuple((row + i) % 3 * 3 + (column + j) % 3 for i, j in steps)


def _turn() -> Array:
    """(9, 3): A -> (A32 - A23, A13 - A31, A21 - A12); its transpose writes a turn as a matrix."""
    table = np.zeros((3, 3, 3))
    for axis in range(3):
        before, behind = (axis + 1) % 3, (axis + 2) % 3
        table[behind, before, axis] = 1
        table[before, behind, axis] = -1
    return table.reshape(9, 3)


def _spread() -> Array:
    """(9, 9): S -> tr S - S, the sums of two singular values each."""
    eye = np.eye(3).reshape(9)
    return np.outer(eye, eye) - np.eye(9)
