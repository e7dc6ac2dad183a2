"""What is left of an error after the best rotation, shift and (where allowed) scale.

Many poses at a time, no loop, hardly any LAPACK. With centred prediction y and truth x of J joints,
B = sum x_j y_j^T and its singular values s1 >= s2 >= |s3|, s3 signed as det B, the best rotation R
has trace(R^T B) = t = s1 + s2 + s3, the largest root of a quartic, and then it is a polynomial in
B:

    (t^2 - |B|^2)^2 - 8 t det B - 4 |cof B|^2 = 0

    g R = ((t^2 + |B|^2) / 2 - B B^T) B + t cof B
    g   = t (t^2 - |B|^2) / 2 - det B = (s1 + s2) (s2 + s3) (s3 + s1)

(Markley 1993, "Attitude determination using vector observations: a fast optimal matrix algorithm").
The best scale is t / |y|^2 (Umeyama 1991). Where g is next to nothing the rotation is not unique
(points on a line, some mirrored poses): those poses go through the singular value decomposition
instead, one by one the same numbers as with it for all.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.metrics import _missing
from bench.metrics._facts import Array
from bench.metrics._lengths import POINTS, lengths

# least g / t^3 for the closed form: rounding errors in R stay below about 1e-15 / SURE^1.5
SURE = 1e-3
# most |y| |x| / |B|, about the origin, for the closed form: at 17 times its radius from it a pose
# is at 300
FAR = 1e3
BOUNDS = 3  # bounds of t before the first Newton step
STEPS = 20  # most Newton steps; two are usual, many are needed near a multiple root
# relative size of a step after which the next, about its square, would be nothing
CLOSE = 1e-7


def distances(pred: Array, true: Array, *, scaled: bool = True) -> Array:
    """(N, J) mm between aligned prediction and truth, however many poses come.

    In blocks, or all that lies between would go through memory: a call with 100,000 poses took
    2.5 times as long as the same poses block by block.
    """
    size = max(1, POINTS // max(1, true.shape[1]))
    found = np.empty(
        true.shape[1::-1]
    ).T  # poses last in memory, as the blocks have them
    for start in range(0, len(true), size):
        part = slice(start, start + size)
        left = residuals(pred[part], true[part], scaled=scaled)
        found[part] = lengths(left)
    return found


def residuals(pred: Array, true: Array, *, scaled: bool = True) -> Array:
    """Aligned prediction minus truth (N, J, 3) of poses (N, J, 3), all mm.

    A prediction collapsed to a point gets scale 0. Joints that the truth lacks are NaN and play no
    part; of a pose that lacks some and has fewer than three others all are NaN. Fastest in blocks
    that fit the cache, their coordinates lying as (3, J, N) in memory.
    """
    if _missing.partly(true):
        return _of_those_there(pred, true, scaled=scaled)
    # (3, J, N); no copy where they lie so already, as `_blocks.py` has them
    y, x = (np.ascontiguousarray(pose.transpose(2, 1, 0)) for pose in (pred, true))
    # whatever becomes of a degenerate pose here is replaced below
    with np.errstate(all="ignore"):
        turn, shift, sure = _motion(y, x, scaled=scaled)
        error = np.einsum("cdn,djn->jcn", turn, y)
        error += shift
        error = error.transpose(2, 0, 1)  # (N, J, 3)
        error -= x.transpose(2, 1, 0)
    if not sure.all():
        doubtful = (np.ascontiguousarray(pose[~sure]) for pose in (pred, true))
        error[~sure] = by_svd(*doubtful, scaled=scaled)
    return error


def _of_those_there(pred: Array, true: Array, *, scaled: bool) -> Array:
    """The same where joints are missing.

    About the mean of those that are there, zeros in place of the others add to no sum.
    """
    there = _missing.enough(true)
    count = np.maximum(there.sum(axis=1, keepdims=True), 1)
    centred = []
    for pose in (pred, true):
        pose = np.where(there, pose, 0.0)
        mean = pose.sum(axis=1, keepdims=True) / count
        centred.append(np.where(there, pose - mean, 0.0))
    return np.where(there, residuals(*centred, scaled=scaled), np.nan)


def by_svd(pred: Array, true: Array, *, scaled: bool = True) -> Array:
    """The same by singular values, for any pose.

    y^T x = U S V^T, R = U D V^T, D = diag(1, 1, sign(det U det V)).
    """
    y = pred - pred.mean(axis=1, keepdims=True)
    x = true - true.mean(axis=1, keepdims=True)
    left, sizes, right = np.linalg.svd(np.swapaxes(y, 1, 2) @ x)
    # never a reflection
    sign = np.where(np.linalg.det(left) * np.linalg.det(right) < 0, -1.0, 1.0)
    left[:, :, 2] *= sign[:, None]
    sizes[:, 2] *= sign
    spread = np.einsum("njc,njc->n", y, y)
    scale = np.ones_like(spread)
    if scaled:
        # 0 stays where all joints are one point
        scale = np.zeros_like(spread)
        np.divide(sizes.sum(axis=1), spread, out=scale, where=spread > 0)
    return scale[:, None, None] * (y @ (left @ right)) - x


def _motion(
    y: Array,
    x: Array,
    *,
    scaled: bool,
) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Scaled rotation (3, 3, N) and shift (3, N), and whether they are to be trusted (N,).

    Sums are taken about the origin and then moved to the mean, which spares a copy of all
    coordinates (3, J, N). That costs digits where poses lie far from the origin, so those are not
    trusted.
    """
    joints = y.shape[1]
    # two rows and columns more than B has, for `_turn`
    wide = np.empty((5, 5, y.shape[2]))
    cov = np.einsum("cjn,djn->cdn", x, y, out=wide[:3, :3])
    mean_y = y.mean(axis=1)
    mean_x = x.mean(axis=1)
    cov -= (joints * mean_x)[:, None] * mean_y
    size_y, size_x = (np.einsum("cjn,cjn->n", points, points) for points in (y, x))
    turn, trace, gap, square = _turn(wide)
    # |y|^2 about the mean
    spread = size_y - joints * np.einsum("cn,cn->n", mean_y, mean_y)
    turn *= (trace / spread if scaled else 1.0) / gap
    shift = mean_x - np.einsum("cdn,dn->cn", turn, mean_y)
    # NaN is neither greater nor less
    unique = gap > SURE * trace * trace * trace
    near = size_y * size_x < FAR**2 * square
    return turn, shift, unique & near & np.isfinite(shift[0])


def _turn(wide: Array) -> tuple[Array, Array, Array, Array]:
    """g R (3, 3, N), t, g and |B|^2 (N,) from B (3, 3, N).

    B is the first rows and columns of (5, 5, N); the others are filled here.
    """
    cov = wide[:3, :3]
    wide[3:, :3] = wide[:2, :3]
    # rows and columns go round, so that all cofactors are two products of shifted blocks
    wide[:, 3:] = wide[:, :2]
    cofactors = wide[1:4, 1:4] * wide[2:5, 2:5]
    cofactors -= wide[1:4, 2:5] * wide[2:5, 1:4]
    square = np.einsum("cdn,cdn->n", cov, cov)
    det = np.einsum("dn,dn->n", cov[0], cofactors[0])
    trace = _largest_root(square, det, np.einsum("cdn,cdn->n", cofactors, cofactors))
    # g R = t cof B - (B B^T - (t^2 + |B|^2) / 2) B, in the memory of the cofactors
    gram = np.einsum("ckn,dkn->cdn", cov, cov)
    # a view of the diagonal
    np.einsum("ccn->cn", gram)[...] -= (trace * trace + square) / 2
    cofactors *= trace
    cofactors -= np.einsum("ckn,kdn->cdn", gram, cov)
    gap = trace * (trace * trace - square) / 2 - det
    return cofactors, trace, gap, square


def _largest_root(square: Array, det: Array, minors: Array) -> Array:
    """t (N,) from |B|^2, det B and |cof B|^2, by Newton's method; NaN where that takes too long.

    From above, where it can only descend. As (t^2 - |B|^2)^2 = 4 |cof B|^2 + 8 t det B, an upper
    bound of t put in on the right gives a better one.
    """
    fixed = 4 * minors
    slope = 8 * det
    # three numbers with this sum of squares add up to no more
    root = np.sqrt(3 * square)
    # without a negative part, or the right side would not be an upper bound
    growth = np.maximum(slope, 0)
    for _ in range(BOUNDS):
        root = np.sqrt(square + np.sqrt(fixed + growth * root))
    for _ in range(STEPS):
        excess = root * root - square
        step = (excess * excess - slope * root - fixed) / (4 * root * excess - slope)
        root -= step
        far = step > CLOSE * root
        if not far.any():
            return root
    return np.where(far, np.nan, root)
