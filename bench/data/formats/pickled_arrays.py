"""What NumPy writes into a pickle (arrays, dtypes, numbers), rebuilt from checked parts by
functions of our own.

NumPy's own reconstruction trusts the file: a dtype with forged flags makes it take raw
bytes for pointers. Here only the byte order is taken from a dtype's state, and an array is
a view of its bytes, or a list of objects, of exactly the length its shape says.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

SIMPLE = (str, int, float, bool, bytes, type(None))
# numbers, text and objects, as NumPy names them; no records, no dates
DTYPE = re.compile(r"[biufcSU][0-9]{1,6}|O8?")


class Refused(Exception):
    """Why this pickle is not read."""


class Name(NamedTuple):
    """A name the file may use: what is done with its arguments, or None where it only marks
    a kind of array.
    """

    text: str
    make: Callable[..., object] | None


class Blank:
    """A value between its naming (REDUCE) and its filling (BUILD); `slots` are the places
    in the memo that already hold it.
    """

    __slots__ = ("fill", "slots")

    def __init__(self, fill: Callable[[Any], object]) -> None:
        self.fill, self.slots = fill, list[int]()


def key(value: Any) -> Any:
    """A dictionary key or set member: simple, or a tuple of simple ones.

    Hashing deeper tuples could exhaust the C stack.
    """
    parts = value if type(value) is tuple else (value,)
    if not all(type(part) in SIMPLE for part in parts):
        raise Refused(f"a {type(value).__name__} as key, where text or numbers were due")
    return value


def _blank_array(kind: object, shape: object, code: object) -> Blank:
    if kind is not NDARRAY or type(shape) is not tuple or type(code) not in (bytes, str):
        raise Refused("an array is rebuilt in a way that is not NumPy's")
    return Blank(_fill_array)


def _fill_array(state: Any) -> NDArray[Any]:
    """(version, shape, dtype, Fortran order, bytes or list of objects) to an array."""
    version, shape, dtype, fortran, content = state
    if type(version) is not int or version != 1:
        raise Refused("an array of another version than 1")
    return _array(content, dtype, shape, "F" if fortran else "C")


def _array(
    content: Any, dtype: Any, shape: Any, order: Any, axes: None = None
) -> NDArray[Any]:
    """An array from its raw bytes, or from the list of its objects."""
    plain = (
        isinstance(dtype, np.dtype)
        and type(shape) is tuple
        and all(type(size) is int and size >= 0 for size in shape)
    )
    if not plain or axes is not None:
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
    flat = np.frombuffer(raw, dtype) if length else np.empty(0, dtype)
    return flat.reshape(shape, order="F" if order == "F" else "C")


def _objects(content: Any, length: int) -> NDArray[Any]:
    if type(content) is not list or len(content) != length:
        raise Refused("an array of objects does not have as many as its shape says")
    flat = np.empty(length, object)
    for place, value in enumerate(content):
        flat[place] = value  # one by one: NumPy would unpack a list of arrays
    return flat


def _dtype(code: Any, align: object = False, copy: object = True) -> Blank:
    if type(code) is not str or not DTYPE.fullmatch(code):
        raise Refused(
            "an array of type"
            f" {str(code)[:40] if isinstance(code, (str, bytes)) else type(code).__name__!r}"
        )
    plain = np.dtype(object if code[0] == "O" else code)
    return Blank(lambda state: _fill_dtype(plain, state))


def _fill_dtype(plain: np.dtype[Any], state: Any) -> np.dtype[Any]:
    """Only the byte order is taken from the state: fields, sub-arrays and flags are how a
    file could forge pointers.
    """
    _, order, *structure = state[:5]
    if (
        any(part is not None for part in structure)
        or type(order) is not str
        or order not in ("<", ">", "|", "=")
    ):
        raise Refused("a structured array; plain arrays were due")
    return plain if order in "|=" else plain.newbyteorder("<" if order == "<" else ">")


def _scalar(dtype: Any, raw: Any = b"") -> object:
    if not isinstance(dtype, np.dtype):
        raise Refused("a NumPy number without a dtype")
    if dtype.itemsize == 0:
        return dtype.type()
    return _array(raw, dtype, (1,), "C")[0] if not dtype.hasobject else raw


def _encode(text: Any, codec: Any) -> bytes:
    if (
        type(text) is not str
        or type(codec) is not str
        or codec not in ("latin1", "latin-1")
    ):
        raise Refused("bytes in an unknown coding")
    return text.encode("latin-1")


def _members(make: type) -> Callable[..., object]:
    return lambda values=(): make(map(key, values))


NDARRAY = Name("numpy.ndarray", None)
NAMES = {
    ("numpy", "ndarray"): NDARRAY,
    ("numpy", "dtype"): Name("numpy.dtype", _dtype),
    ("_codecs", "encode"): Name("_codecs.encode", _encode),
    **{
        (f"numpy.{core}.multiarray", "_reconstruct"): Name("_reconstruct", _blank_array)
        for core in ("core", "_core")
    },
    **{
        (f"numpy.{core}.multiarray", "scalar"): Name("scalar", _scalar)
        for core in ("core", "_core")
    },
    **{
        (f"numpy.{core}.numeric", "_frombuffer"): Name("_frombuffer", _array)
        for core in ("core", "_core")
    },
    **{(home, "bytes"): Name("bytes", lambda: b"") for home in ("builtins", "__builtin__")},
    **{
        (home, make.__name__): Name(make.__name__, _members(make))
        for home in ("builtins", "__builtin__")
        for make in (set, frozenset)
    },
}  # NumPy 2 renamed its core; Python 2 called builtins __builtin__
