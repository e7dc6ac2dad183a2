"""Arrays as a safetensors file, written whole.

Whoever reads sees the old file or the new one, and every array as it is.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from bench.data.formats import permissions, places


def write(
    path: Path, arrays: Mapping[str, np.ndarray], header: Mapping[str, str]
) -> None:
    """Write beside `path`, then replace it. Raises BadInput where it cannot be written."""
    # here: most who import this module write nothing
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    # safetensors stores bytes as they lie, whatever the strides say, so arrays are laid out in
    # rows. Not ascontiguousarray: that makes (1,) of a scalar.
    rows = {name: np.array(array, order="C") for name, array in arrays.items()}
    try:
        with places.writing(path):
            save_file(rows, draft, metadata=dict(header))
            permissions.by_umask(draft)
            draft.replace(path)
    except SafetensorError:
        draft.unlink(missing_ok=True)
        places.room(path, sum(array.nbytes for array in rows.values()))
        raise
    finally:
        # where anything failed; else it has gone to its name
        draft.unlink(missing_ok=True)
