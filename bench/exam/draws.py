"""Numbers for the inputs of a case, and weights that make one number of its results."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from models.ops import Case, Draw

MASK = -1e9  # what models write for "not this one"

Array = np.ndarray
Arrays = tuple[Array, ...]
Shape = tuple[int, ...]
Rng = np.random.Generator


def draw(case: Case, seed: Sequence[int]) -> Arrays:
    """Inputs of an exam case, as its draws say; floats in float32."""
    rng = np.random.default_rng(list(seed))
    usual: Draw = "normal"
    kinds = case.draws or (usual,) * len(case.shapes)
    # one generator for all inputs: two of one shape differ
    pairs = zip(kinds, case.shapes, strict=True)
    return tuple(
        _apart(rng, shape, i) if kind == "apart" else _draw(rng, kind, shape, case.high)
        for i, (kind, shape) in enumerate(pairs)
    )


def weights_for(results: Sequence[Array], seed: int) -> Arrays:
    """Fixed random weights that turn results into a scalar.

    A plain sum would hide what a backend does wrong twice with opposite signs.
    """
    rng = np.random.default_rng(seed)
    drawn = [rng.normal(size=result.shape) for result in results]
    # of a scalar result the draw is a number, no array
    return tuple(np.asarray(weight, np.float32) for weight in drawn)


def _draw(
    rng: Rng,
    kind: Draw,
    shape: Shape,
    high: int,
) -> Array:
    match kind:
        case "positive":
            # away from 0, where log, sqrt and quotients lose their digits
            return np.asarray(rng.uniform(0.5, 2, shape), np.float32)
        case "masked":
            found = rng.normal(size=shape)
            found[rng.random(shape) < 0.3] = MASK
            found[:1] = MASK  # where nothing is left, all weights are alike
            return np.asarray(found, np.float32)
        case "unit":
            return np.asarray(rng.uniform(-0.9, 0.9, shape), np.float32)
        case "index":
            return np.asarray(rng.integers(0, high, shape))
        case "bool":
            return np.asarray(rng.random(shape) < 0.5)
        case _:
            return np.asarray(rng.normal(size=shape), np.float32)


def _apart(rng: Rng, shape: Shape, number: int) -> Array:
    """A shuffled grid: neighbours 0.2 apart, none nearer to 0 than 0.06.

    No value is at a kink, and no two of one input tie. The grid of every input is moved by a
    part of a step of its own, so that two inputs do not tie either.
    """
    count = math.prod(shape)
    steps = rng.permutation(count) - count // 2
    moved = 0.3 + 0.15 * (number % 3) + rng.uniform(0, 0.05)
    grid = (steps + moved) * 0.2
    return grid.reshape(shape).astype(np.float32)
