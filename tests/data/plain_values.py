"""Values as pickles of poses hold them, and whether two are the same."""

from __future__ import annotations

from typing import Any

import numpy as np

# Every kind of value that NumPy's and Python's writers make of poses and their labels.
CONTENT = {
    "S1": {
        "Directions 1": np.arange(24, dtype=np.float32).reshape(4, 3, 2),
        "b": [np.arange(3.0), np.zeros((2, 2), np.int64)],
    },
    # columns first, and big-endian: both are told by flags that must be right
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "bytes": np.arange(3, dtype=">i2"),
    "text": np.array(["ab", "cde"]),
    "flags": np.array([True, False]),
    "nothing": np.zeros((0, 3), np.float32),
    "scalars": [
        np.float32(1.5),
        np.int64(-3),
        np.bool_(True),
        np.str_("abc"),
        np.str_(""),
        np.float64(2).astype(">f8"),
    ],
    "plain": [
        None,
        True,
        False,
        # whole numbers that are written in one, two, four and more bytes
        0,
        255,
        70_000,
        -5,
        2**70,
        1.25,
        "text äß",
        b"raw \xff",
        b"",
        (),
        (1,),
        (1, 2),
        (1, 2, 3),
        (1, 2, 3, 4),
    ],
    "sets": [{1, 2}, frozenset("ab"), set()],
    # keys may be tuples: mmpose's cameras are by subject and camera
    ("a", 1): {"nested": {"deeper": []}},
}


def same(a: Any, b: Any) -> bool:
    """Whether two values are of one type and equal all the way down."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        if a.dtype != b.dtype or a.shape != b.shape:
            return False
        return (
            same(a.ravel().tolist(), b.ravel().tolist())
            if a.dtype.hasobject
            else bool(np.array_equal(a, b))
        )
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b)
