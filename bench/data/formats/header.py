"""The header of a cache file: what can be said of it without its arrays, or NumPy.

The file is eight bytes of header length, a JSON header padded to a page, and float32 arrays,
little-endian, end to end; any safetensors reader opens it. The header's metadata holds our format
and version, a CRC-32 of the header itself and of every megabyte of the arrays, and JSON texts of
the writer, by name.
"""

from __future__ import annotations

import json
import math
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.data.formats import whole_file
from models.errors import BadInput

DUE = "a file made by `data convert`"
VERSION = 1
BLOCK = 1 << 20  # bytes under one checksum
PAGE = 4096  # bytes; arrays begin on one: aligned, and no page is half header
NO_SUM = "0" * 8  # stands where a checksum goes while the sum is taken
# The order is ours: a reader knows by the first bytes whose file it is, before it parses JSON.
START = re.compile(
    rb'\{"__metadata__":\{"format":"poseport-clips","version":"(\d+)","header_sum":"([0-9a-f]{8})"'
)


@dataclass(frozen=True)
class Header:
    """What a file says of itself."""

    path: Path
    start: int  # where the arrays begin
    shapes: dict[str, tuple[int, ...]]
    offsets: dict[str, int]  # from the beginning of the file
    sums: str  # eight hexadecimal digits a block
    texts: dict[str, str]  # the writer's, JSON

    def text(self, name: str) -> dict[str, Any]:
        """A text of the writer, parsed. Raises BadInput where there is none."""
        try:
            found = json.loads(self.texts[name])
            return {**found}  # a TypeError for what is no object
        except (KeyError, TypeError, RecursionError, json.JSONDecodeError):
            raise BadInput(
                f"{self.path}: its header lacks {name}, which `data convert` writes;"
                " convert the source again"
            ) from None


def read(path: Path) -> Header:
    """The header, checked against its sum and the size of the file; no array is touched.

    Raises BadInput for a file that is not whole.
    """
    size = whole_file.size(path, DUE)
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            # A damaged length may be of exabytes.
            raw = file.read(length) if length <= size else b""
    except OSError as error:
        raise whole_file.refusal(path, DUE, error) from None
    _check(raw, path)
    try:
        found, due = _parsed(raw, path, 8 + length)
    # the sum is right, so another program wrote what is missing here
    except (
        LookupError,
        TypeError,
        AttributeError,
        RecursionError,
        json.JSONDecodeError,
    ):
        raise BadInput(
            f"{path}: its header lacks what `data convert` writes; convert the source again"
        ) from None
    if size != due:
        raise BadInput(
            f"{path}: {size:,} bytes where the header says {due:,}; the file is truncated"
            " or damaged: convert the source again"
        )
    return found


def _parsed(raw: bytes, path: Path, start: int) -> tuple[Header, int]:
    """The header, and the size of file it speaks of."""
    fields = json.loads(raw)
    texts = fields.pop("__metadata__")
    shapes = {name: tuple(field["shape"]) for name, field in fields.items()}
    offsets = {name: start + field["data_offsets"][0] for name, field in fields.items()}
    ends = [offsets[name] + 4 * math.prod(shape) for name, shape in shapes.items()]
    sums = texts.pop("block_sums")
    found = Header(path, start, shapes, offsets, sums, texts)
    return found, max(ends, default=start)


def encode(
    shapes: Mapping[str, tuple[int, ...]], *, texts: Mapping[str, str], sums: str
) -> bytes:
    """Length and JSON, its own sum filled in, padded so that the arrays begin on a page."""
    own = {"format": "poseport-clips", "version": str(VERSION), "header_sum": NO_SUM}
    content: dict[str, object] = {"__metadata__": {**own, **texts, "block_sums": sums}}
    end = 0
    for name, shape in shapes.items():
        begin, end = end, end + 4 * math.prod(shape)
        content[name] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}
    raw = json.dumps(content, separators=(",", ":")).encode()
    raw += b" " * (-(len(raw) + 8) % PAGE)  # spaces, which JSON steps over
    # The first of them: the writer's texts follow, and may hold the same words.
    summed = raw.replace(_own_sum(NO_SUM), _own_sum(crc(raw)), 1)
    return len(raw).to_bytes(8, "little") + summed


def ours(path: Path) -> bool:
    """Whether a file begins as a cache does. Raises OSError where it cannot be read."""
    with path.open("rb") as file:
        return START.match(file.read(PAGE)[8:]) is not None


def crc(raw: bytes | memoryview) -> str:
    """CRC-32 as eight hexadecimal digits."""
    return f"{zlib.crc32(raw):08x}"


def _check(raw: bytes, path: Path) -> None:
    """Raise BadInput where a header's bytes are not ours, or damaged."""
    found = START.match(raw)
    if found is None:
        raise BadInput(
            f"{path}: not a cache of PosePort, or its beginning is damaged; give a file"
            " made by `data convert`"
        )
    # before the sum: another version may sum otherwise
    if int(found[1]) != VERSION:
        raise BadInput(
            f"{path}: a cache of version {int(found[1])}; this PosePort reads version"
            f" {VERSION}: convert the source again"
        )
    given = found[2].decode()
    if crc(raw.replace(_own_sum(given), _own_sum(NO_SUM), 1)) != given:
        raise BadInput(
            f"{path}: the header is damaged (its checksum differs); convert the source"
            " again"
        )


def _own_sum(value: str) -> bytes:
    return f'"header_sum":"{value}"'.encode()
