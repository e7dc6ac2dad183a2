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
    """How a job's trained model is fed, the model with its weights, and after how many
    steps they are. Raises BadInput (checkpoint).
    """
    found = checkpoints.load(job.checkpoint)
    scaling = standardizer.from_arrays(found.scaling) if found.scaling else None
    feed = feed_of(job, protocol, scaling)
    program = backend.program(
        feed.spec.infer, Settings(device=device, precision=job.config.precision)
    )
    program.load({name: found.params[name] for name in feed.spec.infer.params})
    return feed, program, found.progress["step"]
