"""Float32 arrays in one file, mapped into memory when read.

Written in one stroke, summed block by block; the file's header is `header.py`.
"""

from __future__ import annotations

import math
import mmap
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from bench.data.formats import header as headers
from bench.data.formats import places
from bench.data.formats.header import BLOCK, NO_SUM, Header
from models.errors import BadInput

Array = NDArray[np.float32]


def write(
    path: Path, arrays: Mapping[str, Sequence[Array]], *, texts: Mapping[str, str]
) -> None:
    """Write each array, given as parts to be joined along their first axis, and the texts.

    The file appears under its name when it is whole. Raises BadInput where it cannot be
    written, or is there and not one of ours.
    """
    check(path)
    draft = _draft(path)
    try:
        with draft.open("w+b") as file:
            _write(file, arrays, texts)
            file.flush()
            # On the disk before the name is: a crash between the two must not leave zeros.
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise _refusal(path, error) from None
    finally:
        # where anything failed; else it has gone to its name
        draft.unlink(missing_ok=True)


def check(path: Path) -> None:
    """Raise BadInput where `write` would.

    What takes minutes to read should not be read in vain.
    """
    places.file(path)
    try:
        foreign = path.exists() and not (path.is_file() and headers.ours(path))
    except OSError as error:
        raise _refusal(path, error) from None
    if foreign:
        raise BadInput(
            f"{path}: is there and is not a cache of PosePort; it is left as it is: give"
            " another name"
        )


def verify(header: Header) -> None:
    """Sum every block of the arrays, a megabyte in memory at a time.

    Raises BadInput naming the first block that differs.
    """
    with header.path.open("rb") as file:
        for number, found in enumerate(_sums(file, header.start)):
            due = header.sums[8 * number : 8 * number + 8]  # eight digits a block
            if found != due:
                place = header.start + number * BLOCK
                raise BadInput(
                    f"{header.path}: the block at byte {place:,} is damaged (sum {found},"
                    f" due {due}); convert the source again"
                )


def arrays(header: Header) -> dict[str, Array]:
    """The arrays by name, read-only and mapped.

    A page is read from the file when it is first looked at.
    """
    with header.path.open("rb") as file:
        # The mapping outlives the open file, and even the file's name: the arrays hold it.
        mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return {
        name: np.ndarray(
            shape, dtype="<f4", buffer=mapping, offset=header.offsets[name]
        )
        for name, shape in header.shapes.items()
    }


def _draft(path: Path) -> Path:
    # Beside the file, for only within a file system is a renaming one step; of this process alone.
    return path.with_name(f".{path.name}.{os.getpid()}")


def _refusal(path: Path, error: OSError) -> BadInput:
    return BadInput(
        f"{path}: cannot be written ({error.strerror}); give a file in a folder that exists"
        " and has room"
    )


def _write(
    file: BinaryIO, arrays: Mapping[str, Sequence[Array]], texts: Mapping[str, str]
) -> None:
    """The header goes in twice: first to take its place, then with the sums of what followed."""
    shapes = {
        name: (sum(map(len, parts)), *parts[0].shape[1:])
        for name, parts in arrays.items()
    }
    total = 4 * sum(map(math.prod, shapes.values()))
    # as many digits as there will be, so that the header's length does not change
    file.write(headers.encode(shapes, texts=texts, sums=NO_SUM * -(-total // BLOCK)))
    start = file.tell()
    for parts in arrays.values():
        for part in parts:
            file.write(np.ascontiguousarray(part, dtype="<f4").data)
    header = headers.encode(shapes, texts=texts, sums="".join(_sums(file, start)))
    file.seek(0)
    file.write(header)


def _sums(file: BinaryIO, start: int) -> Iterator[str]:
    """Checksums of the blocks from `start` to the end of the file."""
    file.seek(start)
    # one for all blocks: a file may be larger than the memory
    buffer = bytearray(BLOCK)
    while count := file.readinto(buffer):  # type: ignore[attr-defined]
        yield headers.crc(memoryview(buffer)[:count])
