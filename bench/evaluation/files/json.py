"""What the poses are, and `poses`: lists of frames of joints of x, y, z, by clip."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.evaluation.files import Poses


def write(path: Path, poses: Poses, about: Mapping[str, Any]) -> None:
    """All digits: what is read back is the same float32."""
    lists = {name: pose.tolist() for name, pose in poses.items()}
    text = json.dumps({**about, "poses": lists}, allow_nan=False)
    path.write_text(text, encoding="utf-8")
