"""A program that does nothing: what timing it takes is the harness's own cost."""

from __future__ import annotations

from typing import Any

import numpy as np

from backends.base import Arrays, Feeds, Program
from models.graph import Graph


class NullProgram(Program):
    """Gives the zeros that it has made beforehand, of whatever it was loaded and fed."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._outputs = {name: np.zeros(()) for name in graph.outputs}

    def load(self, params: Arrays) -> None:
        """Keep nothing."""

    def params(self) -> dict[str, np.ndarray]:
        """There are none."""
        return {}

    def put(self, arrays: Arrays) -> Feeds:
        """As they come."""
        return arrays

    def run(self, feeds: Feeds) -> dict[str, Any]:
        """At once."""
        return self._outputs

    def numpy(self, value: Any) -> np.ndarray:
        """As it is."""
        return np.asarray(value)
