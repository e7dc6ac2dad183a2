"""Permissions of a file that a library has written: those that the user's umask gives.

Libraries that write through a temporary file leave it to its owner alone, whatever the umask.
"""

from __future__ import annotations

import stat
from pathlib import Path


def by_umask(path: Path) -> None:
    """Give `path` the permissions of any new file in its folder."""
    probe = path.with_name(f".{path.name}.new")
    # by making one: the umask itself can only be read by setting it, for all threads at once
    probe.touch()
    granted = stat.S_IMODE(probe.stat().st_mode)
    probe.unlink()
    path.chmod(granted)
