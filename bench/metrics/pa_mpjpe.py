"""PA-MPJPE: MPJPE after the similarity (rotation, scale, shift) that brings the prediction nearest to the truth, pose by pose.

With centred prediction Y and truth X and Y^T X = U S V^T, the rotation is R = U D V^T, D = diag(1, 1, sign(det U det V)), the
scale tr(S D) / |Y|^2 (Umeyama 1991; protocol as VideoPose3D's `p_mpjpe`). A prediction collapsed to a point has scale 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.metrics.mpjpe import distances

NAME, UNIT, BETTER = "PA-MPJPE", "mm", "lower"


def align(pred: NDArray[np.float64], true: NDArray[np.float64]) -> NDArray[np.float64]:
    """The predictions (N, J, 3), each moved onto its truth."""
    middle = true.mean(axis=1, keepdims=True)
    y, x = pred - pred.mean(axis=1, keepdims=True), true - middle
    left, sizes, right = np.linalg.svd(np.swapaxes(y, 1, 2) @ x)
    sign = np.where(np.linalg.det(left) * np.linalg.det(right) < 0, -1.0, 1.0)  # never a reflection
    left[:, :, 2] *= sign[:, None]
    sizes[:, 2] *= sign
    spread = np.einsum("njc,njc->n", y, y)
    scale = np.divide(sizes.sum(axis=1), spread, out=np.zeros_like(spread), where=spread > 0)
    return scale[:, None, None] * (y @ (left @ right)) + middle


def values(pred: NDArray[np.float64], true: NDArray[np.float64], *, clips: NDArray[np.int64]) -> NDArray[np.float64]:
    """(N,) millimetres per pose."""
    return distances(align(pred, true), true).mean(axis=1)
