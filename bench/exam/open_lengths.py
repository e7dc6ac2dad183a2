"""A length left open, and attributes that speak of it: `x[1:n - 1]`, `reshape (n, 12)`.

Which attributes may be lengths stands in the shape rule of an op, and so does what is legal:
each that follows from the open length by a sum or a small multiple is tried, and the first
that the rule accepts is put.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from itertools import product
from typing import Any

import numpy as np

from bench.exam.probe import OPEN, Probe
from models import dims, ops
from models.dims import Dim

# annotations of attributes that may be symbolic, as the shape rules write them
LENGTHS = ("Length", "Shape")
MULTIPLES = (1, 2, 3)  # of the open length, of which an attribute may be made


def opened(probe: Probe) -> Probe | None:
    """The first axis open, of the first input or of all that are as long; else None.

    The rules must still hold then.
    """
    arrays = probe.arrays()
    x = arrays.get("x0")
    if x is None or not x.ndim:
        return None
    alone = ((0, 0),)
    # operands that go together element by element are open together
    alike = tuple(
        (int(name.removeprefix("x")), 0)
        for name, array in arrays.items()
        if array.ndim and len(array) == len(x)
    )
    for axes in dict.fromkeys((alone, alike)):
        if _legal(found := replace(probe, open=axes)):
            return found
    return None


def lengthened(probe: Probe) -> Probe | None:
    """An axis open and attributes that follow from its length; None where none can."""
    named = lengths_of(probe.op)
    arrays = probe.arrays()
    if not named or "x0" not in arrays:
        return None
    shape = arrays["x0"].shape
    about = probe.attributes.get("axis")
    # the axis that the op is about comes first
    for axis in sorted(range(len(shape)), key=lambda one: one != about):
        length = shape[axis]
        alone = ((0, axis),)
        alike = tuple(
            (int(name.removeprefix("x")), axis)
            for name, array in arrays.items()
            if array.shape == shape
        )
        for axes in dict.fromkeys((alone, alike)):
            for attributes in _attributes(probe, named, length):
                found = replace(probe, open=axes, opened=attributes)
                if _legal(found):
                    return found
    return None


@cache
def lengths_of(name: str) -> tuple[str, ...]:
    """The attributes of an op that may be symbolic, by its shape rule."""
    parameters = inspect.signature(ops.get(name).shape).parameters.values()
    return tuple(
        one.name
        for one in parameters
        if one.kind is one.KEYWORD_ONLY and one.annotation in LENGTHS
    )


def _attributes(
    probe: Probe, named: tuple[str, ...], length: int
) -> Iterator[Mapping[str, Any]]:
    """Attributes that are what they are at this length; at least one speaks of it."""
    choices = [_choices(probe.attributes[name], length) for name in named]
    for chosen in product(*choices):
        found = dict(zip(named, chosen, strict=True))
        if any(_speaks(value) for value in found.values()):
            yield found


def _choices(value: Any, length: int) -> list[Any]:
    if isinstance(value, tuple):
        return list(product(*[_choices(item, length) for item in value]))
    open_ = dims.symbol(OPEN)
    # written by the open length first, as it is last
    return [*(open_ * n + (value - n * length) for n in MULTIPLES), value]


def _speaks(value: Any) -> bool:
    return (
        any(map(_speaks, value)) if isinstance(value, tuple) else isinstance(value, Dim)
    )


def legal(probe: Probe) -> bool:
    """Whether the rules hold for the lengths that a probe has now."""
    try:
        replace(probe, open=(), opened=None).graph()
    except ValueError:
        return False
    return True


def meant(probe: Probe) -> bool:
    """Whether the lengths are legal and there are results: of one, there is no variance.

    Where nothing is left of what was there, frameworks refuse (a convolution) or not.
    """
    if not legal(probe):
        return False
    try:
        with np.errstate(all="ignore"):
            results = probe.reference(np.float64)
    except (ValueError, LookupError, ZeroDivisionError):
        return False  # no length at all, an index outside, a count less 1
    return all(result.size and bool(np.isfinite(result).all()) for result in results)


def _legal(probe: Probe) -> bool:
    """Whether the rules hold: where the length is open, and with one more."""
    try:
        (node,) = probe.graph().nodes
    except ValueError:
        # another input has the length in numbers, or the rule needs a number
        return False
    longer = probe.longer()
    if not legal(longer):
        return False
    due = [type_.shape for type_ in node.outputs]
    came = [result.shape for result in longer.reference(np.float64)]
    number, axis = probe.open[0]
    bound = {OPEN: np.shape(longer.operands[number])[axis]}
    return came == [dims.bind(shape, bound) for shape in due]
