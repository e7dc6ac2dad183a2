"""Which questions the op exam puts: an op's cases, in the types, layouts and lengths of
axes that make sense for it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from bench.config import Exam
from bench.exam.probe import Layout, Probe, draw
from bench.exam.random_cases import generated
from models import ops
from models.graph import FLOATS, Type

Asked = tuple[Probe, str]  # with the case, readable
# with the least rank that shows them
LAYOUTS: tuple[tuple[Layout, int], ...] = (("transposed", 2), ("strided", 1))
# a length among the attributes would no longer agree with an open axis
RENAMED = ("reshape", "broadcast_to", "conv_transpose")


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
    """What to put in which mode of a backend; and the modes that were asked for and are not
    put, each with the reason.
    """
    customary = next(iter(modes))
    parts: dict[str, Part] = {}
    left_out: dict[str, str] = {}
    for asked in exam.modes:
        mode = customary if asked == "customary" else asked
        if mode not in modes:
            left_out[asked] = f"programs run {' or '.join(modes)} here, and in no other way"
        elif mode == customary:
            parts[mode] = Part(
                exam.dtypes, exam.cases, exam.variants, exam.typed, exam.generated
            )
        elif mode == "compiled":
            parts[mode] = Part(exam.dtypes, cases=1, variants="none", typed="first")
        else:
            parts[mode] = Part(exam.dtypes, exam.cases, exam.variants, exam.typed)
    return parts, left_out


def questions(name: str, part: Part, *, seed: int = 0) -> Iterator[Asked]:
    """What is put about one op: its own cases, then generated ones that the same `seed`
    gives again.
    """
    seen: set[str] = set()
    for i, case in enumerate(ops.get(name).cases):
        probe = Probe(name, draw(case, (zlib.crc32(name.encode()), i)), case.attributes)
        for kind, variant in _variants(probe, part, first=not part.cases or i < part.cases):
            if kind not in seen or _every(part, kind):
                yield (
                    variant,
                    (describe(case) if kind in part.dtypes else f"{describe(case)} {kind}"),
                )
            seen.add(kind)
    for i, case in enumerate(generated(name, count=part.generated, seed=seed)):
        probe = Probe(
            name, draw(case, (seed, zlib.crc32(name.encode()), i)), case.attributes
        )
        yield probe, f"{describe(case)} generated from seed {seed}"


def _every(part: Part, kind: str) -> bool:
    """Whether a kind of variant is put on every case, not only on the first that admits it."""
    return (
        kind == "float32" or (part.typed if kind in part.dtypes else part.variants) == "all"
    )


def describe(case: ops.Case) -> str:
    """Shapes and attributes, readable."""
    shapes = ", ".join("x".join(map(str, shape)) or "scalar" for shape in case.shapes)
    attributes = ", ".join(f"{key}={value}" for key, value in case.attributes.items())
    return f"{shapes}; {attributes}" if attributes else shapes


def _variants(probe: Probe, part: Part, *, first: bool) -> Iterator[tuple[str, Probe]]:
    """The case in every type and, in float32, every arrangement that makes sense; in
    float32 as it is only where it is a `first` one.
    """
    if "float32" in part.dtypes:
        if first:
            yield "float32", probe
        if part.variants != "none":
            yield from _arranged(probe)
    for dtype in part.dtypes:
        if dtype != "float32" and (typed := _typed(probe, dtype)):
            yield dtype, typed


def _arranged(probe: Probe) -> Iterator[tuple[str, Probe]]:
    """The same numbers with an open axis, in other places of memory, and with axes counted
    from the end.
    """
    if opened := _opened(probe):
        yield "dynamic", opened
    rank = max((array.ndim for array in probe.arrays().values()), default=0)
    for layout, least in LAYOUTS:
        if rank >= least:
            yield layout, replace(probe, layout=layout)
    if negative := _negative(probe):
        yield "negative axes", negative


def _opened(probe: Probe) -> Probe | None:
    """With the first axis of the first input called `batch`, where the rules still hold
    then.
    """
    opened = replace(probe, symbolic=True)
    x = probe.arrays().get("x0")
    return (
        opened
        if x is not None and x.ndim and probe.op not in RENAMED and _stands(opened)
        else None
    )


def _stands(probe: Probe) -> bool:
    try:
        probe.graph()
    except ValueError:
        return False
    return True


def _negative(probe: Probe) -> Probe | None:
    """Written with negative axes, where the op has a method that makes the same node of
    them.
    """
    axes = {
        key: value
        for key, value in probe.attributes.items()
        if key in ("axis", "axes") and value != ()
    }
    rank = next(iter(probe.arrays().values())).ndim
    if not axes or probe.op not in ops.methods():
        return None
    for length in (max(rank, 1), rank + 1):  # axes of a result that has one more
        written = {
            key: (
                value - length
                if isinstance(value, int)
                else tuple(a - length for a in value)
            )
            for key, value in axes.items()
        }
        negative = replace(probe, written={**probe.attributes, **written})
        if _stands(negative) and [
            dict(node.attributes) for node in negative.graph().nodes
        ] == [dict(probe.attributes)]:
            return negative
    return None


def _typed(probe: Probe, dtype: str) -> Probe | None:
    """The numbers in another type, where the op means anything in it."""
    operands = tuple(
        _as(operand, dtype) if isinstance(operand, np.ndarray) else operand
        for operand in probe.operands
    )
    if all(new is old for new, old in zip(operands, probe.operands, strict=True)):
        return None
    if dtype in FLOATS:
        return replace(probe, operands=operands, dtype=dtype)
    typed = replace(probe, operands=operands)
    return typed if _defined(probe.op, dtype) and meaningful(typed, probe) else None


def _as(operand: np.ndarray, dtype: str) -> np.ndarray:
    """Floats rounded to a type: halves to what they can hold, integers to some of -9 to 9,
    truth by sign. Indices follow int32.
    """
    if operand.dtype.kind != "f":
        return (
            operand.astype(dtype)
            if (str(operand.dtype), dtype) == ("int64", "int32")
            else operand
        )
    if dtype in FLOATS:
        return operand.astype(dtype).astype(np.float32)
    return np.asarray(operand > 0 if dtype == "bool" else np.rint(operand * 3), dtype)


@cache
def _defined(name: str, dtype: str) -> bool:
    """What the op's first case says: empty cases, and those of one number, prove nothing.

    Truth values are moved, never reckoned with.
    """
    op = ops.get(name)
    probe = Probe(name, draw(op.cases[0], (0,)), op.cases[0].attributes)
    typed = replace(
        probe,
        operands=tuple(
            _as(operand, dtype)
            for operand in probe.operands
            if isinstance(operand, np.ndarray)
        ),
    )
    return (dtype != "bool" or op.flops is ops.free) and meaningful(typed, probe)


def meaningful(typed: Probe, probe: Probe) -> bool:
    """Whether an op is defined on a type: its reference gives the type that the rules
    promise, and the numbers that it gives for floats.
    """
    pairs = zip(typed.operands, probe.operands, strict=True)
    wide = [
        (
            np.asarray(new, np.float64)
            if isinstance(old, np.ndarray) and old.dtype.kind == "f"
            else new
        )
        for new, old in pairs
    ]
    try:
        with np.errstate(all="ignore"):
            due = ops.infer(
                typed.op,
                [Type(array.shape, str(array.dtype)) for array in typed.arrays().values()],
                typed.attributes,
            )
            came, exact = (
                typed.reference(np.float64),
                replace(typed, operands=tuple(wide)).reference(np.float64),
            )
    except (TypeError, ValueError):
        return False
    return all(
        str(a.dtype) == type_.dtype and np.array_equal(a, b)
        for a, b, type_ in zip(came, exact, due, strict=True)
    )
