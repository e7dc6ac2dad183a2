"""Files of NumPy arrays and plain containers from strangers: .pkl, .npy and .npz.

Read without running anything they contain. Archives are read member by member under a bound:
everything together may take ten times the file's size and 500 MB, so a zip bomb is refused before
it is unpacked. Pickled objects in arrays (`allow_pickle`) go through
`bench.data.formats.unpickler`.
"""

from __future__ import annotations

import math
import re
import struct
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.data.formats import unpickler, whole_file
from models.errors import BadInput

DUE = "the path of a file"
MAGIC = b"\x93NUMPY"
# by version, how the header's length is written
LENGTHS = {b"\x01": struct.Struct("<H"), b"\x02": struct.Struct("<I")}
# A header is a Python dictionary written out; NumPy's writer keeps this order and these quotes.
HEADER = re.compile(
    rb"\{'descr': '([<>|=]?[biufcSUO][0-9]{0,6})', 'fortran_order': (True|False), 'shape':"
    rb" \(([0-9L, ]*)\),? *\}\s*"
)
STORAGE = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # what numpy.savez writes
ENCRYPTED = 1  # a bit of a member's flags
# What zipfile and zlib raise for archives that are cut, changed, or lie about themselves.
DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    OSError,
    EOFError,
    RuntimeError,
    ValueError,
    LookupError,
    OverflowError,
    MemoryError,
)


def bound(path: Path) -> int:
    """Bytes of memory that reading a file may take: ten times its size and 500 MB.

    Raises BadInput for a file that is not there.
    """
    return 10 * whole_file.size(path, DUE) + 500_000_000


def load_pickle(path: Path) -> Any:
    """The value of a pickle file: NumPy arrays, numbers, text and plain containers.

    Raises BadInput for anything else, and for damage.
    """
    # A third: the bytes themselves, the values, and what a reader makes of them.
    return unpickler.loads(
        whole_file.content(path, DUE), where=str(path), spare=bound(path) // 3
    )


def load_npy(path: Path) -> NDArray[Any]:
    """The array of a .npy file; objects in it are read as `load_pickle` reads them.

    Raises BadInput as that does.
    """
    return _array(
        whole_file.content(path, DUE), where=str(path), spare=bound(path) // 3
    )


def load_npz(
    path: Path, *, only: Collection[str] | None = None
) -> dict[str, NDArray[Any]]:
    """The arrays of a .npz archive by name, or those in `only`.

    An object saved alone is an array of shape (), so `.item()` gives it. Raises BadInput for an
    archive that is damaged, encrypted or too large for its size, for members outside it or that are
    no arrays, and for objects other than those `load_pickle` reads.
    """
    limit = bound(path)
    found: dict[str, NDArray[Any]] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            _check(members, path, limit=limit * 2 // 5)
            for info in members:
                name = info.filename.removesuffix(".npy")
                if only is None or name in only:
                    where = f"{path}: {info.filename}"
                    found[name] = _array(
                        archive.read(info), where=where, spare=limit // 5
                    )
        return found
    except BadInput:
        raise  # of a member: it is a ValueError too
    except PermissionError as error:
        raise whole_file.refusal(path, DUE, error) from None
    except DAMAGE as error:
        reason = " ".join(str(error).split())[:80] or type(error).__name__
    raise BadInput(
        f"{path}: not a readable .npz archive ({reason}); take a fresh copy of the file"
    )


def _check(members: list[zipfile.ZipInfo], path: Path, *, limit: int) -> None:
    """Refuse an archive by its directory, before any of it is unpacked."""
    names = [info.filename for info in members]
    for info in members:
        if not _is_member(info.filename):
            raise BadInput(
                f"{path}: member {info.filename[:80]!r} is not an array at the top of the"
                " archive; it was not made by numpy.savez"
            )
        if info.flag_bits & ENCRYPTED or info.compress_type not in STORAGE:
            raise BadInput(
                f"{path}: member {info.filename[:80]} is encrypted or packed by another"
                " method; save it again with numpy.savez"
            )
    # Of two members of one name, each reader of archives takes another.
    if not members or len(set(names)) < len(names):
        raise BadInput(
            f"{path}: the archive {'holds a name twice' if members else 'is empty'}; save"
            " it again with numpy.savez"
        )
    if sum(info.file_size for info in members) > limit:
        raise BadInput(
            f"{path}: unpacks to more than {limit / 1e6:.0f} MB, far beyond what its size"
            " allows; take a fresh copy of the file"
        )


def _is_member(filename: str) -> bool:
    """Whether a name is an array's at the top of its archive, whatever the system's separators."""
    name = filename.removesuffix(".npy")
    if name == filename or name in ("", ".", ".."):
        return False
    return name.isprintable() and not set(name) & set("/\\:")


def _array(data: bytes, *, where: str, spare: int) -> NDArray[Any]:
    """The array of a .npy file's bytes, a view of them."""
    try:
        dtype, fortran, shape, start = _header(data)
        if not dtype.hasobject:
            count = math.prod(shape)
            # frombuffer refuses a count that the bytes do not hold, and refuses nothing at all
            flat = np.empty(0, dtype)
            if count:
                flat = np.frombuffer(data, dtype, count, start)
            return flat.reshape(shape, order="F" if fortran else "C")
    except (ValueError, TypeError, OverflowError, MemoryError, struct.error) as error:
        raise BadInput(
            f"{where}: not a readable NumPy array ({error}); take a fresh copy of the file"
        ) from None
    value = unpickler.loads(data[start:], where=where, spare=spare)
    if not isinstance(value, np.ndarray) or value.shape != shape:
        raise BadInput(
            f"{where}: its objects are not the array of shape {shape} that its header says;"
            " take a fresh copy of the file"
        )
    return value


def _header(data: bytes) -> tuple[np.dtype[Any], bool, tuple[int, ...], int]:
    """dtype, whether in Fortran order, shape, and where the content starts.

    NumPy's own reader would parse the text as Python. Raises ValueError.
    """
    if not data.startswith(MAGIC) or data[6:7] not in LENGTHS:
        raise ValueError("it does not start as one")
    length = LENGTHS[data[6:7]]
    start = 8 + length.size  # six bytes of magic and two of the version before it
    end = start + length.unpack_from(data, 8)[0]
    found = HEADER.fullmatch(data, start, end) if end <= len(data) else None
    if not found:
        raise ValueError("its header is damaged, or its type is not a plain one")
    code, fortran, shape = (text.decode("ascii") for text in found.groups())
    # Python 2 wrote 3L
    sizes = tuple(int(size.strip("L ")) for size in shape.split(",") if size.strip())
    return np.dtype(code), fortran == "True", sizes, end
