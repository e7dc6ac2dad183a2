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

FLOW = {"blocks": 1, "width": 16, "condition_width": 16, "hypotheses": 2, "samples": 4}
# Smaller than the preset, so that a framework that compiles is done in seconds.
# A model without a line needs none.
SIZES: dict[str, dict[str, Any]] = {
    "simple_baseline": {"width": 32},
    "videopose3d": {"width": 16},
    "poseformer": {"width": 8, "depth": 1, "frames": 9},
    "motionbert": {"width": 16, "representation": 16, "depth": 1, "heads": 2},
    "poseflow": FLOW,
    "poseflow:critic": FLOW,
}


@pytest.mark.parametrize("model", models.networks())
def test_every_rung_holds(model: str, backend: Backend, traces_folder: Path) -> None:
    settings = {
        "model": {model: {"sizes": SIZES.get(model, {})}},
        "parity": {"steps": 20, "batch": 4},
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
    assert rungs >= {"weights", "forward", "loss", "gradient", "step", "trajectory"}
    # each number leaves a value for `--compare`
    kept = traces.load(traces.path(traces_folder, backend.name, model))
    numbers = [
        check
        for check in finding.payload.checks
        if check.unit == "relative" and check.kind != "noise"
    ]
    assert len(kept.rows) == len(numbers)
