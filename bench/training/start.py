"""Where a training starts: from the same weights on every backend, and that is looked at."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np

from models.nodes import Param

DIGITS = 16  # of a SHA-256, as in `fingerprint.py`


def digest(arrays: Mapping[str, np.ndarray], params: Mapping[str, Param]) -> str:
    """The weights of a model as one short text, the same wherever they are the same bits."""
    found = hashlib.sha256()
    for name, param in sorted(params.items()):
        array = np.asarray(arrays[name], param.type.dtype) if name in arrays else None
        found.update(name.encode())
        if array is not None:
            # zero has a sign, which no training sees
            found.update(str(array.shape).encode() + (array + 0).tobytes())
    return found.hexdigest()[:DIGITS]


def strangers(
    arrays: Mapping[str, np.ndarray], due: Mapping[str, np.ndarray]
) -> list[str]:
    """Parameters that are not as they were drawn, or as a file has them."""
    return [
        name
        for name in due
        # another shape is another array, and no number equals NaN
        if name not in arrays or not np.array_equal(arrays[name], due[name])
    ]
