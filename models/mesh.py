"""Mesh: a body's surface as plain arrays: what a mesh model, its losses and its skin know of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from models.errors import BadInput, UnknownName, shortened

Array = NDArray[np.float64]
Faces = NDArray[np.int64]

ONE = 1e-3  # by how much shares that make one may miss it, as files round them


@dataclass(frozen=True, eq=False, kw_only=True)
class Mesh:
    """V vertices of a body at rest, metres from its root, F faces and J joints in array order.

    `weights` say how much a vertex goes with each bone, which is called by the joint at its end;
    the root's column is the part about the root itself. Raises BadInput where the arrays do not
    belong together.
    """

    name: str
    vertices: Array  # (V, 3)
    faces: Faces  # (F, 3), counter-clockwise as seen from outside
    regressor: Array  # (J, V): joints from vertices; rows sum to 1
    weights: Array  # (V, J); rows sum to 1
    parents: tuple[int, ...]  # (J,): the joint above each, and -1 at the root
    # (S, V, 3): what one unit of each shape adds to the vertices
    shapes: Array = field(default_factory=lambda: np.zeros((0, 0, 3)))
    shape_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        count, joints = len(self.vertices), len(self.parents)
        shapes = len(self.shape_names)
        due: dict[str, tuple[int, ...]] = {
            "vertices": (count, 3),
            "faces": (len(self.faces), 3),
            "regressor": (joints, count),
            "weights": (count, joints),
        }
        if shapes:
            due["shapes"] = (shapes, count, 3)
        self._check_tree()
        for name, shape in due.items():
            self._check(name, shape)
        if not len(self.faces) or not 0 <= self.faces.min() <= self.faces.max() < count:
            raise BadInput(
                f"mesh {self.name}: faces that do not fit: corners from 0 to {count - 1} were due"
            )
        for name in ("regressor", "weights"):
            off = np.abs(getattr(self, name).sum(axis=1) - 1).max()
            if off > ONE:
                raise BadInput(
                    f"mesh {self.name}: rows of {name} miss 1 by up to {off:.3g}; shares that"
                    " sum to 1 were due"
                )

    def _check_tree(self) -> None:
        parents = np.array(self.parents, np.int64)
        count = len(parents)
        sound = (parents >= -1).all() and (parents < count).all()
        above = np.arange(count)
        # as many steps up as there are joints end above the root, but for those in a circle
        for _ in range(count if sound else 0):
            above = np.where(above < 0, -1, parents[above])
        if (parents == -1).sum() != 1 or (above >= 0).any():
            raise BadInput(
                f"mesh {self.name}: parents {shortened(self.parents)} are no tree; -1 was due at"
                f" one joint, the root, and at each other a place from 0 to {count - 1} that"
                " leads to it"
            )

    def _check(
        self,
        name: str,
        due: tuple[int, ...],
    ) -> None:
        value = getattr(self, name)
        if value.shape != due or not np.isfinite(value).all():
            raise BadInput(
                f"mesh {self.name}: {name} is {value.shape}; {due}, all finite, was due"
            )

    @property
    def joints(self) -> Array:
        """Where the regressor puts the joints at rest (J, 3)."""
        return self.regressor @ self.vertices

    def shaped(self, amounts: Mapping[str, float]) -> Mesh:
        """Another person's body: so many units of each shape by name. Raises UnknownName."""
        vertices = self.vertices
        for name, amount in amounts.items():
            if name not in self.shape_names:
                raise UnknownName(
                    f"shape of {self.name}",
                    name,
                    self.shape_names,
                )
            shape = self.shapes[self.shape_names.index(name)]
            vertices = vertices + amount * shape
        return replace(self, vertices=vertices)

    @property
    def edges(self) -> Faces:
        """(E, 2): each edge once, the smaller end first."""
        sides = self.faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)
        return np.unique(np.sort(sides, axis=1), axis=0)
