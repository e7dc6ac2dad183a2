"""Checkpoints: one safetensors file with all that is needed to go on.

Weights, optimizer state and input scaling are arrays; progress is JSON in the header.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.data.formats import arrays_file
from models.errors import BadInput

Arrays = dict[str, np.ndarray]
GROUPS = ("params", "optimizer", "scaling")


@dataclass(frozen=True)
class Checkpoint:
    """Where a training is, on any backend.

    `params` are under official names; `progress` says how far it is and for what configuration.
    """

    params: Arrays
    optimizer: Arrays
    scaling: Arrays  # mean and std of the standardizer, or empty
    progress: dict[str, Any]


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Replace the file in one step."""
    arrays = {
        f"{group}/{name}": array
        for group in GROUPS
        for name, array in getattr(checkpoint, group).items()
    }
    arrays_file.write(path, arrays, {"progress": json.dumps(checkpoint.progress)})


def load(path: Path) -> Checkpoint:
    """Read a checkpoint. Raises BadInput where the file is absent or is none of ours."""
    from safetensors import SafetensorError, safe_open

    if not path.exists():
        raise BadInput(f"{path}: no checkpoint there; train the model first")
    try:
        with safe_open(path, framework="numpy") as file:
            progress = json.loads((file.metadata() or {})["progress"])
            names = file.keys()  # a method of this reader, which is no dict
            arrays = {name: file.get_tensor(name) for name in names}
    except (SafetensorError, KeyError, ValueError) as error:
        raise BadInput(
            f"{path}: not a checkpoint of PosePort ({error}); expected safetensors with a"
            " `progress` header"
        ) from None
    groups = {group: _group(arrays, group) for group in GROUPS}
    return Checkpoint(groups["params"], groups["optimizer"], groups["scaling"], progress)


def _group(arrays: Arrays, group: str) -> Arrays:
    return {
        name.removeprefix(f"{group}/"): array
        for name, array in arrays.items()
        if name.startswith(f"{group}/")
    }
