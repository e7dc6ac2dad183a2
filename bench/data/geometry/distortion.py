"""What a camera's lens does to rays of light, and how to undo it; `cameras.py` does the rest.

    distorted(x) = x (1 + k1 r2 + k2 r4 + k3 r6 + <p, x>) + p r2          r2 = <x, x>

is Human3.6M's lens: the tangential term has factor 1 where OpenCV's has 2 on the diagonal, and
`tangential` is stored as VideoPose3D has it, p[0] going with x. Human3.6M's own files and mmpose
store the two numbers the other way round. A ray (x, y) is a point at depth 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
Float = NDArray[np.float64]

STEPS = 20  # of Newton's method in `undistort`; a real lens takes 3 or 4
EXACT = 1e-14  # of an error in rays: Newton's method gains nothing beyond it
CLOSE = 1e-9  # of an error in rays, a millionth of a pixel: more, and no ray was found


@dataclass(frozen=True, eq=False)
class Distortion:
    """radial (3,), the coefficients k1 to k3, and tangential (2,), p."""

    radial: Float
    tangential: Float

    @property
    def distorts(self) -> bool:
        """Whether the lens has any distortion."""
        return bool(self.radial.any() or self.tangential.any())

    def distort(self, rays: Array) -> Array:
        """What the lens makes of ideal rays (..., 2)."""
        square = (rays**2).sum(axis=-1, keepdims=True)
        tilt = (rays * self.tangential).sum(axis=-1, keepdims=True)
        stretch = 1 + self._polynomial(square) + tilt
        return rays * stretch + self.tangential * square

    def undistort(self, seen: Float) -> tuple[Float, NDArray[np.bool_]]:
        """The ideal rays (..., 2) of what the lens shows, and which were not found (...).

        The inverse has no closed form: Newton's method, begun from what is seen.
        """
        rays = seen.copy()
        for _ in range(STEPS):
            error = self.distort(rays) - seen
            if np.abs(error).max(initial=0.0) < EXACT:
                break
            rays -= _solve(self._slope(rays), error)
        # `not less` and not `greater`: NaN is no solution either
        apart = ~(np.abs(self.distort(rays) - seen).max(axis=-1) < CLOSE)
        # past the edge of the lens the polynomial folds back: a ray there is a false solution
        folded = ~(np.linalg.det(self._slope(rays)) > 0)
        return rays, apart | folded

    def _polynomial(self, square: Array) -> Array:
        k1, k2, k3 = self.radial
        return square * (k1 + square * (k2 + square * k3))

    def _slope(self, rays: Float) -> Float:
        """(..., 2, 2): how `distort` changes with the rays."""
        k1, k2, k3 = self.radial
        p = self.tangential
        square = (rays**2).sum(axis=-1)
        stretch = 1 + self._polynomial(square) + rays @ p
        # d stretch / d ray = growth * ray + p
        growth = 2 * (k1 + square * (2 * k2 + square * 3 * k3))
        outer = rays[..., :, None] * (growth[..., None, None] * rays[..., None, :] + p)
        # d (p r2) / d ray
        shift = 2 * p[:, None] * rays[..., None, :]
        return outer + shift + stretch[..., None, None] * np.eye(2)


def _solve(matrix: Float, right: Float) -> Float:
    """matrix^-1 @ right for 2 x 2 matrices, by Cramer's rule."""
    (a, b), (c, d) = np.moveaxis(matrix, (-2, -1), (0, 1))
    x = right[..., 0]
    y = right[..., 1]
    return (
        np.stack([d * x - b * y, a * y - c * x], axis=-1) / (a * d - b * c)[..., None]
    )
