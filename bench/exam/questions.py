"""Which questions the op exam puts.

An op's cases, in the types, layouts and lengths of axes that make sense for it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from bench.config import Exam
from bench.exam.draws import draw
from bench.exam.probe import Layout, Probe
from bench.exam.random_cases import generated
from models import ops
from models.graph import FLOATS, Type
from models.ops import Case

Operand = np.ndarray | float
Asked = tuple[Probe, str]  # with the case, readable
Variant = tuple[str, Probe]  # with its kind: a type, or an arrangement
# with the least rank that shows them
LAYOUTS: tuple[tuple[Layout, int], ...] = (
    ("transposed", 2),
    ("strided", 1),
)


@dataclass(frozen=True)
class Part:
    """The questions of one mode; fields as in `bench.config.Exam`."""

    dtypes: tuple[str, ...]
    cases: int = 0
    variants: str = "all"
    typed: str = "all"
    generated: int = 0


def plan(
    exam: Exam, modes: Mapping[str, bool | None]
) -> tuple[dict[str, Part], dict[str, str]]:
    """What to put in which mode of a backend.

    And the modes that were asked for and are not put, each with the reason.
    """
    customary = next(iter(modes))
    parts: dict[str, Part] = {}
    left_out: dict[str, str] = {}
    for asked in exam.modes:
        mode = customary if asked == "customary" else asked
        if mode in modes:
            parts[mode] = _part(exam, mode, customary)
        else:
            left_out[asked] = (
                f"programs run {' or '.join(modes)} here, and in no other way"
            )
    return parts, left_out


def _part(exam: Exam, mode: str, customary: str) -> Part:
    if mode == "compiled" and mode != customary:
        # every question is compiled, which takes seconds: one case of each op and type
        return Part(exam.dtypes, cases=1, variants="none", typed="first")
    full = Part(exam.dtypes, exam.cases, exam.variants, exam.typed)
    # random cases look for holes in kernels, which all modes share
    return replace(full, generated=exam.generated) if mode == customary else full


def questions(name: str, part: Part, *, seed: int = 0) -> Iterator[Asked]:
    """What is put about one op.

    Its own cases, then generated ones that the same `seed` gives again.
    """
    seen: set[str] = set()
    for i, case in enumerate(ops.get(name).cases):
        probe = _probe(name, case, i)
        for kind, variant in _variants(
            probe, part, first=not part.cases or i < part.cases
        ):
            if kind not in seen or _every(part, kind):
                # a type is a column of its own in the report, an arrangement is not
                typed = kind in part.dtypes
                yield variant, describe(case) if typed else f"{describe(case)} {kind}"
            seen.add(kind)
    random = generated(name, count=part.generated, seed=seed)
    for i, case in enumerate(random):
        probe = _probe(name, case, seed, i)
        yield probe, f"{describe(case)} generated from seed {seed}"


def _probe(name: str, case: Case, *numbers: int) -> Probe:
    """Numbers are drawn from the op's name and the case's: others may come and go."""
    *seed, number = numbers
    of_op = zlib.crc32(name.encode())
    inputs = draw(case, (*seed, of_op, number))
    return Probe(name, inputs, case.attributes)


def _every(part: Part, kind: str) -> bool:
    """Whether a kind of variant is put on every case, not only on the first that admits it."""
    asked = part.typed if kind in part.dtypes else part.variants
    return kind == "float32" or asked == "all"


def describe(case: Case) -> str:
    """Shapes and attributes, readable."""
    shapes = ["x".join(map(str, shape)) or "scalar" for shape in case.shapes]
    attributes = [f"{key}={value}" for key, value in case.attributes.items()]
    parts = [", ".join(shapes), ", ".join(attributes)]
    return "; ".join(filter(None, parts))


def _variants(probe: Probe, part: Part, *, first: bool) -> Iterator[Variant]:
    """The case in every type and, in float32, every arrangement that makes sense.

    As it is, in float32, it comes only where it is a `first` one.
    """
    if "float32" in part.dtypes:
        if first:
            yield "float32", probe
        if part.variants != "none":
            yield from _arranged(probe)
    for dtype in part.dtypes:
        if dtype != "float32" and (typed := _typed(probe, dtype)):
            yield dtype, typed


def _arranged(probe: Probe) -> Iterator[Variant]:
    """The same numbers in other arrangements.

    With an open axis, in other places of memory, and with axes counted from the end.
    """
    if opened := _opened(probe):
        yield "dynamic", opened
    ranks = [array.ndim for array in probe.arrays().values()]
    rank = max(ranks, default=0)
    for layout, least in LAYOUTS:
        if rank >= least:
            yield layout, replace(probe, layout=layout)
    if negative := _negative(probe):
        yield "negative axes", negative


def _opened(probe: Probe) -> Probe | None:
    """With the first axis of the first input called `batch`; None where that cannot be.

    The rules must still hold then.
    """
    x = probe.arrays().get("x0")
    if x is None or not x.ndim or ops.get(probe.op).lengths:
        return None
    opened = replace(probe, symbolic=True)
    try:
        opened.graph()
    except ValueError:
        # another input has the length in numbers, or the rule needs a number
        return None
    return opened


def _negative(probe: Probe) -> Probe | None:
    """Written with axes counted from the end, which the op's method counts from the start."""
    op = ops.get(probe.op)
    rank = next(iter(probe.arrays().values())).ndim
    written = _from_end(probe.attributes, op.axes, rank)
    written |= _from_end(probe.attributes, op.axes_of_result, rank + 1)
    if not written:
        return None
    negative = replace(probe, written={**probe.attributes, **written})
    # a method makes no node of what changes nothing, such as the identical permutation
    return negative if negative.graph().nodes else None


def _from_end(
    attributes: Mapping[str, Any], names: tuple[str, ...], rank: int
) -> dict[str, Any]:
    """Axes of a rank as negative numbers; no axes at all cannot be counted."""
    found: dict[str, Any] = {}
    for name in names:
        axes = attributes[name]
        if isinstance(axes, int):
            found[name] = axes - rank
        elif axes:
            found[name] = tuple(axis - rank for axis in axes)
    return found


def _typed(probe: Probe, dtype: str) -> Probe | None:
    """The numbers in another type, where the op means anything in it."""
    operands = tuple(
        _as(operand, dtype) if isinstance(operand, np.ndarray) else operand
        for operand in probe.operands
    )
    pairs = zip(operands, probe.operands, strict=True)
    if all(new is old for new, old in pairs):
        return None  # nothing has another type to take
    if dtype in FLOATS:
        return replace(probe, operands=operands, dtype=dtype)
    typed = replace(probe, operands=operands)
    return typed if _defined(probe.op, dtype) and meaningful(typed, probe) else None


def _as(operand: np.ndarray, dtype: str) -> np.ndarray:
    """Floats rounded to a type.

    Halves to what they can hold, integers to some of -9 to 9, truth by sign. Indices follow
    int32.
    """
    if operand.dtype.kind != "f":
        follows = (str(operand.dtype), dtype) == ("int64", "int32")
        return operand.astype(dtype) if follows else operand
    if dtype in FLOATS:
        # back to float32, in which every probe keeps its floats
        return operand.astype(dtype).astype(np.float32)
    if dtype == "bool":
        return np.asarray(operand > 0)  # of a scalar, NumPy makes no array
    # times 3: of normal draws, most would be 0 or 1 in size
    return np.asarray(np.rint(operand * 3), dtype)


@cache
def _defined(name: str, dtype: str) -> bool:
    """What the op's first case says: empty cases, and those of one number, prove nothing."""
    op = ops.get(name)
    if dtype == "bool" and op.flops is not ops.free:
        return False  # truth values are moved, never reckoned with
    case = op.cases[0]
    probe = Probe(name, draw(case, (0,)), case.attributes)
    arrays = probe.arrays().values()
    operands = tuple(_as(array, dtype) for array in arrays)
    return meaningful(replace(probe, operands=operands), probe)


def meaningful(typed: Probe, probe: Probe) -> bool:
    """Whether an op is defined on a type.

    Its reference gives the type that the rules promise, and the numbers that it gives for
    floats.
    """
    pairs = zip(typed.operands, probe.operands, strict=True)
    operands = tuple(_wide(new, old) for new, old in pairs)
    wide = replace(typed, operands=operands)
    arrays = typed.arrays().values()
    types = [Type(array.shape, str(array.dtype)) for array in arrays]
    try:
        # what is not defined may divide by 0 on the way
        with np.errstate(all="ignore"):
            due = ops.infer(typed.op, types, typed.attributes)
            came, exact = typed.reference(np.float64), wide.reference(np.float64)
    except (TypeError, ValueError):
        return False
    return all(
        str(a.dtype) == type_.dtype and np.array_equal(a, b)
        for a, b, type_ in zip(came, exact, due, strict=True)
    )


def _wide(new: Operand, old: Operand) -> Operand:
    """What stands for a float, as a float again: indices and conditions stay as they are."""
    was_float = isinstance(old, np.ndarray) and old.dtype.kind == "f"
    return np.asarray(new, np.float64) if was_float else new
