"""How many crops are drawn, and read from files, in a second of one core's time.

Run: `OMP_NUM_THREADS=1 pytest --benchmark-only tests/benchmarks/bench_pictures.py`. `extra_info`
has the rate by processor time, which what else the machine does slows less, beside what is due;
nothing is asserted.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.data.clip import Clip
from bench.data.pictures.crops import Crops
from bench.data.protocols import load
from bench.data.readers import synthetic

SYNTHETIC = load("synthetic")
ROUNDS, BATCH = 8, 128
DUE = {128: "500 a second"}  # by side


def drawing(clips: list[Clip], side: int) -> Callable[[], object]:
    """What draws, or reads, crops from everywhere in some clips."""
    crops = Crops(
        clips,
        size=(side, side),
        joints=SYNTHETIC.joints,
        root=SYNTHETIC.root,
        drawn=True,
        seed=0,
    )
    frames = sum(clip.frames for clip in clips)
    rng = np.random.default_rng(0)
    return lambda: crops.pictures(rng.integers(0, frames, BATCH))


def timed(benchmark: Any, work: Callable[[], object], due: str = "") -> None:
    """Crops a second of processor time, beside pytest-benchmark's wall time."""
    start = time.process_time()
    benchmark.pedantic(work, rounds=ROUNDS)
    rate = ROUNDS * BATCH / (time.process_time() - start)
    benchmark.extra_info.update(crops_per_second=rate, due=due)


@pytest.mark.parametrize("side", [64, 128, 256])
def test_drawn(side: int, benchmark: Any) -> None:
    clips = synthetic.load(rig=SYNTHETIC.rig, small=0.1)
    benchmark.group = f"{BATCH} crops"
    timed(benchmark, drawing(clips, side), DUE.get(side, ""))


def test_read(tmp_path: Path, benchmark: Any) -> None:
    from PIL import Image

    noise = np.random.default_rng(0).integers(0, 255, (125, 125, 3), np.uint8)
    file = tmp_path / "a.jpg"
    Image.fromarray(noise).resize((1000, 1000)).save(file, quality=90)
    clips = [
        replace(clip, pictures=(str(file),) * clip.frames)
        for clip in synthetic.load(rig=SYNTHETIC.rig, small=0.05)[:4]
    ]
    benchmark.group = f"{BATCH} crops of a JPEG of 1000 x 1000"
    timed(benchmark, drawing(clips, 128))
