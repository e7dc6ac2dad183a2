"""Kill a training at random times, resume it, and see that nothing that was finished is lost.

`python -m tests.kills --backend torch --kills 30` kills the command itself by SIGKILL and goes on
by `run --resume`, until a training has ended; then another begins, until all kills are done. After
each kill every checkpoint there is can be read, and none is behind what it was. In the end the
weights are bit for bit those of a training that nobody has killed.
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from bench.training import checkpoint
from tests.paths import ROOT

SIZES = {"width": 64, "stages": 1, "dropout": 0.25}
TRAIN = {
    "batch": 64,
    "validate_every": 50,
    "validation_windows": 512,
    "average": 0.99,
    "keep.best": "true",
    "keep.top": 2,
    "keep.every": 700,
}
Begin = Callable[[Path], list[str]]  # a training's command, by where it goes
WHOLE = 1800.0  # seconds, within which a training ends that nobody kills


def main(arguments: Sequence[str] | None = None) -> int:
    """0 where all trainings ended alike."""
    parser = argparse.ArgumentParser(prog="python -m tests.kills", description=__doc__)
    parser.add_argument("--backend", default="numpy")
    parser.add_argument("--kills", type=int, default=30)
    # enough that most kills come into steps, and few into the start of Python
    parser.add_argument("--steps", type=int, default=12_000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(arguments)
    draw = random.Random(asked.seed)

    def begin(out: Path) -> list[str]:
        return _train(asked.backend, asked.steps, out)

    with tempfile.TemporaryDirectory() as place:
        out = Path(place)
        began = time.perf_counter()
        _command(begin(out / "whole")).wait(WHOLE)
        # anywhere from the start of Python to the report
        longest = time.perf_counter() - began
        print(f"a training that nobody kills takes {longest:.0f} s", flush=True)
        due = _weights(out / "whole")
        left, number = asked.kills, 0
        while left > 0:
            number += 1
            own = out / f"killed{number}"
            left = _killed(begin, own, left, longest, draw)
            wrong = _different(due, _weights(own))
            print(f"training {number}: {len(wrong)} arrays differ", flush=True)
            if wrong:
                print(f"the first: {wrong[0]}")
                return 1
    return 0


def _killed(
    begin: Begin, out: Path, left: int, longest: float, draw: random.Random
) -> int:
    """One training, killed until it ends or no kill is left; how many are left."""
    steps: dict[str, int] = {}
    while True:
        known = sorted(out.glob("*/run.json"))
        line = _resume(known[0].parent) if known else begin(out)
        process = _command(line)
        if left <= 0:
            assert process.wait(WHOLE) == 0
            return left
        try:
            process.wait(draw.uniform(0.0, longest))
        except subprocess.TimeoutExpired:
            process.kill()
            left -= 1
            print(f"killed, {left} to come; steps {steps}", flush=True)
        if process.wait() != -signal.SIGKILL:
            assert process.returncode == 0, process.returncode
            return left
        steps = _read(out, steps)


def _read(out: Path, before: dict[str, int]) -> dict[str, int]:
    """The step of every checkpoint by its name; each is whole, and none is lost or behind."""
    found = {}
    for path in out.glob("*/checkpoints/[!.]*.safetensors"):
        found[path.name] = int(checkpoint.load(path).progress["step"])
    for name, step in before.items():
        # of the few best one may be taken away, when a better one is there
        assert ".step-" in name or found[name] >= step, (
            f"{name}: {found} after {before}"
        )
    return found


def _train(backend: str, steps: int, out: Path) -> list[str]:
    model = "model.simple_baseline"
    said = {f"{model}.sizes.{key}": value for key, value in SIZES.items()}
    said |= {
        f"{model}.train.{key}": value
        for key, value in {**TRAIN, "steps": steps}.items()
    }
    if backend == "numpy":  # which draws no noise
        said[f"{model}.sizes.dropout"] = 0.0
    line = ["train", "--backend", backend, "--model", "simple_baseline"]
    line += ["--profile", "smoke", "--set", "small=0.05", "--out", str(out)]
    for key, value in said.items():
        line += ["--set", f"{key}={value}"]
    return line


def _resume(folder: Path) -> list[str]:
    return ["run", "--resume", str(folder)]


def _command(line: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "bench", *line],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _weights(out: Path) -> dict[str, checkpoint.Checkpoint]:
    """All checkpoints of a run, by name."""
    places = sorted(out.glob("*/checkpoints/[!.]*.safetensors"))
    return {path.name: checkpoint.load(path) for path in places}


def _different(
    due: dict[str, checkpoint.Checkpoint], came: dict[str, checkpoint.Checkpoint]
) -> list[str]:
    """The arrays that are not the same bits, and the files that are there once only."""
    wrong = sorted(due.keys() ^ came.keys())
    for file in due.keys() & came.keys():
        for group in checkpoint.GROUPS:
            wrong += differing(due[file], came[file], group)
    return wrong


def differing(
    due: checkpoint.Checkpoint, came: checkpoint.Checkpoint, group: str
) -> list[str]:
    """The names in a group of two checkpoints whose arrays are not the same bits."""
    mine, yours = getattr(due, group), getattr(came, group)
    return [
        name
        for name in sorted(mine.keys() | yours.keys())
        if name not in mine
        or name not in yours
        or not np.array_equal(mine[name], yours[name])
    ]


if __name__ == "__main__":
    sys.exit(main())
