"""A pipeline small enough to plant many faults in: data, training and evaluation in one process.

NumPy computes, a few clips of 16 frames are trained on for two steps, and the protocol may be any.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import backends
from backends.base import Backend
from bench import config as configs
from bench.coordinator import dataset
from bench.coordinator.job import Finding, Job
from bench.data import Split, load
from bench.evaluation import task as evaluate
from bench.training import task as train

# a window of one frame, nine frames around the middle one, and nine that are all predicted
SIZES: dict[str, dict[str, Any]] = {
    "simple_baseline": {"width": 16, "stages": 1, "dropout": 0.0},
    "videopose3d": {"widths": [3, 3], "width": 8, "dropout": 0.0},
    "motionbert": {"width": 8, "representation": 8, "depth": 1, "heads": 2},
    # three poses for each frame; by a backend that draws its noise
    "d3dp": {
        "width": 8,
        "depth": 1,
        "heads": 2,
        "frames": 3,
        "hypotheses": 3,
        "steps": 1,
    },
}
# every eleventh clip: all cameras, both test subjects, most actions
THINNED = 11


@dataclass(frozen=True)
class Pipeline:
    """What is trained and how it is scored."""

    model: str = "videopose3d"
    protocol: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)  # of the model
    training: dict[str, Any] = field(default_factory=dict)

    def job(self, folder: Path, **changes: Any) -> Job:
        """Its cell; a task takes any."""
        steps = {"steps": 2, "batch": 16, "lr": 1e-3, "validation_windows": 64}
        model = {
            "sizes": SIZES[self.model],
            "train": {**steps, "inputs": "zscore", **self.training},
            **self.settings,
        }
        config = {"model": {self.model: model}, "device": "cpu", "threads": 1}
        return Job(
            task="train",
            backend="numpy",
            model=self.model,
            config=configs.validate({**config, **changes}),
            folder=folder,
        )


@cache
def whole() -> Split:
    """The synthetic source at its smallest."""
    return load("synthetic", small=0.05)


def clips(pipeline: Pipeline) -> Split:
    """Some of its clips, under the pipeline's protocol."""
    split = whole()
    protocol = split.protocol.model_copy(update=pipeline.protocol)
    return Split(split.train[::THINNED], split.test[::THINNED], protocol)


def use(monkeypatch: pytest.MonkeyPatch, split: Split) -> None:
    """Let every task see these clips."""
    monkeypatch.setattr(dataset, "of", lambda config, folder: split)


def quiet(text: str, share: float) -> None:
    """Nobody listens."""


def trained(job: Job, backend: Backend | None = None) -> Finding:
    """What the train task says."""
    return train.run(job, backend or backends.load("numpy"), "cpu", quiet)


def evaluated(job: Job, backend: Backend | None = None) -> Finding:
    """What the evaluate task says."""
    return evaluate.run(job, backend or backends.load("numpy"), "cpu", quiet)
