"""A trained model, back from its checkpoint: what evaluation and prediction run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from backends.base import Backend, Program, Settings
from bench.coordinator.job import Job, checkpoint_of
from bench.data.batches import standardizer
from bench.data.protocols import Protocol
from bench.training import checkpoint as checkpoints
from bench.training.feed import Feed, feed_of
from models import params as initial
from models.errors import BadInput, UnknownName
from models.nodes import Param

# checkpoints of a training by their names; others are files
NAMED = ("last", "best")


@dataclass(frozen=True)
class Restored:
    """A trained model: how it is fed, its program in the run's precision, its training."""

    feed: Feed
    program: Program
    params: Mapping[str, np.ndarray]
    progress: Mapping[str, Any]  # as the checkpoint has it


def named(said: str) -> None:
    """Raise UnknownName for a word that names no checkpoint and no file.

    A path to nothing is told by whoever reads it.
    """
    path = Path(said)
    is_path = path.suffix or len(path.parts) > 1
    if said not in NAMED and not is_path and not checkpoints.there(path):
        raise UnknownName("checkpoint (a name, or a file)", said, NAMED)


def weights(job: Job, params: Mapping[str, Param]) -> dict[str, np.ndarray] | None:
    """Those that a finished run has brought (`--run`), in the order of `params`.

    None where there are none. Of several backends, those of the one that the others are held
    against: they answer alike only where they are asked alike. Raises BadInput where they do
    not fit.
    """
    if not job.config.run:
        return None
    place = checkpoint_of(job.folder, job.config.reference, job.model)
    return initial.fit(params, checkpoints.load(place).params)


def restored(job: Job, protocol: Protocol, backend: Backend, device: str) -> Restored:
    """A job's model, back from where its training has left it. Raises BadInput (checkpoint)."""
    found = checkpoints.load(job.evaluated)
    # empty where the model was trained on screen coordinates as they are
    scaling = standardizer.from_arrays(found.scaling) if found.scaling else None
    feed = feed_of(job, protocol, scaling)
    settings = Settings(device=device, precision=job.config.precision)
    program = backend.program(feed.spec.infer, settings)
    weights = inferred(job.evaluated, found.trained, feed.spec.infer.params)
    program.load(weights)
    return Restored(feed, program, weights, found.progress)


def inferred(
    place: Path, trained: Mapping[str, np.ndarray], params: Mapping[str, Param]
) -> dict[str, np.ndarray]:
    """The weights of the inference graph. Raises BadInput with the first that differ."""
    # a checkpoint is of the train graph, which has parameters that inference does without
    found = {name: trained[name] for name in params if name in trained}
    try:
        return initial.fit(params, found)
    except BadInput as error:
        raise BadInput(f"{place}: {error}; it is of another model or size") from None
