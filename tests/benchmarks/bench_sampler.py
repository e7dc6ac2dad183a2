"""How fast batches are cut, and in what memory.

Beside a plain memory copy of the same bytes, or a loop over windows. Run: `OMP_NUM_THREADS=1 pytest
--benchmark-only tests/benchmarks/bench_sampler.py`. Both are timed in turns; ratios are told beside
what is due, never asserted; memory is.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.data.batches.windows import Windows
from bench.data.clip import Clip, film
from bench.data.protocols import load
from bench.data.readers import cache, synthetic
from tests.benchmarks.rounds import told

ROUNDS, BATCH = 15, 512
SECONDS = 2.0
ROOT = Path(__file__).parents[2]
MILLIONS = 1_500_000  # frames of the test of memory


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


# beside a memory copy where windows are long and copying is all there is to do, beside a loop where
# they are short and finding them is
CASES = [
    (243, "all", "copy"),
    (243, "centre", "copy"),
    (27, "centre", "loop"),
    (1, "centre", "loop"),
]
DUE = {"copy": "2 at most", "loop": "0.2 at most"}


@pytest.mark.parametrize(("frames", "outputs", "beside"), CASES)
def test_sampler(frames: int, outputs: str, beside: str, benchmark: Any) -> None:
    clips = synthetic.load(rig=load("synthetic").rig)
    # a window at every frame, as training draws them
    windows = Windows(clips, frames=frames, outputs=outputs, stride=1)
    rng = np.random.default_rng(0)
    picks = [rng.integers(0, len(windows), BATCH) for _ in range(ROUNDS)]
    # each the next one: a batch that was cut just before lies in the cache
    turns = itertools.cycle(picks), itertools.cycle(picks)
    sources = [np.ascontiguousarray(part) for part in windows.batch(picks[0])]
    copies = [np.empty_like(part) for part in sources]
    loop = Loop(windows, clips)

    def other() -> None:
        if beside == "loop":
            loop.fill(next(turns[1]), copies)
            return
        for out, source in zip(copies, sources, strict=True):
            np.copyto(out, source)

    benchmark.group = "sampler"
    told(
        benchmark,
        lambda: windows.batch(next(turns[0])),
        other,
        names=("sampler", beside),
        seconds=SECONDS,
    )
    size = sum(part.nbytes for part in sources)
    benchmark.extra_info.update(due=DUE[beside], windows=BATCH, bytes=size)


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
    frames: int, long_cache: Path, benchmark: Any
) -> None:
    command = [sys.executable, "-c", RESIDENT, str(long_cache), str(frames)]
    how = {"capture_output": True, "text": True, "check": True, "cwd": ROOT}
    benchmark.group = "an epoch of a long cache"
    done = benchmark.pedantic(subprocess.run, (command,), how, rounds=1)
    resident, arrays, loading, filling = map(float, done.stdout.split())
    benchmark.extra_info.update(
        resident_bytes=resident,
        array_bytes=arrays,
        loading_seconds=loading,
        cutting_seconds=filling,
    )
    # Python and NumPy are part of it; a second copy of the arrays would not fit
    assert resident < 1.5 * arrays
