"""A trained model, back from its checkpoint: what evaluation and prediction run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from backends.base import Backend, Program, Settings
from bench.coordinator.job import Job
from bench.data.batches import standardizer
from bench.data.protocols import Protocol
from bench.training import checkpoint as checkpoints
from bench.training.feed import Feed, feed_of


@dataclass(frozen=True)
class Restored:
    """A trained model: how it is fed, its program in the run's precision, its training."""

    feed: Feed
    program: Program
    params: Mapping[str, np.ndarray]
    progress: Mapping[str, Any]  # as the checkpoint has it


def restored(job: Job, protocol: Protocol, backend: Backend, device: str) -> Restored:
    """A job's model, back from where its training has left it. Raises BadInput (checkpoint)."""
    found = checkpoints.load(job.checkpoint)
    # empty where the model was trained on screen coordinates as they are
    scaling = standardizer.from_arrays(found.scaling) if found.scaling else None
    feed = feed_of(job, protocol, scaling)
    settings = Settings(device=device, precision=job.config.precision)
    program = backend.program(feed.spec.infer, settings)
    # a checkpoint is of the train graph, which has parameters that inference does without
    weights = {name: found.params[name] for name in feed.spec.infer.params}
    program.load(weights)
    return Restored(feed, program, weights, found.progress)
