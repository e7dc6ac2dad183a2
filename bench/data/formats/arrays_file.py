"""Arrays as a safetensors file, written whole.

Whoever reads sees the old file or the new one, and every array as it is.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np

from bench.data.formats import permissions, places


def write(
    path: Path, arrays: Mapping[str, np.ndarray], header: Mapping[str, str]
) -> None:
    """Write beside `path`, then replace it. Raises NotWritten; what was there is as it was."""
    # here: most who import this module write nothing
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    draft = path.with_name(f".{path.name}.{os.getpid()}")
    # safetensors stores bytes as they lie, whatever the strides say, so arrays are laid out in
    # rows. Not ascontiguousarray: that makes (1,) of a scalar.
    rows = {name: np.array(array, order="C") for name, array in arrays.items()}
    try:
        with places.writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            save_file(rows, draft, metadata=dict(header))
            permissions.by_umask(draft)
            # its bytes before its name: a name is kept first by some disks
            _settle(draft)
            draft.replace(path)
            # a folder is no file on Windows, which keeps names by itself
            if os.name == "posix":
                _settle(path.parent)
    except SafetensorError:
        draft.unlink(missing_ok=True)
        places.room(path, sum(array.nbytes for array in rows.values()))
        raise
    finally:
        # where anything failed; else it has gone to its name
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def _settle(path: Path) -> None:
    """Wait until a file or a folder is on the disk itself."""
    held = os.open(path, os.O_RDONLY)
    try:
        os.fsync(held)
    finally:
        os.close(held)
