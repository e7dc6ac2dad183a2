"""What the native tests share: small models of the zoo, arrays to feed them, noise to draw."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

import models
from models import dims, optim
from models import noise as noises
from models.builder import Builder
from models.graph import Graph
from tests.asserts import assert_close

Arrays = dict[str, np.ndarray]
# One model of each kind. What is asked of them is whether a backend's objects are native; what
# every model of the zoo computes and learns there, `test_ladder_zoo.py` and others ask.
KINDS = ("simple_baseline", "semgcn", "videopose3d", "poseformer", "poseflow")
ZOO = pytest.mark.parametrize("name", KINDS)
RULES = pytest.mark.parametrize("rule", list(optim.RULES))
RATE = 0.3  # of the masks drawn here


def small(name: str, **sizes: object) -> models.Spec:
    """A model of the zoo that runs in a fraction of a second."""
    return models.build(name, preset="tiny", **sizes)


def arrays(
    graph: Graph,
    *,
    batch: int = 4,
    frames: int = 9,
    noise: bool = True,
) -> Arrays:
    """Inputs and, unless the backend draws it, noise: float32."""
    draw = np.random.default_rng(0)
    lengths = {"batch": batch, "frames": frames}
    fed = {}
    for name, type_ in graph.inputs.items():
        fed[name] = draw.normal(size=dims.bind(type_.shape, lengths))
    for name, asked in graph.noise.items() if noise else ():
        fed[name] = noises.draw(asked, dims.bind(asked.type.shape, lengths), draw)
    return {name: array.astype(np.float32) for name, array in fed.items()}


def assert_all_close(
    came: Mapping[str, np.ndarray],
    due: Arrays,
    *,
    rtol: float,
) -> None:
    """Every array that is due, by name."""
    for name, array in due.items():
        assert_close(came[name], array, rtol=rtol, what=name)


def assert_equal(came: Mapping[str, np.ndarray], due: Arrays) -> None:
    """Bit by bit, every array that is due."""
    for name, array in due.items():
        assert np.array_equal(came[name], array), name


def python(
    script: str,
    folder: Path,
    environment: Mapping[str, str] | None = None,
) -> str:
    """What a fresh interpreter says that runs in a folder where nothing of ours lies."""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,  # seconds: importing a framework may take thirty on a busy machine
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def noisy(kind: str, *, rate: float = RATE) -> Graph:
    """A graph that is nothing but its noise: 50 by 4 numbers a sample, for x of ones."""
    g = Builder("noisy")
    x = g.input("x", ("batch", 50, 4))
    if kind == "dropout":
        y = x.dropout(rate=rate, name="d")
    elif kind == "drop_path":
        y = x.drop_path(rate=rate, name="d")
    else:
        y = x * 0.0 + g.noise("n", x.shape, kind=kind, number=rate)
    g.output("y", y)
    return g.finish()


def ones(batch: int) -> Arrays:
    """What `noisy` graphs are fed."""
    return {"x": np.ones((batch, 50, 4))}


def assert_masks(kind: str, first: np.ndarray, second: np.ndarray) -> None:
    """Two draws for 4,000 samples: they differ, and keep as many as they should."""
    assert not np.array_equal(first, second)
    # what is kept is scaled, so that the mean stays
    assert_close(np.unique(first), [0.0, 1 / (1 - RATE)], rtol=1e-6, what=kind)
    if kind == "drop_path":
        assert (first == first[:, :1, :1]).all(), "a sample is dropped whole"
        # four standard errors of 4,000 draws
        assert abs((first[:, 0, 0] > 0).mean() - (1 - RATE)) < 0.03
    else:
        # four standard errors of 800,000 draws
        assert abs((first > 0).mean() - (1 - RATE)) < 0.002


def assert_distributed(normal: np.ndarray, uniform: np.ndarray) -> None:
    """100,000 numbers each: a normal of deviation 2, and a uniform up to 2."""
    assert abs(normal.mean()) < 0.03
    assert abs(normal.std() - 2) < 0.03
    assert uniform.min() >= 0
    assert 1.99 < uniform.max() <= 2
    assert abs(uniform.mean() - 1) < 0.02
