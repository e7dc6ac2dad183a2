"""Surfaces of many poses as metrics take them: millimetres, some at a time.

A surface has a hundred times the numbers of its pose, so true ones are made when they are asked
for, and predicted ones stay in float32 until then.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.data.geometry.skinning import Skin

Array = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Made:
    """Vertices (N, V, 3) as a model gives them, metres."""

    vertices: Array

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, V, 3)."""
        return self.vertices.shape

    def __getitem__(
        self,
        span: slice,
        /,
    ) -> NDArray[np.float64]:
        """Those of some poses, mm."""
        return self.vertices[span].astype(np.float64) * 1000


@dataclass(frozen=True, eq=False)
class Posed:
    """The mean body in poses (N, J, 3), metres; NaN where a pose lacks a joint."""

    skin: Skin
    poses: Array

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, V, 3)."""
        return (len(self.poses), *self.skin.mesh.vertices.shape)

    def __getitem__(
        self,
        span: slice,
        /,
    ) -> NDArray[np.float64]:
        """Those of some poses, mm."""
        return self.skin.posed(self.poses[span]).astype(np.float64) * 1000
