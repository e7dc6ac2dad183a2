"""Which questions the op exam puts.

An op's cases, in the numbers, types, layouts and lengths of axes that make sense for it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from bench.config import Exam
from bench.exam import arrangements
from bench.exam.draws import draw
from bench.exam.numbers import others
from bench.exam.probe import Probe
from bench.exam.random_cases import generated, level
from bench.exam.typed import typed
from models import ops
from models.graph import FLOATS
from models.ops import Case

HALVES = FLOATS[1:]
LARGE = "large"  # of thousands of results


class Asked(NamedTuple):
    """A probe with its case, readable; and others that its program answers as well."""

    probe: Probe
    case: str
    others: tuple[tuple[Probe, str], ...] = ()


@dataclass(frozen=True)
class Variant:
    """A case in some kind of arrangement or type."""

    kind: str
    probe: Probe
    case: Case  # whose draws it has
    said: str = ""  # beside the case, where the type alone does not tell it


@dataclass(frozen=True)
class Part:
    """The questions of one mode; fields as in `bench.config.Exam`."""

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
        # every question is compiled, which takes seconds: one case of each op and type, in
        # all numbers, and arrangements that go together
        few = "none" if exam.variants == "none" else "together"
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
        for variant in _variants(own, part, first=not part.cases or i < part.cases):
            first = variant.kind not in seen
            if first or _every(part, variant.kind):
                yield _asked(variant, numbered=_numbered(part, first))
            seen.add(variant.kind)
    if part.variants != "none" and "float32" in part.dtypes and (equal := level(name)):
        yield Asked(_probe(name, equal, 0), f"{describe(equal)} equal axes")
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


def _every(part: Part, kind: str) -> bool:
    """Whether a kind of variant is put on every case, not only on the first that admits it."""
    if kind.startswith(LARGE):
        return False  # one is long enough
    asked = part.typed if kind in part.dtypes else part.variants
    return kind == "float32" or asked == "all"


def describe(case: Case) -> str:
    """Shapes and attributes, readable."""
    shapes = ["x".join(map(str, shape)) or "scalar" for shape in case.shapes]
    attributes = [f"{key}={value}" for key, value in case.attributes.items()]
    parts = [", ".join(shapes), ", ".join(attributes)]
    return "; ".join(filter(None, parts))


def _numbered(part: Part, first: bool) -> bool:
    """Whether a variant is put with other numbers."""
    return part.numbers == "all" or (part.numbers == "first" and first)


def _asked(variant: Variant, *, numbered: bool) -> Asked:
    """A variant as it is put; with other numbers where it is `numbered`."""
    probe = variant.probe
    case = " ".join(filter(None, (describe(variant.case), variant.said)))
    if probe.symbolic:
        return Asked(probe, case, ((probe.longer(), f"{case}, longer"),))
    if not numbered or variant.kind not in (*FLOATS, *arrangements.LITERALS):
        return Asked(probe, case)
    seed = (zlib.crc32(case.encode()),)
    found = []
    for kind, operands in others(variant.case, probe.operands, probe.dtype, seed):
        numbers = replace(probe, operands=operands)
        if probe.dtype in HALVES:
            numbers = typed(numbers, probe.dtype) or numbers
        found.append((numbers, f"{case} of {kind}"))
    return Asked(probe, case, tuple(found))


def _variants(own: Variant, part: Part, *, first: bool) -> Iterator[Variant]:
    """The case in every type and, in float32, every arrangement that makes sense.

    As it is, in float32, it comes only where it is a `first` one.
    """
    if "float32" in part.dtypes:
        if first:
            yield own
        for kind, probe in _arranged(own.probe, part):
            yield Variant(kind, probe, own.case, kind)
        if part.variants != "none" and (large := _large(own)):
            yield large
    for dtype in part.dtypes:
        if dtype == "float32":
            continue
        if found := typed(own.probe, dtype):
            yield Variant(dtype, found, own.case)
        # in halves roundings are so large that only the mean of many tells of a bias
        large = _large(own) if dtype in HALVES else None
        if large and (found := typed(large.probe, dtype)):
            yield Variant(f"{LARGE} {dtype}", found, large.case, LARGE)


def _arranged(probe: Probe, part: Part) -> Iterator[tuple[str, Probe]]:
    if part.variants == "together":
        yield from arrangements.together(probe)
    elif part.variants != "none":
        yield from arrangements.every(probe)


def _large(own: Variant) -> Variant | None:
    """The case with thousands of results."""
    shapes = arrangements.enlarged(own.probe)
    if shapes is None:
        return None
    case = replace(own.case, shapes=shapes)
    return Variant(LARGE, _probe(own.probe.op, case, 0), case, LARGE)
