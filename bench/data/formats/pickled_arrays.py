"""What NumPy writes into a pickle (arrays, dtypes, numbers), rebuilt from checked parts.

By functions of our own: NumPy's reconstruction trusts the file, and a dtype with forged flags makes
it take raw bytes for pointers. Here only the byte order is taken from a dtype's state, and an array
is a view of its bytes, or a list of objects, of exactly the length its shape says.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

# what hashes without looking further
SIMPLE = (str, int, float, bool, bytes, type(None))
# numbers, text and objects, as NumPy names them; no records, no dates
DTYPE = re.compile(r"[biufcSU][0-9]{1,6}|O8?")


class Refused(Exception):
    """Why this pickle is not read."""


class Name(NamedTuple):
    """A name the file may use."""

    text: str
    # of its arguments; None where it only marks a kind of array
    make: Callable[..., object] | None


class Blank:
    """A value between its naming (REDUCE) and its filling (BUILD).

    `slots` are the places in the memo that already hold it.
    """

    __slots__ = ("fill", "slots")

    def __init__(self, fill: Callable[[Any], object]) -> None:
        self.fill = fill
        self.slots: list[int] = []


def key(value: Any) -> Any:
    """A dictionary key or set member: simple, or a tuple of simple ones.

    Hashing deeper tuples could exhaust the C stack.
    """
    # `type`, not isinstance, here and below: a subclass may hash and compare as it likes
    parts = value if type(value) is tuple else (value,)
    if not all(type(part) in SIMPLE for part in parts):
        raise Refused(
            f"a {type(value).__name__} as key, where text or numbers were due"
        )
    return value


def _blank_array(kind: object, shape: object, code: object) -> Blank:
    if (
        kind is not NDARRAY
        or type(shape) is not tuple
        or type(code) not in (bytes, str)
    ):
        raise Refused("an array is rebuilt in a way that is not NumPy's")
    return Blank(_fill_array)


def _fill_array(state: Any) -> NDArray[Any]:
    """(version, shape, dtype, Fortran order, bytes or list of objects) to an array."""
    version, shape, dtype, fortran, content = state
    # True is 1 too, and no version
    if type(version) is not int or version != 1:
        raise Refused("an array of another version than 1")
    return _array(content, dtype, shape, "F" if fortran else "C")


def _array(
    content: Any, dtype: Any, shape: Any, order: Any, axes: None = None
) -> NDArray[Any]:
    """An array from its raw bytes, or from the list of its objects."""
    if not isinstance(dtype, np.dtype) or not _is_shape(shape) or axes is not None:
        raise Refused("an array without a proper dtype and shape")
    length = math.prod(shape)
    if dtype.hasobject:
        # listed row by row, whatever the order in memory was
        return _objects(content, length).reshape(shape)
    # Python 2 wrote bytes as text
    raw = content.encode("latin-1") if type(content) is str else content
    if type(raw) not in (bytes, bytearray) or len(raw) != length * dtype.itemsize:
        raise Refused(
            f"an array of shape {str(shape)[:60]} and {dtype} does not have the bytes it"
            " needs"
        )
    # frombuffer refuses nothing at all
    flat = np.frombuffer(raw, dtype) if length else np.empty(0, dtype)
    return flat.reshape(shape, order="F" if order == "F" else "C")


def _is_shape(shape: object) -> bool:
    return type(shape) is tuple and all(
        type(size) is int and size >= 0 for size in shape
    )


def _objects(content: Any, length: int) -> NDArray[Any]:
    if type(content) is not list or len(content) != length:
        raise Refused("an array of objects does not have as many as its shape says")
    flat = np.empty(length, object)
    for place, value in enumerate(content):
        flat[place] = value  # one by one: NumPy would unpack a list of arrays
    return flat


def _dtype(code: Any, align: object = False, copy: object = True) -> Blank:
    """A dtype by its code; what to align and copy is NumPy's own business."""
    if type(code) is not str or not DTYPE.fullmatch(code):
        shown = isinstance(code, str | bytes)
        came = repr(str(code)[:40]) if shown else repr(type(code).__name__)
        raise Refused(f"an array of type {came}")
    # O8 was the object's code on machines of 64 bits
    plain = np.dtype(object if code[0] == "O" else code)
    return Blank(lambda state: _fill_dtype(plain, state))


def _fill_dtype(plain: np.dtype[Any], state: Any) -> np.dtype[Any]:
    """Only the byte order is taken from the state.

    Fields, sub-arrays and flags are how a file could forge pointers.
    """
    _, order, *structure = state[:5]
    ordered = type(order) is str and order in ("<", ">", "|", "=")
    if not ordered or any(part is not None for part in structure):
        raise Refused("a structured array; plain arrays were due")
    return plain if order in "|=" else plain.newbyteorder(order)


def _scalar(dtype: Any, raw: Any = b"") -> object:
    if not isinstance(dtype, np.dtype):
        raise Refused("a NumPy number without a dtype")
    if dtype.itemsize == 0:  # a text of no characters has no bytes to view
        return dtype.type()
    return _array(raw, dtype, (1,), "C")[0] if not dtype.hasobject else raw


def _encode(text: Any, codec: Any) -> bytes:
    """How protocol 2 writes bytes: as text, and the call that makes bytes of it."""
    plain = type(text) is str and type(codec) is str
    if not plain or codec not in ("latin1", "latin-1"):
        raise Refused("bytes in an unknown coding")
    return text.encode("latin-1")


def _members(make: type) -> Callable[..., object]:
    return lambda values=(): make(map(key, values))


def _fill_object(state: Any) -> dict[str, Any]:
    """An object of another library is what it holds, by name: its class is never looked for."""
    if type(state) is not dict or not all(type(name) is str for name in state):
        raise Refused("an object whose content has no names")
    return state


def _rebuilt(kind: object, base: object, content: object) -> Blank:
    """How protocols 0 and 1 begin an object."""
    if kind not in HELD or base is not OBJECT or content is not None:
        raise Refused("an object is rebuilt in a way that is not a plain one's")
    return Blank(_fill_object)


NDARRAY = Name("numpy.ndarray", None)
OBJECT = Name("object", None)
# what SMPL's files hold beside arrays: a sparse matrix, and arrays of a library for gradients
HELD = (
    Name("scipy.sparse.csc_matrix", lambda: Blank(_fill_object)),
    Name("chumpy.ch.Ch", lambda: Blank(_fill_object)),
)
CORES = ("core", "_core")  # NumPy 2 renamed its core
BUILTINS = ("builtins", "__builtin__")  # Python 2's name is the second

# Everything a file may call. Whoever adds a line lets strangers call it with what they like.
NAMES = {
    ("numpy", "ndarray"): NDARRAY,
    ("numpy", "dtype"): Name("numpy.dtype", _dtype),
    ("_codecs", "encode"): Name("_codecs.encode", _encode),
    # SciPy has renamed its module
    ("scipy.sparse.csc", "csc_matrix"): HELD[0],
    ("scipy.sparse._csc", "csc_matrix"): HELD[0],
    ("chumpy.ch", "Ch"): HELD[1],
    ("copy_reg", "_reconstructor"): Name("_reconstructor", _rebuilt),
}
for _core in CORES:
    _arrays = f"numpy.{_core}.multiarray"
    NAMES[_arrays, "_reconstruct"] = Name("_reconstruct", _blank_array)
    NAMES[_arrays, "scalar"] = Name("scalar", _scalar)
    # protocol 5's, of arrays that lie in one piece
    NAMES[f"numpy.{_core}.numeric", "_frombuffer"] = Name("_frombuffer", _array)
for _home in BUILTINS:
    NAMES[_home, "object"] = OBJECT
    NAMES[_home, "bytes"] = Name("bytes", lambda: b"")  # protocol 2 has no empty bytes
    NAMES[_home, "set"] = Name("set", _members(set))
    NAMES[_home, "frozenset"] = Name("frozenset", _members(frozenset))
