"""Arrays as a safetensors file, written whole: whoever reads sees the old file or the new
one, and every array as it is.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np


def write(path: Path, arrays: Mapping[str, np.ndarray], header: Mapping[str, str]) -> None:
    """Write beside `path`, then replace it. safetensors stores bytes as they lie, so arrays
    are laid out in rows; scalars stay scalars.
    """
    from safetensors.numpy import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    save_file(
        {name: np.array(array, order="C") for name, array in arrays.items()},
        draft,
        metadata=dict(header),
    )
    draft.replace(path)
