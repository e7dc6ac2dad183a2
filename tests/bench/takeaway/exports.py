"""What the tests of export share.

Small models, the command's arguments, and a checkpoint as training leaves it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import backends
from backends.base import Format
from bench.training import checkpoint
from models import params
from models.graph import Graph
from tests.zoo import tiny

Said = pytest.CaptureFixture[str]
# every format that some backend says it writes, whether its framework is here or not
FORMATS = [
    name
    for backend in backends.names()
    for name in getattr(backends._manifest(backend), "EXPORTS", {})
]


def owner_of(format: str) -> tuple[str, Format]:
    """The backend of a format; the test is skipped where its framework is not here."""
    owner, about = backends.exporter(format)
    if owner not in backends.installed():
        pytest.skip(f"{format} is written by {owner}, which is not installed")
    return owner, about


def arguments(model: str, format: str, out: Path, *more: str) -> list[str]:
    """A command line that writes a small model."""
    given = ["export", "--model", model, "--to", format, "--out", str(out)]
    return [*given, "--preset", "tiny", *more]


def infer(model: str) -> Graph:
    """The inference graph that `arguments` asks for."""
    return tiny(model).infer


def trained(
    path: Path, model: str, **changed: np.ndarray | None
) -> dict[str, np.ndarray]:
    """The weights of a checkpoint as training leaves it.

    `changed` arrays replace its own, None drops them.
    """
    graph = tiny(model).train
    # another seed than that of initial weights: reading none would show
    arrays = {**params.draw(graph.params, seed=9), **changed}
    kept = {name: array for name, array in arrays.items() if array is not None}
    scaling = {
        "mean": np.full((16, 2), 0.5, np.float32),
        "std": np.full((16, 2), 2.0, np.float32),
    }
    checkpoint.save(path, checkpoint.Checkpoint(kept, {}, scaling, {"step": 3}))
    return kept
