"""Ways in which a file can be wrong: damaged bytes, values of other types, archives that
lie; all drawn from a seeded generator.
"""

from __future__ import annotations

import copy
import io
import json
import pickle
import random
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

Draw = random.Random

JUNK = (
    b"",
    b"\x00",
    b"\xff" * 9,
    b"\n",
    b"9" * 20,
    b"-1",
    b"nan",
    b"1e999",
    b"{",
    b"[" * 3000,
    b"'",
    b"../..",
    b"\x80\x04",
)
NUMBERS = (
    b"-1",
    b"0",
    b"99999999999999999999",
    b"1e308",
    b"nan",
    b"3.5",
    b"18446744073709551615",
)
PLAIN: tuple[Any, ...] = (
    None,
    "x",
    "",
    -1,
    0,
    10**30,
    1e308,
    True,
    [],
    {},
    [[]],
    [[1, "x"]],
    {"1": 2},
    "9" * 400,
    float("nan"),
)
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
)  # of a .npy file: lengths, types and code that do not belong there


def mutate(name: str, content: bytes, draw: Draw) -> tuple[str, bytes]:
    """A file made wrong, by one rule for all files or one of its own kind, and the name of
    the rule.
    """
    own = OWN.get(name.rpartition(".")[2], ())
    rule = draw.choice(own) if own and draw.random() < 0.55 else draw.choice(BYTES)
    return rule.__name__, rule(content, draw)


def flip_bits(content: bytes, draw: Draw) -> bytes:
    """One to eight bits anywhere; headers lie early, so half of them there."""
    out = bytearray(content)
    for _ in range(draw.randint(1, 8)):
        place = draw.randrange(min(len(out), draw.choice([200, len(out)])))
        out[place] ^= 1 << draw.randrange(8)
    return bytes(out)


def truncate(content: bytes, draw: Draw) -> bytes:
    return content[: draw.randrange(len(content))]


def cut_out(content: bytes, draw: Draw) -> bytes:
    place = draw.randrange(len(content))
    return content[:place] + content[place + draw.choice([1, 10, 1000]) :]


def put_in(content: bytes, draw: Draw) -> bytes:
    place = draw.randrange(len(content) + 1)
    return content[:place] + draw.choice(JUNK) + content[place:]


def repeat(content: bytes, draw: Draw) -> bytes:
    start, length = draw.randrange(len(content)), draw.choice([1, 50, 5000])
    return content[: start + length] + content[start:]


def blank(content: bytes, draw: Draw) -> bytes:
    start, length = draw.randrange(len(content)), draw.choice([4, 8, 300])
    return (
        content[:start]
        + draw.choice([b"\x00", b"\xff", b" "]) * len(content[start : start + length])
        + content[start + length :]
    )


def swap_number(content: bytes, draw: Draw) -> bytes:
    """Another number, too large or none, in place of one written out in digits."""
    found = list(re.finditer(rb"-?\d+(?:\.\d+)?", content))
    one = draw.choice(found) if found else re.search(b"", content)
    assert one is not None
    return content[: one.start()] + draw.choice(NUMBERS) + content[one.end() :]


def swap_length(content: bytes, draw: Draw) -> bytes:
    """A huge or negative binary length somewhere."""
    place = draw.randrange(max(1, len(content) - 8))
    word = struct.pack(draw.choice(["<i", "<q", ">i"]), draw.choice([-1, 2**31 - 1, 2**30]))
    return content[:place] + word + content[place + len(word) :]


def swap_words(content: bytes, draw: Draw) -> bytes:
    """Two words of a text change places."""
    words = content.split(b" ")
    a, b = draw.randrange(len(words)), draw.randrange(len(words))
    words[a], words[b] = words[b], words[a]
    return b" ".join(words)


def odd(draw: Draw) -> Any:
    """A value that is not what was due, arrays among them."""
    shape = draw.choice([(), (0,), (3,), (2, 17, 2), (4, 17, 3), (4, 32, 3), (1, 1, 1, 1)])
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
    holder: Any = None
    inner, key = copied, None
    while (
        isinstance(inner, dict | list) and inner and (holder is None or draw.random() < 0.8)
    ):
        holder = inner
        key = draw.choice(list(inner) if isinstance(inner, dict) else range(len(inner)))
        inner = inner[key]
    if holder is None:
        return make(draw)
    rule = draw.randrange(4)
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
    step, count = 1 << 20, 2048
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(step)) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(bytes(step)) + packer.flush(zlib.Z_FULL_FLUSH)
    data = block + again * (count - 1) + zlib.compressobj(9, zlib.DEFLATED, -15).flush()
    sizes = struct.pack("<III", 0, len(data), step * count)
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
    texts["header_sum"] = header.NO_SUM
    raw = json.dumps(fields, separators=(",", ":")).encode().ljust(length)
    summed = raw.replace(
        b'"header_sum":"00000000"', f'"header_sum":"{header.crc(raw)}"'.encode(), 1
    )
    return len(raw).to_bytes(8, "little") + summed + content[8 + length :]


BYTES = (
    flip_bits,
    flip_bits,
    truncate,
    cut_out,
    put_in,
    repeat,
    blank,
    swap_number,
    swap_length,
)
OWN: dict[str, tuple[Callable[[bytes, Draw], bytes], ...]] = {
    "cache": (resum,),
    "bvh": (swap_words, swap_number, swap_number),
    "json": (swap_json, swap_json, swap_json, swap_number, nest_json),
    "npy": (swap_npy, head_npy),
    "npz": (swap_member, swap_member, swap_member, name_member, lie_of_size, bomb),
    "pkl": (swap_pickle, swap_pickle, evil_pickle),
    "mat": (swap_mat, swap_mat),
}
