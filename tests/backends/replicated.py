"""Trains a model with one replica and with several, in a process of its own: `python -m`.

Prints, as JSON, how far losses and weights of both are apart. A process of its own, since
TensorFlow and JAX take the number of CPU devices once.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np

import backends
import models
from backends.base import Backend, Settings
from models import dims, params
from models.optim import Optimizer

REPLICAS = 2
BATCH = 8
# dropout, and rows of whole samples
SIZES: dict[str, dict[str, Any]] = {
    "videopose3d": {"dropout": 0.25},
    "motionbert": {"drop_path": 0.4, "depth": 2},
}


def main(backend: str, model: str, steps: int, fault: str = "") -> None:
    made = backends.load(backend)
    if fault:
        FAULTS[fault]()
    made.pin(threads=1)
    # the replicas first: what has run on one device cannot be made two
    curves = [_trained(made, model, steps, count) for count in (REPLICAS, 1)]
    (losses, weights), (due, alone) = curves
    start = params.draw(_spec(model).train.params, seed=0)
    off = went = 0.0
    for name in _spec(model).train.trainable():
        off += float(np.sum((weights[name] - alone[name].astype(float)) ** 2))
        went += float(np.sum((alone[name] - start[name].astype(float)) ** 2))
    state = [_apart(weights[name], alone[name]) for name in _spec(model).train.state]
    told = {
        "losses": _apart(np.array(losses), np.array(due)),
        "weights": (off / went) ** 0.5,
        "state": max(state, default=0.0),
        "first": losses[0],
        "last": losses[-1],
    }
    print(json.dumps(told))


def _spec(model: str) -> models.Spec:
    return models.build(model, preset="tiny", **SIZES[model])


def _trained(
    backend: Backend, model: str, steps: int, replicas: int
) -> tuple[list[float], dict[str, np.ndarray]]:
    graph = _spec(model).train
    settings = Settings(draw_noise=True, seed=1, replicas=replicas)
    trainer = backend.trainer(graph, Optimizer("sgd", 1e-2, 0.0), settings)
    trainer.program.load(params.draw(graph.params, seed=0))
    rng = np.random.default_rng(2)
    lengths = {"batch": BATCH, "frames": _spec(model).frames}
    losses = []
    for _ in range(steps):
        feeds = {}
        for name, type_ in graph.inputs.items():
            shape = dims.bind(type_.shape, lengths)
            feeds[name] = rng.normal(size=shape).astype(type_.dtype)
        losses.append(float(trainer.step(trainer.program.put(feeds))))
    return losses, trainer.program.params()


def _apart(came: np.ndarray, due: np.ndarray) -> float:
    scale = float(np.abs(due).max()) or 1.0
    return float(np.abs(came - due).max()) / scale


def _own_statistics() -> None:
    """TensorFlow's replicas each with the statistics, and the loss, of their own share."""
    from backends.tensorflow import replicas

    replicas.shared = lambda graph, count: graph


def _same_noise() -> None:
    """TensorFlow's replicas all with the noise of the first rows."""
    from backends.tensorflow import replicas

    def share(self: Any, whole: Any) -> Any:
        found = original(self, whole)
        rows = BATCH // REPLICAS
        # noise that the batch shares has none of its rows
        return found | {
            name: whole[name][:rows]
            for name, asked in self.native.spec.noise.items()
            if replicas.is_shared(asked.type.shape)
        }

    original = replicas.Replicas._share
    replicas.Replicas._share = share


def _noise_of_shares() -> None:
    """PyTorch's first replica with noise that is drawn for its own share alone."""
    from backends.torch import noise, shares

    shares.dropout = noise.dropout


FAULTS = {
    "statistics": _own_statistics,
    "noise": _same_noise,
    "draws": _noise_of_shares,
}


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), *sys.argv[4:])
