"""A network of images that no zoo holds: two convolutions, their means, an affine map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import models
from bench import recipes
from bench.config import Config, Model, Train
from bench.coordinator import dataset
from bench.coordinator.job import Job
from bench.data import Split, protocols
from bench.data.clip import film
from bench.data.readers import synthetic
from models.builder import Builder
from models.value import Value, emit


@dataclass(frozen=True)
class Size:
    joints: int = 17
    side: int = 32
    width: int = 8
    channels: int = 3
    frames: int = 1


def network(g: Builder, size: Size) -> Value:
    """(batch, 3, side, side) -> (batch, 1, joints, 3)."""
    x = g.input("images", ("batch", size.channels, size.side, size.side))
    for i, stride in enumerate((2, 2)):
        channels = int(str(x.shape[1]))
        start = ("normal", (2 / (channels * 9)) ** 0.5)
        weight = g.param(f"{i}.weight", (size.width, channels, 3, 3), init=start)
        steps, ones = (stride, stride), (1, 1)
        x = emit("conv", x, weight, stride=steps, dilation=ones, padding=ones)
        x = x.relu()
    # where it is bright in each quarter of the picture
    half = size.side // 8
    x = x.rearrange("b c (y h) (x w) -> b c y x h w", h=half, w=half)
    x = x.mean(axis=(4, 5), keepdims=False)
    x = x.rearrange("b c y x -> b (c y x)").linear(size.joints * 3, name="head")
    return x.rearrange("b (k j c) -> b k j c", k=1, c=3)


LOSS = {"mpjpe": 1.0}
FILE = SimpleNamespace(
    Size=Size,
    train=network,
    LOSS=LOSS,
    PRESETS={"paper": Size(), "small": Size(), "tiny": Size()},
)


def add(patch: pytest.MonkeyPatch) -> None:
    """Put it beside the zoo, as the model `glance`."""
    known = models.module
    patch.setattr(
        models, "module", lambda name: FILE if name == "glance" else known(name)
    )
    beside = recipes.beside
    own = Path(__file__).with_suffix(".yaml")
    patch.setattr(
        recipes, "beside", lambda name: own if name == "glance" else beside(name)
    )


@cache
def split() -> Split:
    """Two takes of three subjects, one of which is for testing, before four cameras."""
    protocol = protocols.load("synthetic-every16")
    assert protocol.rig is not None
    clips = []
    for subject in ("S1", "S5", "S9"):
        for action in ("Walking", "Sitting"):
            take = synthetic.make(subject, action, frames=32)
            clips += film(take, protocol.rig.around(take.world[:, 0]))
    return Split(*protocol.divide(clips), protocol)


def few(patch: pytest.MonkeyPatch) -> None:
    """Let every run have these clips, which are there at once."""
    patch.setattr(dataset, "of", lambda config, folder: split())
    patch.setattr(dataset, "read", lambda config: split())


def job(
    folder: Path,
    *,
    task: str = "train",
    backend: str = "numpy",
    sizes: Mapping[str, Any] | None = None,
    run: Mapping[str, Any] | None = None,
    **train: Any,
) -> Job:
    """A cell of it; `train` are settings of the training, `run` those of the run."""
    given = {"steps": 6, "batch": 8, "validate_every": 6, "validation_windows": 16}
    model = Model(sizes=dict(sizes or {}), train=Train.model_validate(given | train))
    known: dict[str, Any] = {
        "small": 0.05,
        "protocol": "synthetic-every16",
        "device": "cpu",
        "threads": 1,
    }
    config = Config(model={"glance": model}, **(known | dict(run or {})))
    return Job(task=task, backend=backend, model="glance", config=config, folder=folder)
