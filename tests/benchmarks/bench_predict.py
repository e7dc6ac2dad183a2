"""What `predict` adds to the model itself, and what a whole clip in one pass saves.

`OMP_NUM_THREADS=1 pytest tests/benchmarks/bench_predict.py --backends=torch --benchmark-only`. A
long clip, in turns with calls of the model on batches that are ready; and VideoPose3D's dilated
graph in turns with its strided one, window by window. Ratios are told: only the poses must agree.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import models
from backends.base import Backend, Program, Settings
from bench import config, data
from bench.coordinator.job import Job
from bench.data import protocols
from bench.data.clip import Clip
from bench.evaluation.poses import predicted
from bench.training.feed import Feed, feed_of
from models import params
from models.graph import Graph
from models.passes import to_inference
from tests.asserts import assert_close
from tests.benchmarks.rounds import told

FRAMES = 10_000
AT_ONCE = 50  # frames of a clip in one pass: as many calls of the other, in each round
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


def trained(model: str, backend: Backend) -> tuple[Program, Feed]:
    """A program on drawn weights, and how it is fed."""
    asked = config.load(
        profile="standard", file=None, overrides=[], options={}, models=[model]
    )
    job = Job(
        task="evaluate", backend=backend.name, model=model, config=asked, folder=Path()
    )
    feed = feed_of(job, protocols.load("synthetic"))
    return drawn(feed.spec.infer, backend), feed


def drawn(graph: Graph, backend: Backend) -> Program:
    """A program on weights drawn from one seed, so that two graphs have the same."""
    program = backend.program(graph, Settings())
    program.load(params.draw(graph.params, seed=0))
    return program


@pytest.mark.parametrize("model", ["simple_baseline", "videopose3d"])
def test_predict(model: str, pinned: Backend, benchmark: Any) -> None:
    program, feed = trained(model, pinned)
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
    benchmark.group = f"predict {FRAMES} frames"
    names = ("predict", "the model alone")
    told(benchmark, whole, alone, names=names, seconds=SECONDS)
    benchmark.extra_info["due"] = "1.11 at most"


@pytest.mark.parametrize("preset", ["frames27", "paper"])
def test_a_clip_in_one_pass(preset: str, pinned: Backend, benchmark: Any) -> None:
    spec = models.build("videopose3d", preset=preset)
    dilated = drawn(spec.infer, pinned)
    strided = drawn(to_inference(spec.train, outputs=["pose"]), pinned)
    shape = (1, AT_ONCE + spec.frames - 1, 17, 2)
    clip = np.random.default_rng(0).normal(size=shape).astype(np.float32)

    def at_once() -> np.ndarray:
        return dilated({"keypoints": clip})["pose"]

    def one_by_one() -> np.ndarray:
        windows = (clip[:, at : at + spec.frames] for at in range(AT_ONCE))
        poses = [strided({"keypoints": window})["pose"] for window in windows]
        return np.concatenate(poses, axis=1)

    assert_close(at_once(), one_by_one(), rtol=1e-5, what="poses")
    benchmark.group = f"a clip of {AT_ONCE} frames"
    names = ("at once", "frame by frame")
    told(benchmark, at_once, one_by_one, names=names, seconds=SECONDS)
