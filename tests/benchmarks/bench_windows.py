"""How fast batches are cut, as a fraction of a plain memory copy of the same bytes and
against a loop over windows; in what memory.

Run: `python -m pytest -q tests/benchmarks/bench_windows.py`. The three contenders are timed
in turn, in one run, and the best time of each counts: what else the machine does slows some
rounds of each.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

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
    """Best seconds per batch of the sampler, the copy and the loop, and the bytes of a
    batch.
    """

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


def measure(windows: Windows, clips: list[Clip]) -> Speed:
    """Time random batches.

    The loop does what published generators do: per window, find the clip, slice it, pad the
    slice, store it.
    """
    draw = np.random.default_rng(0)
    picks = [draw.integers(0, len(windows), BATCH) for _ in range(ROUNDS)]
    sources = [np.ascontiguousarray(part) for part in windows.batch(picks[0])]
    copies = [np.empty_like(part) for part in sources]
    arrays = [(clip.keypoints, clip.camera_pose) for clip in clips]
    starts = np.cumsum([0, *(clip.frames for clip in clips)])
    numbers = windows.clip_numbers()[windows._first]
    where = numbers, windows._first - starts[numbers]
    context = (windows.frames - windows.outputs) // 2

    def loop(turn: int) -> None:
        for row, pick in enumerate(picks[turn]):
            clip = where[0][pick]
            first = where[1][pick]
            keypoints, pose = arrays[clip]
            low = first - context
            high = first - context + windows.frames
            part = keypoints[max(low, 0) : min(high, len(keypoints))]
            if low < 0 or high > len(keypoints):
                part = np.pad(
                    part,
                    ((max(-low, 0), max(high - len(keypoints), 0)), (0, 0), (0, 0)),
                    mode="edge",
                )
            copies[0][row] = part
            copies[1][row] = pose[first : first + windows.outputs]

    def copy(turn: int) -> None:
        for out, source in zip(copies, sources, strict=True):
            np.copyto(out, source)

    best = best_in_turn(
        {"sampler": lambda turn: windows.batch(picks[turn]), "copy": copy, "loop": loop}
    )
    return Speed(
        best["sampler"],
        best["copy"],
        best["loop"],
        sum(part.nbytes for part in sources),
    )


CASES = [
    (243, "all", 0.5, 0.0),
    (243, "centre", 0.5, 0.0),
    (27, "centre", 0.0, 5.0),
    (1, "centre", 0.0, 5.0),
]


@pytest.mark.parametrize(("frames", "outputs", "copy_due", "loop_due"), CASES)
def test_sampler_speed(
    frames: int,
    outputs: str,
    copy_due: float,
    loop_due: float,
    capsys: pytest.CaptureFixture[str],
) -> None:
    clips = synthetic.load(rig=load("synthetic").rig)
    speed = measure(Windows(clips, frames=frames, outputs=outputs, stride=1), clips)
    fraction = speed.copy / speed.sampler
    gain = speed.loop / speed.sampler
    with capsys.disabled():
        print(
            f"\nT={frames} outputs={outputs}: {BATCH / speed.sampler:,.0f} windows/s,"
            f" {speed.size / speed.sampler / 1e9:.1f} GB/s, {fraction:.2f} of a memory copy"
            f" ({speed.size / 1e6:.2f} MB), {gain:.1f} x a loop over windows"
        )
    assert fraction >= copy_due
    assert gain >= loop_due


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
    """300 clips of 5000 frames, none of which shares memory with another; made of one take
    repeated.
    """
    take = synthetic.make("S1", "Walking", frames=500)
    (clip,) = film(take, {"cam0": load("synthetic").rig.around(take.world[:, 0])["cam0"]})
    arrays = (clip.keypoints, clip.confidence, clip.camera_pose, clip.world_pose)
    tiled = [np.concatenate([values] * 10) for values in arrays]
    names = ("keypoints", "confidence", "camera_pose", "world_pose")
    return [
        replace(
            clip,
            name=str(number),
            **{name: values.copy() for name, values in zip(names, tiled, strict=True)},
        )
        for number in range(MILLIONS // len(tiled[0]))
    ]


@pytest.fixture(scope="module")
def long_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("long") / "long.cache"
    cache.save(path, long_clips(), kind="synthetic", rig=None, facts={})
    return path


@pytest.mark.parametrize("frames", [1, 27, 243])
def test_memory_of_a_million_and_a_half_frames(
    frames: int, long_cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [sys.executable, "-c", RESIDENT, str(long_cache), str(frames)]
    said = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    ).stdout
    resident, arrays, loading, filling = map(float, said.split())
    with capsys.disabled():
        print(
            f"\nT={frames}: a cache of {MILLIONS:,} frames,"
            f" {long_cache.stat().st_size / 1e6:.0f} MB, loaded in {loading:.2f} s and cut"
            f" in {filling:.2f} s; arrays {arrays / 1e6:.0f} MB, resident at most"
            f" {resident / 1e6:.0f} MB, {resident / arrays:.2f} of it"
        )
    assert resident < 1.5 * arrays
