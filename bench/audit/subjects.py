"""The small models that faults are put to, and the cells in which that is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from bench import config as configs
from bench.audit.fault import Fault
from bench.config import Config, Model
from bench.coordinator.job import Job

PROFILES = ("smoke", "standard")  # what one misses is put under the next


@dataclass(frozen=True)
class Subject:
    """A zoo model, and sizes at which it is quick."""

    model: str
    sizes: Mapping[str, Any]


# Every hidden layer is square, so that a transposed weight fits. Drop rates are high enough
# for some rows of the smallest batch to be dropped.
SUBJECTS = {
    "simple_baseline": Subject(
        "simple_baseline", {"width": 16, "stages": 1, "dropout": 0.25}
    ),
    "poseformer": Subject("poseformer", {"width": 8, "depth": 1, "frames": 9}),
    # the first block drops no path
    "poseformer of two blocks": Subject(
        "poseformer",
        {"width": 8, "depth": 2, "frames": 3, "drop": 0.1, "drop_path": 0.2},
    ),
    "motionbert": Subject(
        "motionbert",
        {"width": 16, "representation": 16, "depth": 1, "heads": 2, "mlp_ratio": 1},
    ),
    "videopose3d": Subject(
        "videopose3d", {"widths": (3, 3), "width": 16, "dropout": 0.25}
    ),
    # Of pictures, with a pool, a deconvolution, and volumes as wide as high.
    "integral": Subject(
        "integral",
        {
            "height": 32,
            "width": 32,
            "blocks": (1, 1),
            "stem": 8,
            "inner": (8, 8),
            "outer": (8, 8),
            "depth": 8,
            "deconvolutions": 1,
            "filters": 8,
        },
    ),
    "pose2mesh": Subject(
        "pose2mesh",
        {
            "width": 16,
            "stages": 1,
            "detail": 1,
            "blocks": ((5, 3), (4, 4), (4, 6), (6, 3)),
            "orders": (3, 3, 3, 3),
        },
    ),
    "graphcmr": Subject(
        "graphcmr",
        {
            "detail": 1,
            "image": 32,
            "stem": 4,
            "blocks": (1,),
            "inner": (8,),
            "outer": (8,),
            "width": 16,
            "depth": 1,
        },
    ),
    # as the smoke profile itself has it
    "simple_baseline as tiny": Subject("simple_baseline", {}),
    # for backends that draw no noise, too
    "videopose3d without dropout": Subject(
        "videopose3d", {"widths": (3, 3), "width": 16, "dropout": 0.0}
    ),
}
# enough to move weights, statistics and the curve
TRAINING = {
    "steps": 30,
    "batch": 16,
    "validate_every": 15,
    "validation_windows": 64,
    "inputs": "zscore",  # or there would be no scaling to go wrong
}
# the exam puts this too, and must not blame it
NEIGHBOUR = "negative"


@cache
def config_of(profile: str) -> Config:
    """A profile as `python -m bench run` would have it."""
    return configs.load(profile=profile, file=None, overrides=[], options={}, models=[])


def cell(job: Job, fault: Fault, task: str, profile: str, rung: str = "") -> Job:
    """The job that puts a fault to a task, sized by a profile.

    Of the ladder one rung is climbed, where one is named.
    """
    asked = job.config if profile == PROFILES[0] else config_of(profile)
    ops = dict.fromkeys((fault.op, *fault.ops, NEIGHBOUR))
    parity = asked.parity.model_copy(update={"rungs": (rung,) if rung else ()})
    update = {
        "backend": job.config.backend,
        "model": _models(fault),
        "ops": tuple(filter(None, ops)),
        "parity": parity,
        "precision": fault.precision,
        "device": fault.device,
        # the run's own, whose clips lie in its folder
        "small": job.config.small,
        "threads": job.config.threads,
        "seed": job.config.seed,
    }
    return Job(
        task=task,
        backend=job.backend,
        # of the exam, which is about a backend alone, there is none
        model="" if task == "shape_ops" else SUBJECTS[fault.model].model,
        config=asked.model_copy(update=update),
        folder=job.folder,
    )


def _models(fault: Fault) -> dict[str, Model]:
    if not fault.model:
        return {}
    subject = SUBJECTS[fault.model]
    train = {**TRAINING, **fault.setting.train}
    settings = {"preset": "tiny", "sizes": subject.sizes, "train": train}
    asked = Model.model_validate({**settings, **fault.setting.model})
    return {subject.model: asked}
