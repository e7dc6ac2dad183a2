"""What `predict` adds to the model itself: windows cut, scaled, put together again.

`OMP_NUM_THREADS=1 python -m pytest tests/benchmarks/bench_torch_predict.py --backends=torch
--benchmark-only -s`. A clip of 10,000 frames, in turns with calls of the model on batches that are
ready; ratios are printed and never asserted: only the poses must agree.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import backends
from backends.base import Program, Settings
from bench import config, data
from bench.coordinator.job import Job
from bench.data import protocols
from bench.data.clip import Clip
from bench.evaluation.poses import predicted
from bench.training.feed import Feed, feed_of
from models import params
from tests.benchmarks.rounds import told

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

FRAMES = 10_000
DUE = 0.9  # of the model's own rate
SECONDS = 20.0


def long_clip() -> Clip:
    """A walk, over and over again."""
    clip = data.load("synthetic").test[0]
    often = -(-FRAMES // clip.frames)
    names = ("keypoints", "confidence", "camera_pose", "world_pose")
    arrays: dict[str, Any] = {}
    for name in names:
        array = getattr(clip, name)
        if array is not None:
            arrays[name] = np.concatenate([array] * often)[:FRAMES]
    return dataclasses.replace(clip, **arrays)


def trained(model: str) -> tuple[Program, Feed, str]:
    """A program on drawn weights, how it is fed, and its preset."""
    asked = config.load(
        profile="standard", file=None, overrides=[], options={}, models=[model]
    )
    job = Job(
        task="evaluate", backend="torch", model=model, config=asked, folder=Path()
    )
    feed = feed_of(job, protocols.load("synthetic"))
    program = backends.load("torch").program(feed.spec.infer, Settings(device="cpu"))
    program.load(params.draw(feed.spec.infer.params, seed=0))
    return program, feed, job.settings.preset


@pytest.mark.parametrize("model", ["simple_baseline", "videopose3d"])
def test_predict_against_the_model_alone(
    model: str, benchmark: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.set_num_threads(1)
    program, feed, preset = trained(model)
    clip = long_clip()
    windows = feed.windows([clip], stride=None)
    ready = [
        feed.inputs(feed.shown(batch.keypoints, batch.target))
        for batch in windows.epoch(feed.at_once, shuffle=False)
    ]

    def alone() -> np.ndarray:
        return np.concatenate([feed.poses(program(each)["pose"]) for each in ready])

    def whole() -> np.ndarray:
        # from the clip, as the command does it
        cut = feed.windows([clip], stride=None)
        return predicted(program, feed, cut, lambda text, share: None).poses

    poses = alone().reshape(-1, 17, 3)
    np.testing.assert_allclose(whole()[:100], poses[:100], atol=1e-5)
    with capsys.disabled():
        found = told(
            f"{model} {preset}, {FRAMES:,} frames",
            alone,
            whole,
            names=("the model alone", "predict"),
            seconds=SECONDS,
        )
        print(f"  predict has {found['paired']:.3f} of the model's rate (due {DUE})")
    benchmark.extra_info.update(found)
    benchmark.pedantic(whole, rounds=1)
