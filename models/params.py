"""Initial weights: each array is drawn by a generator of its own.

It is seeded by (seed, parameter name), so inserting a layer changes no other weight.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import ml_dtypes  # noqa: F401  # tells NumPy what bfloat16 is
import numpy as np

from models.dims import fixed
from models.errors import BadInput
from models.nodes import INITIALISERS, Param

Arrays = dict[str, np.ndarray]


def draw(params: Mapping[str, Param], *, seed: int) -> Arrays:
    """Float32 (or int64) arrays for `params`."""
    return {name: _draw(name, param, seed) for name, param in params.items()}


def fit(params: Mapping[str, Param], arrays: Mapping[str, np.ndarray]) -> Arrays:
    """`arrays` in the order and dtype of `params`.

    Raises BadInput naming the first five differences; nothing is loaded then.
    """
    # all differences before the message: one that stops at the first costs a run for each
    wrong = [f"{name} is missing" for name in params if name not in arrays]
    wrong += [f"{name} is not in the model" for name in arrays if name not in params]
    wrong += [
        f"{name} has shape {arrays[name].shape}, the model has {param.type.shape}"
        for name, param in params.items()
        if name in arrays and arrays[name].shape != param.type.shape
    ]
    if wrong:
        raise BadInput(
            f"the checkpoint does not fit, {len(wrong)} differences: {'; '.join(wrong[:5])}"
        )
    return {
        name: np.asarray(arrays[name], param.type.dtype)
        for name, param in params.items()
    }


def _draw(name: str, param: Param, seed: int) -> np.ndarray:
    kind, number = param.init
    shape = tuple(map(fixed, param.type.shape))
    # 64 bits of a hash that, unlike Python's own, is the same in every process
    digest = hashlib.sha256(name.encode()).digest()
    key = int.from_bytes(digest[:8], "little")
    generator = np.random.default_rng([seed, key])
    match kind:
        case "zeros":
            array = np.zeros(shape)
        case "ones":
            array = np.ones(shape)
        case "constant":
            array = np.full(shape, number)
        case "normal":
            array = generator.normal(0, number, shape)
        case "trunc_normal":  # within two deviations, as timm's and TensorFlow's
            array = _truncated(generator, shape) * number
        case "uniform":
            array = generator.uniform(-number, number, shape)
        case _:
            raise BadInput(
                f"{name}: no initialiser called {kind!r}; known: {', '.join(INITIALISERS)}"
            )
    # drawn in float64 whatever the dtype, so that float16 weights are rounded float32 ones
    return array.astype(param.type.dtype)


def _truncated(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Standard normal draws, those beyond two deviations drawn again."""
    array = generator.normal(size=shape)
    # 4.6 % are outside at first, so four or five rounds do
    while (outside := np.abs(array) > 2).any():
        again = generator.normal(size=int(outside.sum()))
        array[outside] = again
    return array
