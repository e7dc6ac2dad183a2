"""What the dilated graph of VideoPose3D is for: a whole clip in one pass, not frame by frame.

`OMP_NUM_THREADS=1 python -m pytest tests/benchmarks/bench_torch_clip.py --backends=torch
--benchmark-only -s`. Both graphs on the same weights, one thread, in turns; the ratio of the
medians is printed, never asserted: only the poses must agree.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import numpy as np
import pytest

import models
from backends.base import Settings
from models import params
from models.graph import Graph
from models.passes import to_inference
from tests.asserts import assert_close
from tests.benchmarks.rounds import Work

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from backends.torch.program import TorchProgram  # noqa: E402  # after the skip

FRAMES = 1000  # of the clip, each of which gets a pose
ROUNDS = 3  # a thousand calls of the paper's size take their time
DUE = 50  # times as fast


def native(graph: Graph) -> Any:
    """The module on weights drawn from one seed, so that both graphs have the same."""
    program = TorchProgram(graph, Settings())
    program.load(params.draw(graph.params, seed=0))
    return program.native


def seconds(work: Work) -> float:
    """Wall-clock seconds of a call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


@pytest.mark.parametrize("preset", ["frames27", "paper"])
def test_a_clip_in_one_pass_against_frame_by_frame(
    preset: str, benchmark: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = models.build("videopose3d", preset=preset)
    dilated = native(spec.infer)
    strided = native(to_inference(spec.train, outputs=["pose"]))
    draw = np.random.default_rng(0)
    shape = (1, FRAMES + spec.frames - 1, 17, 2)
    clip = torch.from_numpy(draw.normal(size=shape).astype(np.float32))

    def at_once() -> Any:
        with torch.inference_mode():
            return dilated(clip)

    def one_by_one() -> Any:
        with torch.inference_mode():
            windows = (clip[:, at : at + spec.frames] for at in range(FRAMES))
            return torch.cat([strided(window) for window in windows], dim=1)

    torch.set_num_threads(1)
    assert_close(at_once(), one_by_one(), rtol=1e-5, what="poses")
    turns = [(seconds(at_once), seconds(one_by_one)) for _ in range(ROUNDS)]
    whole, single = (statistics.median(spent) for spent in zip(*turns, strict=True))
    with capsys.disabled():
        print(
            f"\nvideopose3d {preset}, {FRAMES} frames: at once {whole:.3f} s, frame by frame"
            f" {single:.2f} s, {single / whole:.0f} times as fast (due {DUE})"
        )
    benchmark.extra_info.update(at_once=whole, frame_by_frame=single)
    benchmark.pedantic(at_once, rounds=1)
