"""Checkpoints: one safetensors file with all that is needed to go on.

Weights, optimizer state and input scaling are arrays; progress is JSON in the header, beside a
checksum of it all. No framework is asked: weights trained under one backend can be read under
another.
"""

from __future__ import annotations

import itertools
import json
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bench.data.formats import arrays_file
from bench.training.origin import checked
from models import averaging, momentum
from models.errors import BadInput

Arrays = dict[str, np.ndarray]
GROUPS = ("params", "optimizer", "scaling")


@dataclass(frozen=True)
class Checkpoint:
    """Where a training is, on any backend.

    `params` are under official names; `progress` says how far it is and for what configuration,
    `origin` what the numbers mean (`origin.py`); it is empty in checkpoints of before.
    """

    params: Arrays
    optimizer: Arrays
    scaling: Arrays  # mean and std of the standardizer, or empty
    progress: dict[str, Any]
    origin: dict[str, Any] = field(default_factory=dict)

    @property
    def trained(self) -> Arrays:
        """The weights that the training gives: their means where it averages."""
        found = averaging.read(self.params)
        # how far a training was is nothing that another one starts with
        found.pop(momentum.COUNTER, None)
        return found


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Replace the file in one step."""
    arrays = {}
    for group in GROUPS:
        # one flat table, as the format has it: params/head.weight
        for name, array in getattr(checkpoint, group).items():
            arrays[f"{group}/{name}"] = array
    progress, origin = json.dumps(checkpoint.progress), json.dumps(checkpoint.origin)
    checksum = _checksum(arrays, progress, origin)
    header = {"progress": progress, "origin": origin, "checksum": checksum}
    arrays_file.write(path, arrays, header)


def there(path: Path) -> bool:
    """Whether a file or folder lies at a path, whatever that is."""
    try:
        return path.exists()
    except OSError:  # of a name that no file can have
        return False


def load(path: Path) -> Checkpoint:
    """Read a checkpoint. Raises BadInput where the file is absent, damaged or none of ours."""
    # here: whoever names a command does not wait for it
    from safetensors import SafetensorError, safe_open

    if not there(path):
        raise BadInput(
            f"{path}: no checkpoint there; train the model first, or give the path of one"
        )
    try:
        with safe_open(path, framework="numpy") as file:
            header = file.metadata() or {}
            progress = json.loads(header["progress"])
            origin = checked(json.loads(header.get("origin", "{}")))
            names = file.keys()  # a method of this reader, which is no dict
            arrays = {name: file.get_tensor(name) for name in names}
    # KeyError of another program's header, ValueError and TypeError of JSON that is none of ours
    except (SafetensorError, KeyError, OSError, ValueError, TypeError) as error:
        raise BadInput(
            f"{path}: not a checkpoint of PosePort ({error}); expected safetensors with a"
            " `progress` header; `python -m bench import checkpoint` makes one of others"
        ) from None
    texts = header["progress"], header.get("origin", "")
    # absent in checkpoints of before
    if header.get("checksum", due := _checksum(arrays, *texts)) != due:
        raise BadInput(
            f"{path}: not a checkpoint of PosePort any more: its checksum is"
            f" {header['checksum']}, that of its content {due}; train the model again"
        )
    groups = {group: _group(arrays, group) for group in GROUPS}
    return Checkpoint(
        groups["params"], groups["optimizer"], groups["scaling"], progress, origin
    )


def set_aside(path: Path) -> Path:
    """Give a file another name, which is not taken; returns it."""
    names = (
        path.with_name(f"{path.name}.damaged{number}") for number in itertools.count(1)
    )
    place = next(name for name in names if not name.exists())
    return path.rename(place)


def _checksum(arrays: Arrays, *texts: str) -> str:
    """CRC-32 of all that is in the file, whatever the order of its arrays there."""
    found = zlib.crc32("".join(texts).encode())
    for name, array in sorted(arrays.items()):
        about = f"{name} {array.dtype} {array.shape}"
        found = zlib.crc32(about.encode(), found)
        found = zlib.crc32(np.array(array, order="C").tobytes(), found)
    return f"{found:08x}"


def _group(arrays: Arrays, group: str) -> Arrays:
    start = f"{group}/"
    found = {}
    for name, array in arrays.items():
        if name.startswith(start):
            found[name.removeprefix(start)] = array
    return found
