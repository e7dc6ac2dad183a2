"""How fast batches are cut, and in what memory.

As a fraction of a plain memory copy of the same bytes, and against a loop over windows. Run:
`OMP_NUM_THREADS=1 pytest --benchmark-only tests/benchmarks/bench_windows.py`. The three contenders
are timed in turn, in one run, and the best time of each counts: what else the machine does slows
some rounds of each. Times are printed beside what is due, never asserted; memory is.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.data.batches.windows import Windows
from bench.data.clip import Clip, film
from bench.data.protocols import load
from bench.data.readers import cache, synthetic

ROUNDS, BATCH = 15, 512
ROOT = Path(__file__).parents[2]
MILLIONS = 1_500_000  # frames of the test of memory


@dataclass(frozen=True)
class Speed:
    """Best seconds for a batch, and what it holds."""

    sampler: float
    copy: float
    loop: float
    size: int  # bytes


def best_in_turn(contenders: dict[str, Callable[[int], object]]) -> dict[str, float]:
    """Best seconds of each contender, all timed in every round."""
    best = dict.fromkeys(contenders, float("inf"))
    for turn in range(ROUNDS):
        for name, work in contenders.items():
            start = time.perf_counter()
            work(turn)
            best[name] = min(best[name], time.perf_counter() - start)
    return best


class Loop:
    """What published generators do: per window, find the clip, slice it, pad it, store it."""

    def __init__(self, windows: Windows, clips: list[Clip]) -> None:
        self.arrays = [(clip.keypoints, clip.camera_pose) for clip in clips]
        # by window: its clip, and its first output among that clip's frames
        starts = np.cumsum([0, *(clip.frames for clip in clips)])
        self.clip = windows.clip_numbers()[windows._first]
        self.first = windows._first - starts[self.clip]
        self.frames, self.outputs = windows.frames, windows.outputs
        self.context = (windows.frames - windows.outputs) // 2

    def fill(self, picks: np.ndarray, into: list[np.ndarray]) -> None:
        """Store the windows `picks` in a batch's two arrays."""
        for row, pick in enumerate(picks):
            keypoints, pose = self.arrays[self.clip[pick]]
            first = self.first[pick]
            low = first - self.context
            high = low + self.frames
            part = keypoints[max(low, 0) : min(high, len(keypoints))]
            # only at the ends of a clip, as a padding of nothing still copies
            if low < 0 or high > len(keypoints):
                beyond = (max(-low, 0), max(high - len(keypoints), 0))
                part = np.pad(
                    part,
                    (beyond, (0, 0), (0, 0)),
                    mode="edge",
                )
            into[0][row] = part
            into[1][row] = pose[first : first + self.outputs]


def measure(windows: Windows, clips: list[Clip]) -> Speed:
    """Time random batches, the same for all three."""
    draw = np.random.default_rng(0)
    picks = [draw.integers(0, len(windows), BATCH) for _ in range(ROUNDS)]
    sources = [np.ascontiguousarray(part) for part in windows.batch(picks[0])]
    # the best of all rounds counts, so that the first may find its pages new to the system
    copies = [np.empty_like(part) for part in sources]
    loop = Loop(windows, clips)

    def copy(turn: int) -> None:
        for out, source in zip(copies, sources, strict=True):
            np.copyto(out, source)

    best = best_in_turn(
        {
            "sampler": lambda turn: windows.batch(picks[turn]),
            "copy": copy,
            "loop": lambda turn: loop.fill(picks[turn], copies),
        }
    )
    return Speed(**best, size=sum(part.nbytes for part in sources))


# what is due: of a memory copy where windows are long and copying is all there is to do, of a loop
# where they are short and finding them is
CASES = [
    (243, "all", "half a memory copy"),
    (243, "centre", "half a memory copy"),
    (27, "centre", "5 x a loop"),
    (1, "centre", "5 x a loop"),
]


@pytest.mark.parametrize(("frames", "outputs", "due"), CASES)
def test_sampler_speed(
    frames: int,
    outputs: str,
    due: str,
    capsys: pytest.CaptureFixture[str],
    benchmark: Any,
) -> None:
    clips = synthetic.load(rig=load("synthetic").rig)
    # a window at every frame, as training draws them
    windows = Windows(clips, frames=frames, outputs=outputs, stride=1)
    speed = measure(windows, clips)
    picks = np.arange(BATCH) % len(windows)
    benchmark.pedantic(lambda: windows.batch(picks), rounds=ROUNDS)
    rate = BATCH / speed.sampler
    flow = speed.size / speed.sampler / 1e9
    fraction = speed.copy / speed.sampler
    gain = speed.loop / speed.sampler
    with capsys.disabled():
        print(
            f"\nT={frames} outputs={outputs}: {rate:,.0f} windows/s, {flow:.1f} GB/s,"
            f" {fraction:.2f} of a memory copy ({speed.size / 1e6:.2f} MB),"
            f" {gain:.1f} x a loop over windows (due: {due})"
        )


# in a process of its own, whose memory is that of the cache and the windows alone
RESIDENT = """
import sys, time
from pathlib import Path
from bench.data.readers import cache
from bench.data.batches.windows import Windows

def resident():  # the most so far, bytes; getrusage would count the parent's from before exec
    return 1024 * int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])

started = time.perf_counter()
clips = cache.load(sys.argv[1], rig=None)
loaded = time.perf_counter()
windows = Windows(clips, frames=int(sys.argv[2]), stride=1)
filled = time.perf_counter()
for batch in windows.epoch(512, shuffle=True, count=100_000):
    pass
print(resident(), windows.nbytes, loaded - started, filled - loaded)
"""


def long_clips() -> list[Clip]:
    """300 clips of 5000 frames, none of which shares memory with another."""
    take = synthetic.make("S1", "Walking", frames=500)
    camera = load("synthetic").rig.around(take.world[:, 0])["cam0"]
    (clip,) = film(take, {"cam0": camera})
    # one take ten times over: to draw the frames anew would take minutes
    names = ("keypoints", "confidence", "camera_pose", "world_pose")
    tiled = {name: np.concatenate([getattr(clip, name)] * 10) for name in names}
    count = MILLIONS // len(tiled["keypoints"])
    clips = []
    for number in range(count):
        own = {name: values.copy() for name, values in tiled.items()}
        clips.append(replace(clip, name=str(number), **own))
    return clips


@pytest.fixture(scope="module")
def long_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("long") / "long.cache"
    cache.save(path, long_clips(), kind="synthetic", rig=None, facts={})
    return path


@pytest.mark.parametrize("frames", [1, 27, 243])
def test_memory_of_a_million_and_a_half_frames(
    frames: int,
    long_cache: Path,
    capsys: pytest.CaptureFixture[str],
    benchmark: Any,
) -> None:
    command = [sys.executable, "-c", RESIDENT, str(long_cache), str(frames)]
    how = {"capture_output": True, "text": True, "check": True, "cwd": ROOT}
    done = benchmark.pedantic(subprocess.run, (command,), how, rounds=1)
    resident, arrays, loading, filling = map(float, done.stdout.split())
    size = long_cache.stat().st_size
    with capsys.disabled():
        print(
            f"\nT={frames}: a cache of {MILLIONS:,} frames, {size / 1e6:.0f} MB, loaded in"
            f" {loading:.2f} s and cut in {filling:.2f} s; arrays {arrays / 1e6:.0f} MB,"
            f" resident at most {resident / 1e6:.0f} MB, {resident / arrays:.2f} of it"
        )
    # Python and NumPy are part of it; a second copy of the arrays would not fit
    assert resident < 1.5 * arrays
