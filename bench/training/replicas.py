"""Replicas of a training: whether a batch has an equal share for each."""

from __future__ import annotations

from bench.coordinator.job import Job
from bench.training.settings import Complete
from models.errors import BadInput
from models.shared_batch import shared
from models.spec import Spec


def check(name: str, train: Complete, spec: Spec) -> None:
    """Raise BadInput for more replicas than a batch holds, or shares that are not equal.

    SpecError for a model whose loss compares the samples of a batch.
    """
    _held(name, train.batch, train.replicas, "a batch")
    if train.replicas > 1:
        shared(spec.train, train.replicas)


def of(job: Job, batch: int) -> int:
    """Those of a job, whose batches are of so many windows: of few clips there are fewer."""
    count = job.settings.train.replicas
    _held(job.model, batch, count, "a batch of these clips")
    return count


def _held(name: str, batch: int, count: int, what: str) -> None:
    if batch % count:
        reason = (
            f"{what} holds {batch} windows"
            if count > batch
            else f"{what} of {batch} windows has no equal shares for them"
        )
        raise BadInput(
            f"configuration key model.{name}.train.replicas: {count}, and {reason};"
            " give a number that divides the batch"
        )
