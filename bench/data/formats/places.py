"""Where files and folders are to go: tried beforehand, so that no hours of work end in an error.

The one place that says whether something can be written; nothing stays of the trial.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.data.formats.checks import strange
from models.errors import BadInput, NotWritten, shortened

ROOMY = "give a file in a folder that exists and has room"
CHUNK = bytes(1 << 20)
BLOCK = bytes(4096)  # a full disk takes a name, and no block behind it
DRAFT = 40  # bytes that a draft beside a file adds to its name
ROOM = 200  # bytes of a path that are kept for what goes into a folder


def file(path: Path) -> None:
    """Raise BadInput where no file can be written at `path`; one that is there may be replaced."""
    due = ROOMY
    _check_name(path)
    try:
        found = path.stat()
    except FileNotFoundError:
        found = None
    except (OSError, ValueError) as error:
        raise _refusal(path, error, due) from None
    if not path.name or (found and stat.S_ISDIR(found.st_mode)):
        raise BadInput(
            f"{path}: cannot be written (a folder); it is left as it is: give a file in it"
        )
    if found is None and path.is_symlink():
        raise BadInput(
            f"{path}: cannot be written (a link to what is not there); give another name,"
            " or remove it"
        )
    if found and not stat.S_ISREG(found.st_mode):
        raise BadInput(f"{path}: cannot be written (a pipe or device); {due}")
    try:
        _try(path.parent)
        longest = os.pathconf(path.absolute().parent, "PC_NAME_MAX")
    except OSError as error:
        raise _refusal(path, error, due) from None
    if len(os.fsencode(path.name)) + DRAFT > longest:
        raise BadInput(
            f"{shortened(path, 300)}: cannot be written (too long); give a shorter name"
        )


def new(path: Path) -> None:
    """As `file`, and raise BadInput where something is there already."""
    file(path)
    if path.exists():
        raise BadInput(
            f"{path}: is there already and is left as it is; give another name"
        )


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Around what writes a file: a disk that is full meanwhile and the like are NotWritten."""
    try:
        yield
    except OSError as error:
        due = f"{ROOMY}; what was there is left as it was"
        raise NotWritten(str(_refusal(path, error, due))) from None


def write(path: Path, text: str) -> None:
    """Write a text whole, or leave what was there as it was. Raises NotWritten."""
    # beside it, as only within one disk a rename is all or nothing; of this process alone
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with writing(path):
            draft.write_text(text, encoding="utf-8")
            draft.replace(path)
    finally:
        # where anything failed; else it has gone to its name
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def room(path: Path, size: int) -> None:
    """Raise NotWritten where so many bytes have no room in the folder of `path`.

    For libraries that say of a full disk whatever they say: asked where they have failed.
    """
    with writing(path), tempfile.TemporaryFile(dir=path.absolute().parent) as probe:
        for _ in range(0, size, len(CHUNK)):
            probe.write(CHUNK)
        probe.flush()


def folder(path: Path) -> None:
    """Raise BadInput where no folder is, can be made, or can be written into, at `path`."""
    due = "give a folder that is there or can be made"
    _check_name(path)
    try:
        if len(os.fsencode(path.absolute())) + ROOM > os.pathconf("/", "PC_PATH_MAX"):
            raise BadInput(
                f"{shortened(path, 300)}: cannot be written (too long); {due}"
            )
        there = _nearest(path.absolute())
        longest = os.pathconf(there, "PC_NAME_MAX")
        for part in path.parts:
            if len(os.fsencode(part)) > longest:
                raise BadInput(
                    f"{shortened(path, 300)}: cannot be written (too long); {due}"
                )
        _try(there)
    except BadInput:
        raise  # which is a ValueError, too
    except (OSError, ValueError) as error:
        raise _refusal(path, error, due) from None


def _check_name(path: Path) -> None:
    # a null is the system's to refuse, in its own words
    if strange(path.name.replace("\0", "")):
        raise BadInput(
            f"{shortened(path, 300)}: cannot be written (an end of a line or the like in its"
            " name); give another name"
        )


def _nearest(path: Path) -> Path:
    """The innermost folder of a path that is there. Raises OSError where it is no folder."""
    for ancestor in (path, *path.parents):
        try:
            ancestor.stat()
        except FileNotFoundError:
            continue
        return ancestor
    return path


def _try(folder: Path) -> None:
    """Write a block in a folder; permissions, quotas and mounts are not all told by asking."""
    with tempfile.TemporaryFile(dir=folder) as probe:
        probe.write(BLOCK)
        probe.flush()
        os.fsync(probe.fileno())


def _refusal(path: Path, error: OSError | ValueError, due: str) -> BadInput:
    # a ValueError is of a path that no system takes, such as one with a null character
    reason = getattr(error, "strerror", None) or error
    return BadInput(f"{shortened(path, 300)}: cannot be written ({reason}); {due}")
