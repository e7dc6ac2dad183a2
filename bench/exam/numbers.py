"""Numbers that faults like: zeros, ties, large means, large and small sizes, masks.

A case is drawn with usual numbers first. Each kind below replaces its floats, in the same
shapes: the program is the same, which a framework that compiles need not compile again.
Whole numbers and truth values stay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bench.exam.draws import MASK
from models.ops import Case, Draw

Array = np.ndarray
Shape = tuple[int, ...]
Rng = np.random.Generator
Operands = tuple[Array | float, ...]


@dataclass(frozen=True)
class Sizes:
    """How far numbers go in a type or a domain."""

    far: float = (
        300.0  # a mean, in units of the spread: its square loses five digits of seven
    )
    wide: float = 100.0  # exp of it overflows where nothing is subtracted first
    small: float = 1e-3  # what is added so that nothing divides by 0 shows


OF_TYPE = {
    # it ends at 65504: what is squared or inverted on the way is to stay within
    "float16": Sizes(far=30.0, wide=8.0, small=0.1),
    # with two digits, a mean leaves none to the spread
    "bfloat16": Sizes(far=10.0),
}
# exp is taken of products: they go up to a hundred
MILD = Sizes(far=3.0, wide=6.0)
TIED = (1.0, 2.0, 2.0, 0.0, -2.0, -2.0, -1.0)
NOT_FINITE = "NaN and infinity"
Fill = Callable[[Rng, Draw, Shape, Sizes], Array]


def _zeros(rng: Rng, kind: Draw, shape: Shape, sizes: Sizes) -> Array:
    """Vectors without a direction, rows without a variance, kinks."""
    return np.zeros(shape)


def _ties(rng: Rng, kind: Draw, shape: Shape, sizes: Sizes) -> Array:
    """A few whole numbers, 0 among them: equal neighbours, and mostly equal in two inputs."""
    found = _every(5, rng, shape, 0.0, np.resize(TIED, shape))
    return np.abs(found) + (found == 0) if kind == "positive" else found


def _far(rng: Rng, kind: Draw, shape: Shape, sizes: Sizes) -> Array:
    """A mean that is large against the spread."""
    return sizes.far + rng.normal(size=shape)


def _wide(rng: Rng, kind: Draw, shape: Shape, sizes: Sizes) -> Array:
    """Of both signs and large."""
    if kind == "positive":
        return np.asarray(sizes.wide ** rng.uniform(-1, 1, shape))
    return rng.normal(0, sizes.wide, shape)


def _small(rng: Rng, kind: Draw, shape: Shape, sizes: Sizes) -> Array:
    return np.asarray(sizes.small * _usual(rng, kind, shape))


def _masked(rng: Rng, kind: Draw, shape: Shape, sizes: Sizes) -> Array:
    """Every third is masked, and no row is all masks: its mean would be rounding alone."""
    if kind not in ("normal", "apart"):
        return _usual(rng, kind, shape)  # a variance is no mask
    places = np.indices(shape).sum(0) if shape else np.zeros(())
    return np.where(places % 3 == 1, MASK, rng.normal(size=shape))


def _every(step: int, rng: Rng, shape: Shape, number: float, others: Array) -> Array:
    """A number at every so many places, the first of them by chance."""
    places = np.arange(others.size).reshape(shape)
    return np.where((places + rng.integers(step)) % step == 0, number, others)


def _negative(rng: Rng, kind: Draw, shape: Shape, sizes: Sizes) -> Array:
    """Below 0, also where an op is not defined there for each exponent."""
    return -_usual(rng, "positive", shape)


def _not_finite(rng: Rng, kind: Draw, shape: Shape, sizes: Sizes) -> Array:
    """Some of each kind, which are to come out where they went in."""
    found = _usual(rng, kind, shape).ravel()
    for i, number in enumerate((np.nan, np.inf, -np.inf)):
        found[i::7] = number
    # turned: where two inputs have them in the same places, one side alone has none
    turned = np.roll(found, rng.integers(max(1, found.size)))
    return turned.reshape(shape)


def _usual(rng: Rng, kind: Draw, shape: Shape) -> Array:
    if kind == "positive":
        return np.asarray(rng.uniform(0.5, 2, shape))
    return np.asarray(rng.normal(size=shape))


NUMBERS: Mapping[str, Fill] = {
    "zeros": _zeros,
    "ties": _ties,
    "large means": _far,
    "large numbers": _wide,
    "small numbers": _small,
    "masks": _masked,
    "negative numbers": _negative,
    NOT_FINITE: _not_finite,
}


def others(
    case: Case, operands: Operands, dtype: str, seed: Sequence[int]
) -> Iterator[tuple[str, Operands]]:
    """The operands of a case by each kind, where the case has any floats.

    In float32, but of sizes that `dtype` can compute with.
    """
    kinds: dict[int, Draw] = {
        i: case.draws[i] if case.draws else "normal"
        for i, operand in enumerate(operands)
        if isinstance(operand, np.ndarray) and operand.dtype.kind == "f"
    }
    if not any(np.size(operands[i]) for i in kinds):
        return
    for number, (name, fill) in enumerate(NUMBERS.items()):
        if name == NOT_FINITE and dtype != "float32":
            continue  # one type tells
        rng = np.random.default_rng([*seed, number])
        drawn = {}
        for i, kind in kinds.items():
            found = fill(rng, kind, np.shape(operands[i]), _sizes(kind, dtype))
            drawn[i] = np.asarray(found, np.float32)
        yield name, tuple(drawn.get(i, old) for i, old in enumerate(operands))


def _sizes(kind: Draw, dtype: str) -> Sizes:
    if kind == "mild":
        return MILD
    return OF_TYPE.get(dtype, Sizes())
