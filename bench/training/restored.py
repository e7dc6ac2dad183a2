"""A trained model, back from its checkpoint: what evaluation and prediction run."""

from __future__ import annotations

from backends.base import Backend, Program, Settings
from bench.coordinator.job import Job
from bench.data.batches import standardizer
from bench.data.protocols import Protocol
from bench.training import checkpoint as checkpoints
from bench.training.feed import Feed, feed_of


def restored(
    job: Job, protocol: Protocol, backend: Backend, device: str
) -> tuple[Feed, Program, int]:
    """How a job's trained model is fed, the model, and after how many steps its weights are.

    Raises BadInput (checkpoint).
    """
    found = checkpoints.load(job.checkpoint)
    # empty where the model was trained on screen coordinates as they are
    scaling = standardizer.from_arrays(found.scaling) if found.scaling else None
    feed = feed_of(job, protocol, scaling)
    settings = Settings(device=device, precision=job.config.precision)
    program = backend.program(feed.spec.infer, settings)
    # a checkpoint is of the train graph, which has parameters that inference does without
    program.load({name: found.params[name] for name in feed.spec.infer.params})
    return feed, program, found.progress["step"]
