"""An array (frames, joints, 3) for each clip, and `about`: a text of JSON that says what they are.

`json.loads(str(numpy.load(PATH)["about"]))` reads it; no name of a clip is `about`, for each holds
a slash.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bench.data.formats import whole_file
from bench.data.formats.checks import mapping
from bench.evaluation.files import DUE, Content, Poses
from models.errors import BadInput

ARRAYS = True  # of any shape


def write(path: Path, poses: Poses, about: Mapping[str, Any]) -> None:
    """Uncompressed: floats gain nothing by it."""
    with path.open("wb") as file:  # NumPy would put an end of its own to a bare name
        arrays: dict[str, Any] = {"about": np.array(json.dumps(about)), **poses}
        np.savez(file, **arrays)


def read(path: Path) -> Content:
    """What `write` has written. Raises BadInput for anything else; nothing in it is run."""
    whole_file.size(path, DUE)
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        about = json.loads(str(arrays.pop("about")))
    # no archive, one of pickled objects, one without `about`, one that is no JSON
    except (
        OSError,
        EOFError,
        ValueError,
        KeyError,
        zipfile.BadZipFile,
        AttributeError,
    ) as error:
        reason = " ".join(str(error).split())[:80]
        raise BadInput(
            f"{path}: no poses of `predict` ({reason}); give {DUE}"
        ) from None
    return arrays, mapping(about, f"{path}: about")
