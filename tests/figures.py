"""Figures of what a picture or mesh model makes of test frames, as `docs/figures` has them.

`python -m tests.figures RUN PNG` draws the model that a run has trained with PyTorch: of a surface
model pairs of surfaces, the true one first; of another the pictures and the poses made of them.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import backends
from bench import config as configs
from bench import records
from bench.coordinator.job import Job
from bench.data.batches.windows import Windows
from bench.data.geometry import skeletons
from bench.training.feed import VERTICES, split_of
from bench.training.restored import Restored, restored
from reports import plot

SEED = 3
SURFACES, PICTURES = 4, 6  # frames that a figure has room for
WIDTH, COLOURS = 1000, 128  # of the file, so that it stays small


def draw(run: Path, out: Path) -> None:
    """Draw some test frames, by their numbers in the data, as the run's model sees them."""
    known = records.read(run)
    config = configs.validate(known.info.config)
    (name,) = config.model
    job = Job(
        task="evaluate",
        backend="torch",
        model=name,
        config=config,
        folder=known.folder,
    )
    split = split_of(job)
    model = restored(job, split.protocol, backends.load("torch"), "cpu")
    windows = model.feed.windows(split.test, stride=1)
    surfaced = model.feed.skin is not None
    order = np.random.default_rng(SEED).permutation(len(windows))
    chosen = np.sort(order[: SURFACES if surfaced else PICTURES])
    shown, _ = windows.batch(chosen)
    made = model.program(model.feed.inputs(shown))
    if surfaced:
        _surfaces(out, model, windows, chosen, made)
    else:
        _pictures(out, windows, chosen, made)
    _shrink(out)


def _surfaces(
    out: Path, model: Restored, windows: Windows, chosen: np.ndarray, made: Any
) -> None:
    skin = model.feed.skin
    assert skin is not None  # as `draw` has asked
    _, target = windows.batch(chosen)
    true = model.feed.surface(windows.metres(target, chosen)[:, 0])
    pairs = np.stack([true, made[VERTICES]], axis=1)
    plot.surfaces(out, skin.mesh.faces, 1000 * pairs.reshape(-1, *true.shape[1:]))


def _pictures(out: Path, windows: Windows, chosen: np.ndarray, made: Any) -> None:
    assert windows.crops is not None  # of a model of pictures
    height, width = windows.crops.size
    # windows at a stride of 1 are frames
    colours = np.moveaxis(windows.crops.colours(chosen), 1, -1)
    places = (made["pose"][:, 0, :, :2] + 0.5) * (width, height)
    poses = 1000 * windows.metres(made["pose"], chosen)[:, 0]
    bones = skeletons.H36M17.bones
    plot.poses(out, bones, poses, list(zip(colours, places, strict=True)))


def _shrink(out: Path) -> None:
    with Image.open(out) as drawn:
        height = drawn.height * WIDTH // drawn.width
        small = drawn.convert("RGB").resize((WIDTH, height), Image.Resampling.LANCZOS)
    small.quantize(COLOURS).save(out, optimize=True)


if __name__ == "__main__":
    draw(Path(sys.argv[1]), Path(sys.argv[2]))
