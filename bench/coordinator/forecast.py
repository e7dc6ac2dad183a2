"""What the trainings of a run will take on this processor, before any has begun.

An estimate by arithmetic: what a step computes, over what the processor does in a second. The
other cells take minutes, whatever the model, and are not counted.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from bench.coordinator.job import Job
from bench.coordinator.spec import spec_of
from models.flops import of_window

TRAIN, AGAIN = "train", "train_again"
SIDE = 512  # of the matrices that are multiplied to see what the processor does
TIMES = 5
# Of a product's rate, what a training step reached here in torch 2.13 with all its small ops: a
# quarter, and two milliseconds before anything is computed.
SHARE = 0.25
CALL = 2e-3


def trainings(jobs: Sequence[Job]) -> dict[str, float]:
    """Seconds of the trainings among `jobs` by model, all backends together."""
    rate = SHARE * _rate()
    found: dict[str, float] = {}
    for job in jobs:
        times = {TRAIN: 1, AGAIN: _again(job)}.get(job.task, 0)
        if times:
            found[job.model] = found.get(job.model, 0.0) + times * _seconds(job, rate)
    return found


def _again(job: Job) -> int:
    """How often a model is trained again: by other seeds, and by the reference for chance."""
    config = job.config
    repeats = config.repeats if config.refers(job.backend) else 0
    return repeats + config.seeds - 1


def _seconds(job: Job, rate: float) -> float:
    spec, train = spec_of(job), job.settings.train
    if train.epochs is not None:
        return 0.0  # how long an epoch is, only the data say
    batch = train.batch or spec.recipe.batch
    # the backward pass computes about twice what the forward pass does
    step = 3 * batch * train.accumulate * of_window(spec.train, spec.frames)
    return train.steps * (CALL + step / rate)


def _rate() -> float:
    """FLOPs of a second in a product of float32 matrices, with the threads that NumPy has."""
    one = np.ones((SIDE, SIDE), np.float32)
    one @ one  # the first call wakes the threads
    began = time.perf_counter()
    for _ in range(TIMES):
        one @ one
    return TIMES * 2 * SIDE**3 / (time.perf_counter() - began)
