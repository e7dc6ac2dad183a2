"""One process at a time works in a run folder.

The system lets go of the lock when its holder ends, however that is: none is ever left behind.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from models.errors import BadInput

FILE = ".lock"


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a run folder. Raises BadInput where another process does."""
    # the file stays: removed, it could be held twice under one name
    with (folder / FILE).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadInput(
                f"{folder}: another process is at work on this run; wait until it has"
                " ended, or stop it"
            ) from None
        yield
