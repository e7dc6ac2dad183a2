"""Ways in which a file can be wrong, all drawn from a seeded generator.

Damaged bytes, values of other types, archives that lie.
"""

from __future__ import annotations

import copy
import io
import json
import pickle
import re
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from bench.data.formats import header
from tests.data.mutations_bytes import (
    BYTES,
    Draw,
    flip_bits,
    swap_number,
    swap_words,
    truncate,
)

# fmt: off
# In place of any value of a JSON file or a pickle.
PLAIN: tuple[Any, ...] = (
    None, "x", "", -1, 0, 10**30, 1e308, True, [], {}, [[]], [[1, "x"]], {"1": 2}, "9" * 400,
    float("nan"),
)
# fmt: on
# Members that would be written elsewhere by whoever unpacks the archive, or have no plain name.
NAMES = (
    "../../evil.npy",
    "/tmp/evil.npy",
    "C:\\evil.npy",
    "a/b.npy",
    ".npy",
    "x" * 3000 + ".npy",
    "evil\n.npy",
    "no_array.txt",
)
# Of a .npy file: lengths, types and code that do not belong there.
HEADERS = (
    "{'descr': '<f8', 'fortran_order': False, 'shape': (999999999999, 17, 3), }",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (-5, 17, 3), }",
    "{'descr': '|O', 'fortran_order': False, 'shape': (), }",
    "{'descr': '|V999999999', 'fortran_order': False, 'shape': (9,), }",
    "{'descr': [('a', '<f4'), ('b', '|O')], 'fortran_order': False, 'shape': (2,), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 17, 3), }",
    "{'descr': '<c16', 'fortran_order': True, 'shape': (3,), }",
    "{'descr': '<M8[s]', 'fortran_order': False, 'shape': (3,), }",
    "__import__('os').system('false')",
    "{" * 3000,
)


def mutate(name: str, content: bytes, draw: Draw) -> tuple[str, bytes]:
    """A file made wrong, and the name of the rule that did it.

    One rule for all files, or one of the file's own kind.
    """
    # A little more than half by the kind's own: damaged bytes mostly fail at the first check.
    own = OWN.get(name.rpartition(".")[2], ())
    rule = draw.choice(own) if own and draw.random() < 0.55 else draw.choice(BYTES)
    return rule.__name__, rule(content, draw)


def odd(draw: Draw) -> Any:
    """A value that is not what was due, arrays among them."""
    shape = draw.choice(
        [(), (0,), (3,), (2, 17, 2), (4, 17, 3), (4, 32, 3), (1, 1, 1, 1)]
    )
    kind = draw.choice(["f8", "f4", "i8", "U3", "S2", "c16", "?", "O", "M8[s]"])
    others = [
        np.zeros(shape).astype(kind),
        np.full(shape, np.nan),
        b"x",
        (1, 2),
        np.float32(3),
    ]
    return draw.choice([copy.deepcopy(draw.choice(PLAIN)), *others])


def swapped(value: Any, draw: Draw, make: Callable[[Draw], Any]) -> Any:
    """A deep copy with one value, at any depth, replaced, renamed or left out."""
    copied = copy.deepcopy(value)
    # down a random way, and not always to its end: whole branches go wrong too
    holder: Any = None
    inner, key = copied, None
    while (
        isinstance(inner, dict | list)
        and inner
        and (holder is None or draw.random() < 0.8)
    ):
        holder = inner
        key = draw.choice(list(inner) if isinstance(inner, dict) else range(len(inner)))
        inner = inner[key]
    if holder is None:
        return make(draw)
    rule = draw.randrange(4)  # of four: left out, renamed, and twice replaced
    if rule == 0:
        del holder[key]
    elif rule == 1 and isinstance(holder, dict):
        holder[f"{key}x"] = holder.pop(key)
    else:
        holder[key] = make(draw)
    return copied


def swap_json(content: bytes, draw: Draw) -> bytes:
    return json.dumps(
        swapped(json.loads(content), draw, lambda draw: draw.choice(PLAIN))
    ).encode()


def nest_json(content: bytes, draw: Draw) -> bytes:
    depth = draw.choice([50, 3000, 100_000])
    return (
        b'{"people": ' * depth
        if draw.random() < 0.5
        else b"[" * depth + content + b"]" * depth
    )


def swap_pickle(content: bytes, draw: Draw) -> bytes:
    return pickle.dumps(
        swapped(pickle.loads(content), draw, odd), protocol=draw.randint(2, 5)
    )


class Evil:
    """Runs a command when it is unpickled by a reader that lets it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, ("raise SystemExit('code of a pickle was run')",)


def evil_pickle(content: bytes, draw: Draw) -> bytes:
    return pickle.dumps(
        draw.choice([Evil(), [Evil()], {"train": Evil()}]), protocol=draw.randint(2, 5)
    )


def npy(value: Any) -> bytes:
    """A .npy file's bytes."""
    out = io.BytesIO()
    np.save(out, np.asanyarray(value), allow_pickle=True)
    return out.getvalue()


def swap_npy(content: bytes, draw: Draw) -> bytes:
    """The objects inside changed, or the whole array."""
    array = np.load(io.BytesIO(content), allow_pickle=True)
    if draw.random() < 0.2:
        return npy(_boxed(odd(draw)))
    if array.dtype != object:
        # the same numbers in a type that a reader may not have thought of
        kinds = ["U8", "O"] if array.dtype.kind in "US" else ["f2", "i4", "U8", "O"]
        with np.errstate(all="ignore"):
            return npy(array.astype(draw.choice(kinds)))
    return npy(
        _boxed(swapped(array.item() if array.shape == () else list(array), draw, odd))
    )


def _boxed(value: Any) -> np.ndarray:
    box = np.empty((), dtype=object)
    box[()] = value
    return box


def head_npy(content: bytes, draw: Draw) -> bytes:
    """A header that says something else."""
    text = draw.choice(HEADERS).encode() + b"\n"
    # NumPy pads its own header to 128 bytes, after which the numbers begin
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + content[128:]


def members(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(parts: list[tuple[str, bytes]], draw: Draw) -> bytes:
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that come twice
        with zipfile.ZipFile(
            out,
            "w",
            draw.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2]),
        ) as archive:
            for name, part in parts:
                archive.writestr(name, part)
    return out.getvalue()


def swap_member(content: bytes, draw: Draw) -> bytes:
    """One member of an archive made wrong, as an array or as bytes."""
    parts = members(content)
    name = draw.choice(list(parts))
    parts[name] = draw.choice([swap_npy, swap_npy, head_npy, flip_bits, truncate])(
        parts[name], draw
    )
    return zipped(list(parts.items()), draw)


def name_member(content: bytes, draw: Draw) -> bytes:
    """A member that would lie elsewhere, or comes twice, or is missing."""
    parts = list(members(content).items())
    place = draw.randrange(len(parts))
    name, part = parts[place]
    return zipped(
        draw.choice(
            [
                [*parts, (draw.choice(NAMES), part)],
                [*parts, (name, part)],
                parts[:place] + parts[place + 1 :],
            ]
        ),
        draw,
    )


def lie_of_size(content: bytes, draw: Draw) -> bytes:
    """The directory of an archive says another length, for all its members."""
    out = bytearray(content)
    # the unpacked length stands 24 bytes into each entry of the directory
    for start in (match.start() for match in re.finditer(rb"PK\x01\x02", content)):
        out[start + 24 : start + 28] = struct.pack(
            "<I", draw.choice([0, 7, 2**31 - 1, 2**32 - 1])
        )
    return bytes(out)


def bomb(content: bytes, draw: Draw) -> bytes:
    """An archive whose member of two gigabytes of zeros takes two megabytes."""
    return _bomb()


@cache
def _bomb() -> bytes:
    # Zeros of a megabyte pack alike each time, so the 2,048 need not be packed one by one.
    step, count = 1 << 20, 2048
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(step)) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(bytes(step)) + packer.flush(zlib.Z_FULL_FLUSH)
    data = block + again * (count - 1) + zlib.compressobj(9, zlib.DEFLATED, -15).flush()
    sizes = struct.pack("<III", 0, len(data), step * count)
    # sum (wrong, but nobody should get so far), packed and unpacked length, as a directory has them
    local = (
        b"PK\x03\x04"
        + struct.pack("<HHHHH", 20, 0, 8, 0, 33)
        + sizes
        + struct.pack("<HH", 5, 0)
        + b"a.npy"
    )
    central = (
        b"PK\x01\x02"
        + struct.pack("<HHHHHH", 20, 20, 0, 8, 0, 33)
        + sizes
        + struct.pack("<HHHHHII", 5, 0, 0, 0, 0, 0, 0)
        + b"a.npy"
    )
    end = b"PK\x05\x06" + struct.pack(
        "<HHHHIIH", 0, 0, 1, 1, len(central), len(local) + len(data), 0
    )
    return local + data + central + end


def swap_mat(content: bytes, draw: Draw) -> bytes:
    """A MATLAB file with one variable of another type or left out."""
    from scipy.io import loadmat, savemat

    found = {
        key: value
        for key, value in loadmat(io.BytesIO(content)).items()
        if not key.startswith("__")
    }
    key = draw.choice(list(found))
    value = draw.choice(
        [
            np.zeros((0, 0)),
            np.array(["x"]),
            np.zeros((2, 3)),
            np.full((3, 84), np.nan),
            {"a": 1},
            found[key].T,
            None,
        ]
    )
    out = io.BytesIO()
    savemat(
        out,
        {
            name: old if name != key else value
            for name, old in found.items()
            if name != key or value is not None
        },
    )
    return out.getvalue()


def resum(content: bytes, draw: Draw) -> bytes:
    """A cache whose header says something else, with the checksum that belongs to it."""
    length = int.from_bytes(content[:8], "little")
    fields = json.loads(content[8 : 8 + length])
    texts = fields["__metadata__"]
    name = draw.choice(["clips", "clips", "clips", "facts", ""])
    if name:
        texts[name] = json.dumps(
            swapped(json.loads(texts[name]), draw, lambda draw: draw.choice(PLAIN))
        )
    else:
        fields = {"__metadata__": texts} | {
            key: swapped(field, draw, lambda draw: draw.choice(PLAIN))
            for key, field in fields.items()
            if key != "__metadata__"
        }
    # summed anew, so that the damage gets past the checksum to those who read the content
    texts["header_sum"] = header.NO_SUM
    raw = json.dumps(fields, separators=(",", ":")).encode().ljust(length)
    summed = raw.replace(
        b'"header_sum":"00000000"', f'"header_sum":"{header.crc(raw)}"'.encode(), 1
    )
    return len(raw).to_bytes(8, "little") + summed + content[8 + length :]


# Rules by a file's ending.
OWN: dict[str, tuple[Callable[[bytes, Draw], bytes], ...]] = {
    "cache": (resum,),
    "bvh": (swap_words, swap_number, swap_number),
    "json": (swap_json, swap_json, swap_json, swap_number, nest_json),
    "npy": (swap_npy, head_npy),
    "npz": (swap_member, swap_member, swap_member, name_member, lie_of_size, bomb),
    "pkl": (swap_pickle, swap_pickle, evil_pickle),
    "mat": (swap_mat, swap_mat),
}
