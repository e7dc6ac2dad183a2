"""Arrays under the names of the authors' own classes are what the zoo takes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

import models
from bench.importing import fitting
from tests.paths import GOLDEN

PREFIX = "param/"
# those that bring the graph of a mesh: weights of a body that is not the built-in one
MESHES = ("const/", "graph/")


def own_mesh(path: Path) -> bool:
    with safe_open(path, framework="numpy") as file:
        return any(name.startswith(MESHES) for name in file.keys())  # noqa: SIM118


FILES = [path for path in sorted(GOLDEN.glob("*.safetensors")) if not own_mesh(path)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_state_dict_of_the_authors_is_a_model_s_weights(path: Path) -> None:
    with safe_open(path, framework="numpy") as file:
        header = file.metadata()
        names = [name for name in file.keys() if name.startswith(PREFIX)]  # noqa: SIM118
        stored = {name.removeprefix(PREFIX): file.get_tensor(name) for name in names}
    spec = models.from_official(header["model"], json.loads(header["config"]))
    found = fitting.of_model(spec.name, {"model_pos": stored}, spec.parameters)
    assert found is not None
    left_out = fitting.parted(spec.name, spec.parameters, found.arrays)
    kept = {name: one for name, one in found.arrays.items() if name not in left_out}
    weights = fitting.weights(spec.parameters, fitting.counted(spec.parameters, kept))
    assert weights.keys() == spec.parameters.keys()
    assert all(np.isfinite(one).all() for one in weights.values())
