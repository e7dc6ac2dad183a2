"""MATLAB's files of version 5, which `save` writes up to version 7.

Numeric arrays and cells of them, which is what annotations hold. Read here rather than by SciPy,
because a stranger's file states the sizes of what it holds: each is checked against the bytes that
are there before anything is made. The format: a header of 128 bytes, then elements (type, size,
payload), some packed by zlib; a matrix is an element of elements: flags, dimensions, name, values.
Source: MathWorks, MAT-File Format (2016).
"""

from __future__ import annotations

import math
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.data.formats import whole_file
from bench.data.formats.pickles import bound
from models.errors import BadInput

# fmt: off
# element type -> numbers in it
STORED = {
    1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8",
}
# matrix class -> its numbers
CLASSES = {
    6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8",
}
# fmt: on
CELL = 1  # a matrix class
MATRIX, PACKED = 14, 15  # element types
COMPLEX = 0x0800  # a flag beside the class: a second payload of imaginary parts follows
# the header's last two bytes, as the writer's machine lays them
ORDERS = {b"IM": "<", b"MI": ">"}
# of the standard's own superblock; MATLAB puts 512 bytes of text before it
HDF5 = b"\x89HDF\r\n\x1a\n"
DEEPEST = 8  # cells in cells


class _Damaged(Exception):
    """Why this file is not read."""


def read(path: Path) -> dict[str, Any]:
    """Arrays by name, in MATLAB's dimensions; a cell is an array of objects.

    Text, structs and complex numbers are None. Raises BadInput for another version of the format, a
    truncated or damaged file, and one that unpacks to more than three times its size and 160 MB.
    """
    limit = bound(path) // 3  # unpacking holds the bytes twice for a moment
    data = whole_file.content(path, "the path of a MATLAB file")
    if HDF5 in (data[:8], data[512:520]):
        raise BadInput(
            f"{path}: a MATLAB 7.3 (HDF5) file; open it in MATLAB or Octave and save it"
            " again with -v7"
        )
    order = ORDERS.get(data[126:128])
    if order is None:
        raise BadInput(
            f"{path}: not a MATLAB file of version 5 to 7; it is truncated, damaged or of"
            " another kind"
        )
    try:
        return dict(_Elements(memoryview(data)[128:], order, limit).variables())
    except _Damaged as damage:
        reason = str(damage)
    except (zlib.error, struct.error, ValueError) as error:
        reason = " ".join(str(error).split())[:80]
    raise BadInput(f"{path}: damaged ({reason}); take a fresh copy of the file")


class _Elements:
    """A cursor over elements that follow each other."""

    def __init__(self, data: memoryview, order: str, limit: int) -> None:
        self.data = data
        self.order = order
        self.limit = limit  # bytes that unpacking may still make
        self.place = 0

    def variables(self) -> list[tuple[str, Any]]:
        """Name and value of each matrix at the top of a file."""
        found = []
        while self.place < len(self.data):
            kind, payload = self.next()
            if kind == PACKED:
                kind, payload = self._unpacked(payload).next()
            if kind == MATRIX:
                found.append(self._inner(payload).matrix(DEEPEST))
        return found

    def next(self) -> tuple[int, memoryview]:
        """Type and payload of the next element; its padding to eight bytes is stepped over."""
        kind, size = struct.unpack_from(f"{self.order}2I", self.data, self.place)
        start = self.place + 8
        if kind >> 16:  # up to four bytes are kept in the place of the size
            kind, size, start = kind & 0xFFFF, kind >> 16, self.place + 4
            self.place += 8
        else:
            # what is packed stands without padding
            self.place = start + size + (-size % 8 if kind != PACKED else 0)
        if size > len(self.data) - start:
            raise _Damaged(
                f"an element of {size} bytes where {len(self.data) - start} are left"
            )
        return kind, self.data[start : start + size]

    def matrix(self, depth: int) -> tuple[str, Any]:
        """Name and value of the matrix whose elements these are."""
        if not len(self.data):  # how MATLAB writes [] in a cell
            return "", np.empty((0, 0))
        flags = struct.unpack_from(f"{self.order}I", self._sized(8))[0]
        raw = self._sized(0)
        count = len(raw) // 4
        shape = struct.unpack(f"{self.order}{count}i", raw[: 4 * count])
        name = bytes(self.next()[1]).decode("latin-1")
        if min(shape, default=-1) < 0:
            raise _Damaged(f"matrix {name[:40]!r} has dimensions {shape[:4]}")
        kind = flags & 0xFF
        if kind == CELL:
            return name, self._cell(shape, depth)
        if kind in CLASSES and not flags & COMPLEX:
            return name, self._numbers(shape, CLASSES[kind])
        return name, None  # of no use to anyone here, and not read

    def _cell(self, shape: tuple[int, ...], depth: int) -> NDArray[Any]:
        """An array of objects, its matrices one after the other."""
        count = math.prod(shape)
        if not depth or count > len(self.data) // 8:  # each has a tag of eight bytes
            raise _Damaged(f"a cell of {count} in {len(self.data)} bytes")
        cell = np.empty(count, dtype=object)
        for place in range(count):
            kind, payload = self.next()
            if kind != MATRIX:
                raise _Damaged(f"an element of type {kind} in a cell")
            cell[place] = self._inner(payload).matrix(depth - 1)[1]
        return cell.reshape(shape, order="F")  # MATLAB counts columns first

    def _numbers(self, shape: tuple[int, ...], made: str) -> NDArray[Any]:
        """An array of its class's numbers, which may be stored in a smaller type."""
        kind, payload = self.next()
        if kind not in STORED:
            raise _Damaged(f"numbers of type {kind}")
        found = np.frombuffer(payload, dtype=f"{self.order}{STORED[kind]}")
        if found.size != math.prod(shape):
            raise _Damaged(f"{found.size} numbers for dimensions {shape[:4]}")
        # a damaged file may hold what the class cannot
        with np.errstate(invalid="ignore", over="ignore"):
            return found.astype(made, copy=False).reshape(shape, order="F")

    def _sized(self, least: int) -> memoryview:
        """The payload of the next element, of at least so many bytes."""
        payload = self.next()[1]
        if len(payload) < least:
            raise _Damaged(f"an element of {len(payload)} bytes where {least} were due")
        return payload

    def _unpacked(self, payload: memoryview) -> _Elements:
        machine = zlib.decompressobj()
        # An object, not zlib.decompress: that one has no bound.
        data = machine.decompress(payload, self.limit)
        self.limit -= len(data)
        if machine.unconsumed_tail or self.limit <= 0:
            raise _Damaged("it unpacks to too many bytes for its size")
        return self._inner(memoryview(data))

    def _inner(self, data: memoryview) -> _Elements:
        return _Elements(data, self.order, self.limit)
