"""A batch that does not fit into memory: half of it, and twice as many of them make a step.

The step is of as many windows as was asked for, and the mean of their gradients is the same, but
where a model has statistics of its batch. The training is still the one that was asked for: a
fingerprint is of the settings as they came.
"""

from __future__ import annotations

from bench.coordinator.job import Job
from bench.data import Split
from bench.training import checkpoint
from bench.training.feed import feed_of
from bench.training.fingerprint import fingerprint
from bench.training.held import trained
from bench.training.optimizer import optimizer_of
from models import shared_batch
from models.errors import BadInput, SpecError
from models.spec import Spec


def batch_of(job: Job, split: Split) -> int:
    """Windows of the batch that a job asks for, of which there may be fewer."""
    feed = feed_of(job, split.protocol)
    return min(job.training.batch, len(trained(job, split, feed)))


def refused(job: Job, split: Split) -> str:
    """Why the batch of a job is not halved; empty where it is."""
    batch, spec = batch_of(job, split), feed_of(job, split.protocol).spec
    if batch % 2:
        return f"a batch of {batch} cannot be halved"
    count = job.settings.train.replicas
    if batch // 2 % count:
        return f"half a batch of {batch} has no equal shares for {count} replicas"
    if mixes(spec) and not job.config.allow_smaller_batch:
        return (
            f"{job.model} has statistics of its batch, which half of it would change:"
            " --allow-smaller-batch takes it"
        )
    return ""


def halved(job: Job, split: Split) -> Job:
    """The job with half of the batch, and twice as many for a step."""
    train = job.settings.train
    smaller = train.model_copy(
        update={
            "batch": batch_of(job, split) // 2,
            "accumulate": train.accumulate * 2,
        }
    )
    settings = job.settings.model_copy(update={"train": smaller})
    models = {**job.config.model, job.model: settings}
    config = job.config.model_copy(update={"model": models})
    asked = job.asked or train
    return job.model_copy(update={"config": config, "asked": asked})


def resumed(job: Job, split: Split) -> Job:
    """The job with the batch that its checkpoint was trained with, if it is of this job."""
    try:
        progress = checkpoint.load(job.checkpoint).progress
    except BadInput:  # none there, or one that `Loop.resume` tells of
        return job
    spec = feed_of(job, split.protocol).spec
    own = fingerprint(job, split.protocol, optimizer_of(job, spec))
    if progress["fingerprint"] != own:
        return job
    # absent in checkpoints of before
    while job.settings.train.accumulate < progress.get("accumulate", 1):
        job = halved(job, split)
    return job


def mixes(spec: Spec) -> bool:
    """Whether a window's gradients hang on the others of its batch."""
    if "batch_norm_train" in spec.train.census():
        return True
    try:
        shared_batch.shared(spec.train, 2)
    except SpecError:
        return True
    return False
