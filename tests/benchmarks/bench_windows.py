"""How fast batches are cut: as a fraction of a plain memory copy of the same bytes, and against a loop over windows.

Run: `python -m pytest -q tests/benchmarks/bench_windows.py`. The three contenders are timed in turn, in one run, and the best time
of each counts: what else the machine does slows some rounds of each.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from bench.data import synthetic
from bench.data.protocols import load
from bench.data.windows import Windows

ROUNDS, BATCH = 15, 512


@dataclass(frozen=True)
class Speed:
    """Best seconds per batch of the sampler, the copy and the loop, and the bytes of a batch."""

    sampler: float
    copy: float
    loop: float
    size: int


def best_in_turn(contenders: dict[str, Callable[[int], object]]) -> dict[str, float]:
    """Best seconds of each contender, all timed in every round."""
    best = dict.fromkeys(contenders, float("inf"))
    for turn in range(ROUNDS):
        for name, work in contenders.items():
            start = time.perf_counter()
            work(turn)
            best[name] = min(best[name], time.perf_counter() - start)
    return best


def measure(windows: Windows) -> Speed:
    """Time random batches. The loop does what published generators do: per window, find the clip, slice it, pad the slice, store it."""
    draw = np.random.default_rng(0)
    picks = [draw.integers(0, len(windows), BATCH) for _ in range(ROUNDS)]
    sources = [np.ascontiguousarray(part) for part in windows.batch(picks[0])]
    copies = [np.empty_like(part) for part in sources]
    clips = [(clip.keypoints, clip.camera_pose) for clip in windows.clips]
    numbers = windows.clip_numbers()[windows._first]
    where = numbers, windows._first - np.array([0, *np.cumsum(windows._lengths)])[numbers]
    context = (windows.frames - windows.outputs) // 2

    def loop(turn: int) -> None:
        for row, pick in enumerate(picks[turn]):
            clip, first = where[0][pick], where[1][pick]
            keypoints, pose = clips[clip]
            low, high = first - context, first - context + windows.frames
            part = keypoints[max(low, 0) : min(high, len(keypoints))]
            if low < 0 or high > len(keypoints):
                part = np.pad(part, ((max(-low, 0), max(high - len(keypoints), 0)), (0, 0), (0, 0)), mode="edge")
            copies[0][row] = part
            copies[1][row] = pose[first : first + windows.outputs]

    def copy(turn: int) -> None:
        for out, source in zip(copies, sources, strict=True):
            np.copyto(out, source)

    best = best_in_turn({"sampler": lambda turn: windows.batch(picks[turn]), "copy": copy, "loop": loop})
    return Speed(best["sampler"], best["copy"], best["loop"], sum(part.nbytes for part in sources))


CASES = [(243, "all", 0.5, 0.0), (243, "centre", 0.5, 0.0), (27, "centre", 0.0, 5.0), (1, "centre", 0.0, 5.0)]


@pytest.mark.parametrize(("frames", "outputs", "copy_due", "loop_due"), CASES)
def test_sampler_speed(frames: int, outputs: str, copy_due: float, loop_due: float, capsys: pytest.CaptureFixture[str]) -> None:
    clips = synthetic.load(rig=load("synthetic").rig)
    speed = measure(Windows(clips, frames=frames, outputs=outputs, stride=1))
    fraction, gain = speed.copy / speed.sampler, speed.loop / speed.sampler
    with capsys.disabled():
        print(
            f"\nT={frames} outputs={outputs}: {BATCH / speed.sampler:,.0f} windows/s, {speed.size / speed.sampler / 1e9:.1f} GB/s, "
            f"{fraction:.2f} of a memory copy ({speed.size / 1e6:.2f} MB), {gain:.1f} x a loop over windows"
        )
    assert fraction >= copy_due
    assert gain >= loop_due
