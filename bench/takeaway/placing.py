"""Where an export lies: whether it may, and how it gets there.

A file replaces a file, and a folder (a format without suffix) an empty folder. Whatever else is
there may be anybody's.
"""

from __future__ import annotations

import os
from pathlib import Path

from backends.base import Format
from bench.data.formats import permissions, places
from models.errors import BadInput


def check(out: Path, format: str, about: Format) -> None:
    """Raises BadInput where the file cannot lie there, or would cover a folder."""
    if about.suffix and out.suffix != about.suffix:
        places.file(out)  # what has no name takes no suffix
        raise BadInput(
            f"{out}: a file of format {format} ends in {about.suffix}; pass --out"
            f" {out.with_suffix(about.suffix)}"
        )
    if not os.access(out.absolute().parent, os.W_OK | os.X_OK):
        raise BadInput(
            f"{out}: there is no folder {out.parent} to write to; make it first"
        )
    taken = out.is_dir() and (about.suffix or any(out.iterdir()))
    if taken or (out.is_file() and not about.suffix):
        raise BadInput(
            f"{out}: {format} would cover what is there; remove it or pass another --out"
        )
    place = places.file if about.suffix else places.folder
    place(out)


def move(draft: Path, out: Path) -> dict[str, int]:
    """Move what was written to its place; bytes by name.

    Raises BadInput, and moves nothing, where that would cover what is no export's.
    """
    # The file that names the others comes last: who sees it finds them.
    made = sorted(draft.iterdir(), key=lambda path: path.name == out.name)
    for each in made:
        _refuse_covering(each, out)
    files = {
        path.relative_to(draft).as_posix(): path.stat().st_size
        for path in sorted(draft.rglob("*"))
        if path.is_file()
    }
    for name in files:
        permissions.by_umask(draft / name)
    for each in made:
        each.replace(out.with_name(each.name))
    return files


def _refuse_covering(made: Path, out: Path) -> None:
    """Beside the file a format may write more; what is called after it was an earlier export's."""
    there = out.with_name(made.name)
    if not there.exists():
        return
    full = there.is_dir() and (not made.is_dir() or any(there.iterdir()))
    if full or not made.name.startswith(out.name):
        raise BadInput(
            f"{there}: the export to {out} would cover what is there; remove it or pass another"
            " --out"
        )
