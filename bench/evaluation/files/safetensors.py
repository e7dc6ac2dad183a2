"""An array (frames, joints, 3) for each clip, and what they are in the header, as texts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.data.formats import arrays_file
from bench.evaluation.files import Poses

ARRAYS = True  # of any shape


def write(path: Path, poses: Poses, about: Mapping[str, Any]) -> None:
    """Texts as they are, all else as JSON."""
    header = {}
    for name, value in about.items():
        # a safetensors header holds texts alone
        header[name] = value if isinstance(value, str) else json.dumps(value)
    arrays_file.write(path, poses, header)
