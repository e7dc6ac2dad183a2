"""Which questions the op exam puts.

An op's cases, in the numbers, types, layouts and lengths of axes that make sense for it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from bench.exam import arrangements, open_lengths
from bench.exam.draws import draw
from bench.exam.numbers import NOT_FINITE, others
from bench.exam.probe import Probe
from bench.exam.random_cases import generated, level
from bench.exam.settings import Exam
from bench.exam.typed import typed
from models import dims, ops
from models.graph import FLOATS
from models.ops import Case
from models.ops.elementwise import broadcast

HALVES = FLOATS[1:]
LARGE = "large"  # of thousands of results
# Along axes longer than vectors and tiles: the last, and those that are rows or queries.
BROAD = {"broad": -1, "tall": -2}
# Operations of such a case: more are a sum so long that its order decides the last digits.
AFFORDED = 2**23


class Asked(NamedTuple):
    """A probe with its case, readable; and others that its program answers as well."""

    probe: Probe
    case: str
    others: tuple[tuple[Probe, str], ...] = ()
    arranged: bool = False  # in another way than its op's file has it
    slopes: bool = True  # whether gradients are asked for


@dataclass(frozen=True)
class Variant:
    """A case in some kind of arrangement or type."""

    kind: str
    probe: Probe
    case: Case  # whose draws it has
    said: str = ""  # beside the case, where the type alone does not tell it
    slopes: bool = True


@dataclass(frozen=True)
class Part:
    """The questions of one mode; fields as in `bench.exam.settings.Exam`."""

    dtypes: tuple[str, ...]
    cases: int = 0
    variants: str = "all"
    typed: str = "all"
    numbers: str = "all"
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
    full = Part(exam.dtypes, exam.cases, exam.variants, exam.typed, exam.numbers)
    if mode == customary:
        # random cases look for holes in kernels, which all modes share
        return replace(full, generated=exam.generated)
    if mode == "compiled":
        # every question is compiled, which takes seconds: one case of each op, type and
        # arrangement; other numbers cost nothing
        few = "first" if exam.variants == "all" else exam.variants
        return replace(full, cases=1, variants=few, typed="first")
    return full


def questions(name: str, part: Part, *, seed: int = 0) -> Iterator[Asked]:
    """What is put about one op.

    Its own cases, then one of equal axes, then generated ones that the same `seed` gives
    again.
    """
    seen: set[str] = set()
    for i, case in enumerate(ops.get(name).cases):
        own = Variant("float32", _probe(name, case, i), case)
        put = not part.cases or i < part.cases
        for variant in _variants(own, part, frozenset(seen), put=put):
            numbered = _numbered(part, first=variant.kind not in seen)
            yield _asked(variant, numbered=numbered)
            seen.add(variant.kind)
    if part.variants != "none" and "float32" in part.dtypes and (equal := level(name)):
        probe = _probe(name, equal, 0)
        yield Asked(probe, f"{describe(equal)} equal axes", arranged=True)
    random = generated(name, count=part.generated, seed=seed)
    for i, case in enumerate(random):
        probe = _probe(name, case, seed, i)
        yield Asked(probe, f"{describe(case)} generated from seed {seed}")


def _probe(name: str, case: Case, *numbers: int) -> Probe:
    """Numbers are drawn from the op's name and the case's: others may come and go."""
    *seed, number = numbers
    of_op = zlib.crc32(name.encode())
    inputs = draw(case, (*seed, of_op, number))
    return Probe(name, inputs, case.attributes)


def describe(case: Case) -> str:
    """Shapes and attributes, readable."""
    shapes = ["x".join(map(str, shape)) or "scalar" for shape in case.shapes]
    attributes = [f"{key}={value}" for key, value in case.attributes.items()]
    parts = [", ".join(shapes), ", ".join(attributes)]
    return "; ".join(filter(None, parts))


def _numbered(part: Part, *, first: bool) -> bool:
    """Whether a variant is put with other numbers."""
    return part.numbers == "all" or (part.numbers == "first" and first)


def _asked(variant: Variant, *, numbered: bool) -> Asked:
    """A variant as it is put; with other numbers where it is `numbered`."""
    probe = variant.probe
    case = " ".join(filter(None, (describe(variant.case), variant.said)))
    if probe.symbolic:
        found = [(probe.longer(), f"{case}, longer")]
        if open_lengths.meant(one := probe.resized(1)):
            found.append((one, f"{case}, of length 1"))
        return Asked(probe, case, tuple(found), arranged=True)
    if not numbered or variant.kind not in (*FLOATS, *arrangements.LITERALS):
        arranged = bool(variant.said)
        return Asked(probe, case, arranged=arranged, slopes=variant.slopes)
    seed = (zlib.crc32(case.encode()),)
    found = []
    product = ops.get(probe.op).precision == "product"
    to_whole = str(probe.attributes.get("dtype")).startswith("int")
    for kind, operands in others(variant.case, probe.operands, probe.dtype, seed):
        if kind == NOT_FINITE and (product or to_whole):
            continue  # who pads with zeros multiplies them, too; no whole number is NaN
        numbers = replace(probe, operands=operands)
        if probe.dtype in HALVES:
            numbers = typed(numbers, probe.dtype) or numbers
        found.append((numbers, f"{case} of {kind}"))
    return Asked(probe, case, tuple(found), arranged=bool(variant.said))


def _variants(
    own: Variant, part: Part, seen: frozenset[str], *, put: bool
) -> Iterator[Variant]:
    """The case in every type and, in float32, every arrangement that makes sense.

    As it is, in float32, it comes only where it is to be `put`; most kinds are put once.
    """
    if "float32" in part.dtypes:
        if put:
            yield own
        yield from _arranged(own, part, seen)
    for dtype in part.dtypes:
        if dtype != "float32":
            yield from _typed(own, part, seen, dtype)


def _arranged(own: Variant, part: Part, seen: frozenset[str]) -> Iterator[Variant]:
    found: list[Variant] = []
    if part.variants == "none":
        return
    if part.variants == "together":
        if seen >= {"float32", arrangements.TOGETHER}:
            return  # the first case has shown them all
        wide = _large(own) or own
        for kind, probe in arrangements.together(own.probe, wide.probe):
            case = wide.case if kind == arrangements.TOGETHER else own.case
            found.append(Variant(kind, probe, case, kind))
    else:
        every = arrangements.every(own.probe)
        found = [Variant(kind, probe, own.case, kind) for kind, probe in every]
        if LARGE not in seen and (large := _large(own)):
            found.append(large)
    for kind, axis in BROAD.items():
        if axis < -1 and not across(own.probe.op):
            continue  # which axis is long, an elementwise op does not see
        if kind not in seen and (long := _long(own, kind, axis)):
            found.append(long)
    for variant in found:
        if part.variants == "all" or variant.kind not in seen:
            yield variant


def _typed(
    own: Variant, part: Part, seen: frozenset[str], dtype: str
) -> Iterator[Variant]:
    """In another type; in halves with thousands of results too, whose mean tells a bias."""
    if part.variants == "together":
        if not seen & {dtype, f"{LARGE} {dtype}"}:
            yield from _first_typed(own, part, dtype)
        return
    for kind, probe in arrangements.wide(own.probe) if dtype in HALVES else ():
        if f"{kind} {dtype}" not in seen and (found := typed(probe, dtype)):
            yield Variant(f"{kind} {dtype}", found, own.case, kind)
    if f"{LARGE} {dtype}" not in seen and (large := _large_half(own, dtype)):
        yield large
    asked = part.typed == "all" or dtype not in seen
    if asked and (found := typed(own.probe, dtype)):
        yield Variant(dtype, found, own.case)


def _first_typed(own: Variant, part: Part, dtype: str) -> Iterator[Variant]:
    """One variant of a type: of halves the large one, and gradients in the first half alone."""
    first = next((one for one in part.dtypes if one in HALVES), dtype)
    if dtype not in HALVES or not computes(own.probe):
        if (dtype not in HALVES or dtype == first) and (
            found := typed(own.probe, dtype)
        ):
            yield Variant(dtype, found, own.case)
    elif large := _large_half(own, dtype):
        yield replace(large, slopes=dtype == first)
    elif found := typed(own.probe, dtype):
        yield Variant(dtype, found, own.case)


def cost(probe: Probe) -> int:
    """Operations of a probe."""
    (node,) = probe.graph().nodes
    results = [type_.shape for type_ in node.outputs]
    inputs = [np.shape(operand) for operand in probe.operands]
    operations = ops.get(probe.op).flops(results, inputs, probe.attributes)
    # no length is open: it is a number
    return dims.bind((operations,), {})[0]


def across(name: str) -> bool:
    """Whether an op looks along axes, and not at each element alone."""
    return ops.get(name).shape not in (broadcast, ops.unchanged)


def computes(probe: Probe) -> bool:
    """Whether floats are made of floats, which are rounded in a half."""
    moves = ops.get(probe.op).flops is ops.free
    return not moves and probe.reference(np.float64)[0].dtype.kind == "f"


def _large_half(own: Variant, dtype: str) -> Variant | None:
    large = _large(own) if dtype in HALVES else None
    found = typed(large.probe, dtype) if large else None
    if large is None or found is None:
        return None
    return Variant(f"{LARGE} {dtype}", found, large.case, LARGE)


def _long(own: Variant, kind: str, axis: int) -> Variant | None:
    """The case along long axes, where its attributes let them be long."""
    for shapes in arrangements.broadened(own.probe, axis):
        long = _of_shapes(own, kind, shapes)
        if open_lengths.legal(long.probe) and cost(long.probe) <= AFFORDED:
            return long
    return None


def _large(own: Variant) -> Variant | None:
    """The case with thousands of results."""
    shapes = arrangements.enlarged(own.probe)
    return _of_shapes(own, LARGE, shapes) if shapes else None


def _of_shapes(own: Variant, kind: str, shapes: tuple[tuple[int, ...], ...]) -> Variant:
    """The case in other shapes."""
    case = replace(own.case, shapes=shapes)
    return Variant(kind, _probe(own.probe.op, case, 0), case, kind)
