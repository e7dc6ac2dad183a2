"""How many crops are drawn, and read from files, in a second of one core's time.

Run: `OMP_NUM_THREADS=1 pytest --benchmark-only tests/benchmarks/bench_pictures.py`. Processor time
counts, so that what else the machine does slows nothing, and of some rounds the best. Printed
beside what is due, never asserted.
"""

from __future__ import annotations

import time
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


def rate(clips: list[Clip], side: int) -> float:
    """Crops a second, from everywhere in the clips."""
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
    found = []
    for _ in range(ROUNDS):
        chosen = rng.integers(0, frames, BATCH)
        start = time.process_time()
        crops.pictures(chosen)
        found.append(BATCH / (time.process_time() - start))
    return max(found)


@pytest.mark.parametrize(("side", "due"), [(64, ""), (128, ", 500 are due"), (256, "")])
def test_drawn(
    side: int, due: str, capsys: pytest.CaptureFixture[str], benchmark: Any
) -> None:
    clips = synthetic.load(rig=SYNTHETIC.rig, small=0.1)
    found = rate(clips, side)
    benchmark.pedantic(lambda: rate(clips[:1], side), rounds=1)
    with capsys.disabled():
        print(f"\ndrawn, {side} x {side}: {found:,.0f} crops a second and core{due}")


def test_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], benchmark: Any
) -> None:
    from PIL import Image

    noise = np.random.default_rng(0).integers(0, 255, (125, 125, 3), np.uint8)
    file = tmp_path / "a.jpg"
    Image.fromarray(noise).resize((1000, 1000)).save(file, quality=90)
    clips = [
        replace(clip, pictures=(str(file),) * clip.frames)
        for clip in synthetic.load(rig=SYNTHETIC.rig, small=0.05)[:4]
    ]
    found = rate(clips, 128)
    benchmark.pedantic(lambda: rate(clips[:1], 128), rounds=1)
    with capsys.disabled():
        print(f"\nread, JPEG of 1000 x 1000 to 128 x 128: {found:,.0f} crops a second")
