"""What the poses are, and `poses`: lists of frames of joints of x, y, z, by clip."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.data.formats import json_file
from bench.data.formats.checks import mapping
from bench.evaluation.files import Content, Poses


def write(path: Path, poses: Poses, about: Mapping[str, Any]) -> None:
    """All digits: what is read back is the same float32."""
    lists = {name: pose.tolist() for name, pose in poses.items()}
    text = json.dumps({**about, "poses": lists}, allow_nan=False)
    path.write_text(text, encoding="utf-8")


def read(path: Path) -> Content:
    """What `write` has written. Raises BadInput for anything else."""
    whole = dict(mapping(json_file.read(path), str(path), "poses"))
    return mapping(whole.pop("poses"), f"{path}: poses"), whole
