"""Numbers for the inputs of a case, and weights that make one number of its results."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from models.ops import Case, Draw

Shape = tuple[int, ...]


def draw(case: Case, seed: Sequence[int]) -> tuple[np.ndarray, ...]:
    """Inputs of an exam case, as its draws say; floats in float32."""
    rng = np.random.default_rng(list(seed))
    usual: Draw = "normal"
    kinds = case.draws or (usual,) * len(case.shapes)
    pairs = zip(kinds, case.shapes, strict=True)
    return tuple(_draw(rng, kind, shape, case.high) for kind, shape in pairs)


def weights_for(results: Sequence[np.ndarray], seed: int) -> tuple[np.ndarray, ...]:
    """Fixed random weights that turn results into a scalar.

    A plain sum would hide what a backend does wrong twice with opposite signs.
    """
    rng = np.random.default_rng(seed)
    return tuple(
        np.asarray(rng.normal(size=result.shape), np.float32) for result in results
    )


def _draw(rng: np.random.Generator, kind: Draw, shape: Shape, high: int) -> np.ndarray:
    match kind:
        case "positive":
            return np.asarray(rng.uniform(0.5, 2, shape), np.float32)
        case "unit":
            return np.asarray(rng.uniform(-0.9, 0.9, shape), np.float32)
        case "apart":
            return _apart(rng, shape)
        case "index":
            return np.asarray(rng.integers(0, high, shape))
        case "bool":
            return np.asarray(rng.random(shape) < 0.5)
        case "normal":
            return np.asarray(rng.normal(size=shape), np.float32)


def _apart(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    """A shuffled grid: neighbours 0.2 apart, none nearer to 0 than 0.06.

    No value is at a kink, and no two of one input tie. The grid of every input is moved by a
    part of a step of its own, so that two inputs do not tie either.
    """
    count = math.prod(shape)
    steps = rng.permutation(count) - count // 2
    moved = 0.3 + rng.uniform(0, 0.3)
    grid = (steps + moved) * 0.2
    return grid.reshape(shape).astype(np.float32)
