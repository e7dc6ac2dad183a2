"""Operators whose result no data have a part in: constants, and what is made of shapes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bench.exam.third_party.mapping.call import Call, NotMappable, lengths


def constant(call: Call) -> np.ndarray:
    """The tensor, number or list among the attributes."""
    # exactly one of them is given
    [(name, value)] = call.node.attributes.items()
    if name not in ("value", "value_int", "value_ints", "value_float", "value_floats"):
        raise NotMappable("a constant of text or one that is sparse")
    # Python's fractions are float64, ONNX's float32
    return np.asarray(value, np.float32 if "float" in name else None)


def shape(call: Call) -> np.ndarray:
    """Lengths of the axes from `start` to `end`."""
    start = call.attribute("start", 0)
    end = call.attribute("end")
    return np.array(lengths(call.x())[start:end], np.int64)


def size(call: Call) -> np.ndarray:
    """Number of elements."""
    return np.array(np.prod(lengths(call.x()), dtype=np.int64))


def filled(call: Call) -> np.ndarray:
    """One number everywhere, 0 if it is not said which."""
    nothing = np.zeros(1, np.float32)
    return np.full(call.ints(0), call.attribute("value", nothing))


def steps(call: Call) -> np.ndarray:
    """Numbers from a start to a limit, a step apart."""
    start, limit, step = (call.static(i).item() for i in range(3))
    return np.arange(start, limit, step).astype(call.static(0).dtype)


# Of lengths, which are not negative: there, all roundings of a quotient are the same.
DIVISIONS: dict[str, Callable[..., np.ndarray]] = {
    "Div": np.floor_divide,
    "Mod": np.mod,
}
RULES: dict[str, Callable[[Call], np.ndarray]] = {
    "Constant": constant,
    "ConstantOfShape": filled,
    "Range": steps,
    "Shape": shape,
    "Size": size,
}
