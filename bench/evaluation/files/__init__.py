"""Files that lifted poses are written to: one format, one file here, chosen by the name's end.

Each has `write(path, poses, about)`: poses (frames, joints, 3) in mm by clip, and what they are,
as `predict` says it. One that has `SURFACES` is given vertices (frames, V, 3), and `faces` in
`about`; one that has `SKINNED` the `skin` there, a body that follows the joints; one that has
`ARRAYS` takes arrays of any shape beside the poses. The path is a draft beside the target and is
moved there when it is whole. Some have `read(path)`, which gives back what was written.
"""

from __future__ import annotations

import importlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from numpy.typing import NDArray

from bench.data.formats import places
from models import folder
from models.errors import BadInput

Poses = Mapping[str, NDArray[Any]]
# arrays by name, and what they are
Content = tuple[Mapping[str, Any], Mapping[str, Any]]
PLAIN = "safetensors"  # what a name without an end becomes
BACK = (".json", ".npz", ".safetensors", "")  # ends of names that are read, too
DUE = "a file that `predict` has written as .json, .npz or .safetensors"


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


def holds_arrays(path: Path) -> bool:
    """Whether the format has a place for vertices and faces beside poses.

    Raises BadInput for a format that is none.
    """
    return bool(getattr(_module(path), "ARRAYS", False))


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


def read(path: Path) -> Content:
    """What a file holds that `write` has written, of the formats that are read back.

    Nothing of it is looked at yet. Raises BadInput for another format or content.
    """
    if path.suffix.lower() not in BACK:
        raise BadInput(
            f"{path}: no poses are read from it; give {DUE}; 2D keypoints are a source of"
            " data, keypoints:PATH"
        )
    found: Content = _module(path).read(path)
    return found


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
