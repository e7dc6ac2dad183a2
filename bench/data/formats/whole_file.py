"""One file from a stranger, read whole.

A folder, a pipe that nobody writes to and a device without an end are refused beforehand.
"""

from __future__ import annotations

import stat
from pathlib import Path

from models.errors import BadInput


def size(path: Path, due: str) -> int:
    """Bytes in a file; links are followed.

    Raises BadInput for what is no file, is not there or not allowed; `due` says what to give.
    """
    try:
        found = path.stat()
    except (OSError, ValueError) as error:
        raise refusal(path, due, error) from None
    # before anything is opened: to open a pipe is to wait for its writer
    if not stat.S_ISREG(found.st_mode):
        what = "a folder" if path.is_dir() else "a pipe or device"
        raise BadInput(f"{path}: cannot be read ({what}, and no file); give {due}")
    return found.st_size


def content(path: Path, due: str) -> bytes:
    """The bytes of a file. Raises BadInput as `size` does."""
    size(path, due)
    try:
        return path.read_bytes()
    except OSError as error:
        raise refusal(path, due, error) from None


def refusal(path: Path, due: str, error: OSError | ValueError) -> BadInput:
    """Why a file cannot be opened, in one line."""
    if isinstance(error, FileNotFoundError):
        return BadInput(f"{path}: no such file; give {due}")
    # a ValueError is of a path that no system takes, such as one with a null character
    return BadInput(
        f"{path}: cannot be read ({getattr(error, 'strerror', None) or error}); give {due}"
    )
