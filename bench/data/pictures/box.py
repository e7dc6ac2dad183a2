"""Where a person stands in a picture, and the units in which an image model speaks of it.

A box (x, y, width, height) is its middle and its sides, pixels; `models.crop` says the units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.data.clip import Clip
from models.crop import DEPTH

Array = NDArray[np.float64]
Index = NDArray[np.int64]

MARGIN = 1.25  # joints lie inside of the body, and a hand may be raised
METRE = 1000.0  # mm


def boxes(
    clip: Clip,
    joints: Sequence[str],
    size: tuple[int, int],
) -> Array:
    """The box of each frame (frames, 4), of the shape of a picture of `size` (height, width).

    Around the box that the clip brings with its pictures, else around its keypoints of the
    `joints`, with a margin.
    """
    if clip.boxes is not None:
        corner, sides = np.split(clip.boxes.astype(np.float64), 2, axis=1)
        return _shaped(corner + sides / 2, sides, size)
    seen = clip.keypoints[:, list(clip.skeleton.indices(joints))].astype(np.float64)
    low, high = seen.min(axis=1), seen.max(axis=1)
    return _shaped((low + high) / 2, high - low, size)


def _shaped(
    middle: Array,
    sides: Array,
    size: tuple[int, int],
) -> Array:
    """Boxes (n, 4) with a margin, as wide as high where the picture is."""
    aspect = size[1] / size[0]
    # one pixel at least: joints may all lie on one place
    width = MARGIN * np.maximum(sides[:, 0], sides[:, 1] * aspect).clip(1.0)
    return np.stack([middle[:, 0], middle[:, 1], width, width / aspect], axis=1)


@dataclass(frozen=True, eq=False)
class Views:
    """How frames are seen: the camera's focal lengths and centre, the box, the root in mm."""

    lenses: Array  # (frames, 4), pixels
    boxes: Array  # (frames, 4), pixels
    roots: Array  # (frames, 3)

    def units(
        self,
        poses: NDArray[np.floating],
        frames: Index,
    ) -> NDArray[np.float32]:
        """Poses (..., J, 3) of frames (...), metres from the root, in crop units."""
        lens, box, root = self._at(frames)
        focal, centre = lens[..., :2], lens[..., 2:]
        middle, sides = box[..., :2], box[..., 2:]
        points = root + METRE * poses.astype(np.float64)
        pixels = focal * points[..., :2] / points[..., 2:] + centre
        place = (pixels - middle) / sides
        found = np.concatenate([place, poses[..., 2:] / DEPTH], axis=-1)
        return found.astype(np.float32)

    def metres(
        self,
        made: NDArray[np.floating],
        frames: Index,
    ) -> NDArray[np.float32]:
        """Undoes `units`: box, camera and the depth of the true root are given."""
        lens, box, root = self._at(frames)
        focal, centre = lens[..., :2], lens[..., 2:]
        middle, sides = box[..., :2], box[..., 2:]
        pixels = middle + made[..., :2].astype(np.float64) * sides
        depth = root[..., 2:] + METRE * DEPTH * made[..., 2:]
        sideways = (pixels - centre) / focal * depth
        points = np.concatenate([sideways, depth], axis=-1)
        return ((points - root) / METRE).astype(np.float32)

    def _at(self, frames: Index) -> tuple[Array, Array, Array]:
        """Lens, box and root (..., 1, n) of frames (...), for all joints of each."""
        lens, box, root = self.lenses[frames], self.boxes[frames], self.roots[frames]
        return lens[..., None, :], box[..., None, :], root[..., None, :]
