"""Files that lifted poses are written to: one format, one file here, chosen by the name's end.

Each has `write(path, poses, about)`: poses (frames, joints, 3) in mm by clip, and what they are,
as `predict` says it; one that has `SURFACES` is given vertices (frames, V, 3),
and `faces`, one that has `SKINNED` the `skin`, a body that follows the joints. The path is a draft beside the target and is moved there when it is whole.
"""

from __future__ import annotations

import importlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.data.formats import places
from models import folder
from models.errors import BadInput

Poses = Mapping[str, NDArray[np.float32]]
PLAIN = "safetensors"  # what a name without an end becomes


def check(path: Path) -> None:
    """Raise BadInput where the name's end is no format's."""
    _module(path)


def surfaced(path: Path) -> bool:
    """Whether the format is of surfaces: it is given vertices in the place of joints.

    Raises BadInput for a format that is none.
    """
    return bool(getattr(_module(path), "SURFACES", False))


def skinned(path: Path) -> bool:
    """Whether the format is of a body that follows joints. Raises BadInput as `surfaced`."""
    return bool(getattr(_module(path), "SKINNED", False))


def write(path: Path, poses: Poses, about: Mapping[str, Any]) -> None:
    """Write all clips. Raises BadInput for a format that is none, and for a disk that is full."""
    module = _module(path)
    # beside the target, where moving is one step; of this process alone
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with places.writing(path):
            module.write(draft, poses, about)
            draft.replace(path)
    except BadInput as error:
        # a writer knows the draft alone
        raise BadInput(str(error).replace(str(draft), str(path))) from None
    finally:
        # where anything failed; else it has gone to its name
        if draft.is_dir():
            shutil.rmtree(draft)
        draft.unlink(missing_ok=True)


def _module(path: Path) -> ModuleType:
    known = folder.files(Path(__file__).parent)
    stem = path.name.rstrip(".")
    if stem != path.name or stem.lstrip(".").lower() in known:
        raise BadInput(
            f"{path}: a name was due before an end such as .{PLAIN}, and none after it"
        )
    name = path.suffix.removeprefix(".").lower() or PLAIN
    if name not in known:
        ends = ", ".join(f".{each}" for each in known)
        raise BadInput(
            f"{path}: poses are written to no {path.suffix} file; give a name that ends in"
            f" one of {ends}"
        )
    return importlib.import_module(f"{__name__}.{name}")
