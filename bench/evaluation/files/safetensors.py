"""An array (frames, joints, 3) for each clip, and what they are in the header, as texts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.data.formats import arrays_file, whole_file
from bench.evaluation.files import DUE, Content, Poses
from models.errors import BadInput

ARRAYS = True  # of any shape


def write(path: Path, poses: Poses, about: Mapping[str, Any]) -> None:
    """Texts as they are, all else as JSON."""
    header = {}
    for name, value in about.items():
        # a safetensors header holds texts alone
        header[name] = value if isinstance(value, str) else json.dumps(value)
    arrays_file.write(path, poses, header)


def read(path: Path) -> Content:
    """What `write` has written. Raises BadInput for anything else."""
    # here: whoever names a command does not wait for it
    from safetensors import SafetensorError, safe_open

    whole_file.size(path, DUE)
    try:
        with safe_open(path, framework="numpy") as file:
            header = file.metadata() or {}
            names = file.keys()  # a method of this reader, which is no dict
            arrays = {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:80]
        raise BadInput(
            f"{path}: no poses of `predict` ({reason}); give {DUE}"
        ) from None
    return arrays, {name: _value(text) for name, text in header.items()}


def _value(text: str) -> Any:
    """A value as it was before `write`: JSON where it is some, else the text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
