"""What a kernel writes with, and the two things that many of them write."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from models.dims import Length, Shape
from models.graph import Type

Ints = tuple[int, ...]


class Writer(Protocol):
    """Appends nodes to a graph; values are known by name."""

    def node(self, op: str, *inputs: str, **attributes: Any) -> str:
        """Append an ONNX node; the name of its result."""

    def several(
        self,
        op: str,
        *inputs: str,
        results: int,
        **attributes: Any,
    ) -> tuple[str, ...]:
        """Append an ONNX node with that many results; their names."""

    def constant(self, array: np.ndarray) -> str:
        """A stored array."""

    def lengths(self, values: Sequence[Length]) -> str:
        """A rank-1 int64 tensor of axis lengths, computed where they are symbolic."""

    def type(self, name: str) -> Type:
        """Shape and dtype of a value of the graph."""


def ints(w: Writer, *values: int) -> str:
    """A rank-1 tensor of numbers: axes and lengths are inputs of nodes, not attributes."""
    return w.constant(np.array(values, np.int64))


def zeros(w: Writer, like: str, shape: Shape) -> str:
    """Zeros of a shape that may be symbolic, in the type of `like`."""
    zero = np.zeros(1, w.type(like).dtype)
    return w.node("ConstantOfShape", w.lengths(shape), value=zero)
