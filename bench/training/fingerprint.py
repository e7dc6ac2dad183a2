"""What a checkpoint must agree on before training goes on from it, or it is evaluated."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.config import Train
from bench.coordinator.job import Job
from bench.data import augment
from bench.data.formats import whole_file
from bench.data.protocols import Protocol
from bench.training import brought
from models.optim import Optimizer

# keys of a training that came after the first fingerprints: left out where nothing was asked for
LATER = (
    "average",
    "norm_momentum",
    "accumulate",
    "clip",
    "continues",
    "epochs",
    "patience",
    "schedule",
    "warm_up",
    "validate_on",
    "momentum",
    "beta1",
    "beta2",
    "alpha",
    "eps",
    "amsgrad",
    "groups",
    "gradient_checkpointing",
)
DIGITS = 16  # of a SHA-256: enough to tell apart all trainings that anybody will do


def augmentation(job: Job) -> Sequence[augment.Step]:
    """What is done to the training clips in each epoch."""
    return augment.asked(job.config.augment)


def content(job: Job, protocol: Protocol, optimizer: Optimizer) -> dict[str, Any]:
    """All that decides a training, by name, as JSON holds it."""
    # what the file says, not where it lies; and trainings of before had none. Replicas make the
    # same steps as one
    train = job.asked or job.settings.train
    asked = job.settings.model_copy(update={"train": train})
    left_out = {"train": {"start", "keep", "replicas"}}
    settings = asked.model_dump(mode="json", exclude=left_out)
    for key in LATER:
        if getattr(train, key) == Train.model_fields[key].default:
            del settings["train"][key]
    body = settings.pop("body")
    if body is not None:
        # what the file holds, not where it lies
        content = whole_file.content(Path(body), "a body's file")
        settings["body"] = hashlib.sha256(content).hexdigest()
    start = brought.digest(job)
    begun = {"start": start} if start else {}
    return {
        **begun,
        "settings": settings,
        "data": job.config.data,
        "protocol": protocol.hash,
        "seed": job.config.seed,
        "precision": job.config.precision,
        "optimizer": dict(optimizer.describe()),
        # what the file says, not where it lies: an edited file is another training
        "augmentation": ", ".join(map(str, augmentation(job))),
    }


def fingerprint(job: Job, protocol: Protocol, optimizer: Optimizer) -> str:
    """All of it as one short text."""
    # without the names: checkpoints of before would else be of another training
    values = list(content(job, protocol, optimizer).values())
    text = json.dumps(values, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]
