"""An array (frames, joints, 3) for each clip, and `about`: a text of JSON that says what they are.

`json.loads(str(numpy.load(PATH)["about"]))` reads it; no name of a clip is `about`, for each holds
a slash.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bench.evaluation.files import Poses

ARRAYS = True  # of any shape


def write(path: Path, poses: Poses, about: Mapping[str, Any]) -> None:
    """Uncompressed: floats gain nothing by it."""
    with path.open("wb") as file:  # NumPy would put an end of its own to a bare name
        arrays: dict[str, Any] = {"about": np.array(json.dumps(about)), **poses}
        np.savez(file, **arrays)
