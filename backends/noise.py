"""Noise drawn with NumPy, to be fed: for frameworks that draw none, or none that will do.

ONNX Runtime's own generators will not do (1.31, CPU): `Bernoulli` gives 1 with probability
1 - p, streams of neighbouring seeds are correlated (0.008 over a million draws: eight
standard errors), and opset 22 on has no kernels.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from backends.program import Unsupported
from models import dims
from models.graph import Graph
from models.graph import Noise as Asked


class Noise:
    """Draws a graph's noise, anew for every call.

    It is the same for the same seed and call number, so that training resumes exactly.
    """

    def __init__(self, graph: Graph, seed: int) -> None:
        self.graph = graph
        self.seed = seed
        self.calls = 0

    def draw(self, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
        """Noise for inputs of `shapes`."""
        # NumPy hashes both numbers, so that neighbouring seeds and calls are independent
        rng = np.random.Generator(np.random.SFC64([self.seed, self.calls]))
        self.calls += 1
        lengths: dict[str, int] = {}
        for name, type_ in self.graph.inputs.items():
            dims.match(type_.shape, shapes[name], lengths)
        return {
            name: _drawn(rng, asked, dims.bind(asked.type.shape, lengths))
            for name, asked in self.graph.noise.items()
        }


def _drawn(
    rng: np.random.Generator,
    asked: Asked,
    shape: tuple[int, ...],
) -> np.ndarray:
    # a float64 would make the noise one too
    number = np.float32(asked.number)
    if asked.kind == "normal":
        return rng.standard_normal(shape, np.float32) * number
    uniform = rng.random(shape, np.float32)
    if asked.kind == "bernoulli":
        return (uniform < asked.number).astype(np.float32)
    if asked.kind == "uniform":
        return uniform * number
    raise Unsupported(f"{asked.kind} noise: backends/noise.py does not draw it")
