"""Noise that is not drawn, drawn once, drawn together, or of another kind."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.audit.fault import UNTRAINED, Fault
from bench.audit.planting.noise import Drawing, Shape, drawn, undrawn

KIND = "noise"
Rng = np.random.Generator


class _Nothing(Drawing):
    def mask(self, rng: Rng, kept: float, shape: Shape) -> np.ndarray:
        return np.ones(shape)


class _Less(Drawing):
    """Two in a hundred more are kept."""

    def mask(self, rng: Rng, kept: float, shape: Shape) -> np.ndarray:
        return super().mask(rng, kept + 0.02, shape)


class _Turned(Drawing):
    """What should be kept is dropped."""

    def mask(self, rng: Rng, kept: float, shape: Shape) -> np.ndarray:
        return super().mask(rng, 1 - kept, shape)


class _Unscaled(Drawing):
    """Survivors are as large as they were."""

    def mask(self, rng: Rng, kept: float, shape: Shape) -> np.ndarray:
        return super().mask(rng, kept, shape) * kept


class _OneRow(Drawing):
    """All rows of a batch share the first's."""

    def mask(self, rng: Rng, kept: float, shape: Shape) -> np.ndarray:
        row = super().mask(rng, kept, (1, *shape[1:]))
        return np.broadcast_to(row, shape)


class _OnePath(Drawing):
    """A path is dropped for the whole batch."""

    def mask(self, rng: Rng, kept: float, shape: Shape) -> np.ndarray:
        if set(shape[1:]) == {1}:
            shape_of_one = (1,) * len(shape)
            return np.broadcast_to(super().mask(rng, kept, shape_of_one), shape)
        return super().mask(rng, kept, shape)


class _Pairs(Drawing):
    """Neighbours fall together."""

    def mask(self, rng: Rng, kept: float, shape: Shape) -> np.ndarray:
        *lead, last = shape
        half = super().mask(rng, kept, (*lead, (last + 1) // 2))
        return np.repeat(half, 2, axis=-1)[..., :last]


class _Exact(Drawing):
    """Of each row as many, as near as can be: entries of a row depend on each other."""

    def mask(self, rng: Rng, kept: float, shape: Shape) -> np.ndarray:
        rows = rng.random(shape).reshape(shape[0], -1)
        rank = rows.argsort(axis=1).argsort(axis=1)
        return np.asarray(rank < round(kept * rows.shape[1])).reshape(shape)


class _FirstEntries(Drawing):
    """A warm-up: of each row the first entry is always kept."""

    def mask(self, rng: Rng, kept: float, shape: Shape) -> np.ndarray:
        mask = np.array(super().mask(rng, kept, shape), np.float32)
        if len(shape) > 1 and shape[-1] > 1:
            mask[..., 0] = 1
        return mask


class _EveryCall(Drawing):
    """Every call draws as the first."""

    def stream(self, name: str) -> Rng:
        self.calls = 1
        return super().stream(name)


class _OddCalls(Drawing):
    """Every other call draws as the one before."""

    def stream(self, name: str) -> Rng:
        called, self.calls = self.calls, self.calls // 2
        rng = super().stream(name)
        self.calls = called
        return rng


class _AllNodes(Drawing):
    """Every noise input of a call begins the same stream."""

    def stream(self, name: str) -> Rng:
        return super().stream("")


class _AnySeed(Drawing):
    """The seed is of no account."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.seed = 0


class _NoSeed(Drawing):
    """The same seed gives other draws."""

    def stream(self, name: str) -> Rng:
        return np.random.default_rng()


def _fault(
    name: str,
    drawing: type[Drawing],
    model: str = "simple_baseline",
    training: type[Drawing] | None = None,
) -> Fault:
    return Fault(
        name=name,
        planting=drawn(drawing, training=training),
        op="dropout",
        model=model,
        tasks=("parity",),
        # all others feed the noise
        blind=("weights", *UNTRAINED, "gradient", "step", "update"),
        needs=undrawn,
    )


# what the faults are made of, with nothing wrong: it must not be accused
CONTROLS = (
    _fault("noise of NumPy", Drawing),
    _fault("paths of NumPy", Drawing, "poseformer of two blocks"),
)
FAULTS = (
    _fault("dropout drops nothing", _Nothing),
    _fault("dropout drops 2 % too few", _Less),
    _fault("dropout drops what it should keep", _Turned, "videopose3d"),
    _fault("dropout does not scale", _Unscaled),
    _fault("dropout drops the same in every row", _OneRow, "poseformer of two blocks"),
    _fault("drop path drops for the whole batch", _OnePath, "poseformer of two blocks"),
    _fault("dropout drops in pairs", _Pairs),
    _fault("dropout drops as many in every row", _Exact),
    _fault("dropout spares the first of each row", _FirstEntries),
    _fault("dropout drops the same in every call", _EveryCall),
    _fault("dropout drops the same in two calls each", _OddCalls, "videopose3d"),
    _fault("dropout drops the same at every node", _AllNodes),
    _fault("noise does not know its seed", _AnySeed),
    _fault("noise is seeded anew each time", _NoSeed),
    _fault("training alone drops nothing", Drawing, training=_Nothing),
    _fault("training alone drops the same each step", Drawing, training=_EveryCall),
    _fault(
        "training alone does not scale",
        Drawing,
        "poseformer of two blocks",
        training=_Unscaled,
    ),
    _fault("training alone drops as if seeded anew", Drawing, training=_NoSeed),
)
