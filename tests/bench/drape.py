"""Drape: the least network that makes a surface, for tests of what the harness does with one.

It lifts a frame and lets the body's rest surface go along by a linear map. It is no model of the
zoo: `put_up` makes it known to one test.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import models
from bench import recipes
from models.body import Body
from models.builder import Builder
from models.human import human
from models.value import Value


@dataclass(frozen=True)
class Size:
    """`detail` is the body's; of pictures of a `side` it reads these, and else keypoints."""

    joints: int = 17
    width: int = 32
    detail: int = 1
    side: int = 0
    frames: int = 1


def train(g: Builder, size: Size, *, body: Body | None = None) -> Value:
    """(b, 1, joints, 2), or (b, 3, side, side) -> (b, 1, joints, 3), and vertices (b, v, 3)."""
    mesh = body.mesh if body and body.mesh else human(size.detail)
    shape = (1, size.joints, 2) if not size.side else (3, size.side, size.side)
    x = g.input("images" if size.side else "keypoints", ("batch", *shape))
    x = x.rearrange("b f j c -> b (f j c)").linear(size.width, name="up").relu()
    count = len(mesh.vertices)
    moved = x.linear(3 * count, name="skin", init=("normal", 1e-3))
    rest = g.constant("rest", mesh.vertices[:, [0, 2, 1]] * (1, -1, 1))
    g.label("vertices", moved.rearrange("b (v c) -> b v c", c=3) + rest)
    pose = x.linear(3 * size.joints, name="head")
    return pose.rearrange("b (f j c) -> b f j c", f=1, c=3)


PRESETS = {"paper": Size(), "small": Size(), "tiny": Size()}
LOSS = {
    "vertex": 1.0,
    "edge": 1.0,
    "normal": 0.1,
    "mesh_joint": 1.0,
    "lifted_joint": 1.0,
}


def put_up(monkeypatch: pytest.MonkeyPatch) -> str:
    """Its name in the zoo while a test runs."""
    known = models.names()
    monkeypatch.setitem(sys.modules, "models.zoo.drape", sys.modules[__name__])
    monkeypatch.setattr(models, "names", lambda: [*known, "drape"])
    beside, own = recipes.beside, Path(__file__).with_suffix(".yaml")
    monkeypatch.setattr(
        recipes, "beside", lambda name: own if name == "drape" else beside(name)
    )
    return "drape"
