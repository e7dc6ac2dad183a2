"""Every model of the zoo climbs the whole ladder on every backend.

`bench parity --compare` holds what they kept against each other.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import models
from backends.base import Backend
from bench import config as configs
from bench.coordinator.job import Job
from bench.parity import task as parity
from bench.parity import traces
from bench.records import Parity
from models import optim

FLOW = {
    "blocks": 1,
    "width": 16,
    "condition_width": 16,
    "hypotheses": 2,
    "samples": 4,
    "best": 2,
}
# two residual blocks, the second with a shortcut of its own
RESNET = {
    "height": 32,
    "width": 32,
    "blocks": [1, 1],
    "stem": 8,
    "inner": [8, 8],
    "outer": [8, 8],
}
# Smaller than the preset, so that a framework that compiles is done in seconds.
# A model without a line needs none.
SIZES: dict[str, dict[str, Any]] = {
    "simple_baseline": {"width": 32},
    "videopose3d": {"width": 16},
    "poseformer": {"width": 8, "depth": 1, "frames": 9},
    "motionagformer": {
        "width": 16,
        "representation": 16,
        "depth": 1,
        "heads": 2,
        "frames": 4,
    },
    "motionbert": {"width": 16, "representation": 16, "depth": 1, "heads": 2},
    "dstformer": {"width": 16, "representation": 16, "depth": 1, "heads": 2},
    "keypoint_autoencoder": {"width": 16, "code": 8, "depth": 1, "heads": 2},
    "keypoint_vit": {"width": 16, "depth": 1, "heads": 2},
    "mixste": {"width": 16, "depth": 1, "frames": 4},
    "d3dp": {"width": 16, "depth": 1, "frames": 4, "hypotheses": 2, "steps": 2},
    "pstmo": {"width": 16, "hidden": 16, "depth": 1, "frames": 9},
    # of two layers, so that its decoder has one
    "pstmo:pretrain": {"width": 16, "hidden": 16, "depth": 2, "frames": 9},
    # a residual of other channels, and a level that is doubled
    "pose2mesh": {
        "width": 16,
        "stages": 1,
        "detail": 1,
        "blocks": [[5, 3], [4, 4], [4, 6], [6, 3]],
        "orders": [3, 3, 3, 3],
    },
    "graphcmr": {
        "detail": 1,
        "image": 32,
        "stem": 4,
        "blocks": [1],
        "inner": [8],
        "outer": [8],
        "width": 16,
        "depth": 1,
    },
    "poseflow": FLOW,
    "integral": RESNET | {"depth": 4, "deconvolutions": 1, "filters": 8},
    "rle": RESNET | {"couplings": 1},
}
# That rung judges the rule on drawn gradients, whatever the model: all rules on the smallest do.
OPTIMIZERS = {"simple_baseline": list(optim.RULES)}
# Stages have the layers of their family: what is their own are two graphs and a loss.
LEAST = ["weights", "forward", "gradient"]


@pytest.mark.parametrize("model", models.networks())
def test_every_rung_holds(model: str, backend: Backend, traces_folder: Path) -> None:
    family = model.partition(":")[0]
    settings = {
        "model": {model: {"sizes": SIZES.get(model, SIZES.get(family, {}))}},
        "parity": {
            "steps": 8,
            "batch": 4,
            "optimizers": OPTIMIZERS.get(model, ["adam"]),
            "rungs": LEAST if ":" in model else [],
        },
        "threads": 1,
    }
    job = Job(
        task="parity",
        backend=backend.name,
        model=model,
        config=configs.validate(settings),
        folder=traces_folder,
    )
    finding = parity.run(job, backend, "cpu", lambda *heard: None)
    assert (finding.status, finding.reason) == ("ok", "")
    assert isinstance(finding.payload, Parity)
    rungs = {check.kind for check in finding.payload.checks}
    more = [] if ":" in model else ["step", "trajectory"]
    assert rungs >= {*LEAST, "loss", *more}
    # each number leaves a value for `--compare`
    kept = traces.load(traces.path(traces_folder, backend.name, model))
    numbers = [
        check
        for check in finding.payload.checks
        if check.unit == "relative" and check.kind != "noise"
    ]
    assert len(kept.rows) == len(numbers)
