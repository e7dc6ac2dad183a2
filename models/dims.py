"""Axis lengths: an integer, or a polynomial with integer coefficients over named axes
(`batch*17`, `frames - 26`).

Symbolic from day one, so that no export is ever frozen to the batch or clip length it was
built with.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import add, mul
from typing import Any

Monomial = tuple[str, ...]


@dataclass(frozen=True)
class Dim:
    """A symbolic length in canonical form; arithmetic that ends in a constant gives back a
    plain `int`.
    """

    terms: tuple[tuple[Monomial, int], ...]

    def __add__(self, other: Length) -> Length:
        return _collect([*self.terms, *_terms(other)])

    def __mul__(self, other: Length) -> Length:
        return _collect(
            [(tuple(sorted(a + b)), m * n) for a, m in self.terms for b, n in _terms(other)]
        )

    def __neg__(self) -> Length:
        return self * -1

    def __sub__(self, other: Length) -> Length:
        return self + other * -1

    def __rsub__(self, other: Length) -> Length:
        return -self + other

    __radd__ = __add__
    __rmul__ = __mul__

    def __floordiv__(self, other: Length) -> Length:
        """Exact division only; raises ValueError where a remainder could exist."""
        [(divisor, factor), *rest] = _terms(other)
        quotient = [(_without(names, divisor), n) for names, n in self.terms]
        if rest or any(names is None or n % factor for names, n in quotient):
            raise ValueError(
                f"the length {self} is symbolic and cannot be divided by {other} without a"
                " remainder; fix it to a number"
            )
        return _collect(
            [(names, n // factor) for names, n in quotient if names is not None]
        )

    def __rfloordiv__(self, other: int) -> Length:
        """A number divided by a symbolic length: exact for 0 only."""
        if other == 0:
            return 0
        raise ValueError(
            f"{other} cannot be divided by the symbolic length {self} without a remainder;"
            " fix it to a number"
        )

    def __mod__(self, other: Length) -> int:
        """0 where the division is exact for every binding; raises ValueError otherwise."""
        _ = self // other
        return 0

    def __str__(self) -> str:
        """Valid Python over the axis names, so emitters print it as it is."""
        text = " + ".join(_term_text(names, n) for names, n in self.terms)
        return text.replace("+ -", "- ")

    __repr__ = __str__

    def bind(self, lengths: Mapping[str, Any]) -> Any:
        """The number this length is when the axes have `lengths`; traced lengths work too,
        with no operation that changes nothing.
        """
        parts = []
        for names, n in self.terms:
            factors = [lengths[name] for name in names]
            parts.append(
                reduce(mul, [*factors, n] if n != 1 else factors) if factors else n
            )
        return reduce(add, parts)


Length = int | Dim
Shape = tuple[Length, ...]


def symbol(name: str) -> Dim:
    """The length of the axis called `name`."""
    return Dim((((name,), 1),))


def as_shape(lengths: Iterable[Length | str]) -> Shape:
    """Names become symbols: ("batch", 17, 2) -> (batch, 17, 2).

    Text may be an expression: "frames - 26".
    """
    return tuple(parse(length) if isinstance(length, str) else length for length in lengths)


def parse(text: str) -> Length:
    """Read back what `str(dim)` printed.

    Raises ValueError for anything but names, integers, + - and *.
    """
    return _evaluate(ast.parse(text, mode="eval").body)


def size(shape: Shape) -> Length:
    """Number of elements."""
    total: Length = 1
    for length in shape:
        total = total * length
    return total


def bind(shape: Iterable[Length], lengths: Mapping[str, int]) -> tuple[int, ...]:
    """Every length as a number."""
    return tuple(
        length.bind(lengths) if isinstance(length, Dim) else length for length in shape
    )


def match(shape: Shape, actual: tuple[int, ...], lengths: dict[str, int]) -> bool:
    """Whether `actual` fits `shape`; axes named alone are learnt into `lengths` on the way."""
    if len(shape) != len(actual):
        return False
    for length, number in zip(shape, actual, strict=True):
        if isinstance(length, Dim) and (name := axis_name(length)):
            lengths.setdefault(name, number)
    return bind(shape, lengths) == tuple(actual)


def axis_name(length: Length) -> str:
    """The name where a length is one axis and nothing else; else empty."""
    if isinstance(length, Dim) and len(length.terms) == 1:
        names, factor = length.terms[0]
        if len(names) == 1 and factor == 1:
            return names[0]
    return ""


def names_in(length: Length) -> set[str]:
    """Every axis name a length mentions."""
    return (
        {name for names, _ in length.terms for name in names}
        if isinstance(length, Dim)
        else set()
    )


def _terms(length: Length) -> tuple[tuple[Monomial, int], ...]:
    return length.terms if isinstance(length, Dim) else (((), length),)


def _collect(terms: Iterable[tuple[Monomial, int]]) -> Length:
    total: dict[Monomial, int] = {}
    for names, n in terms:
        total[names] = total.get(names, 0) + n
    kept = tuple(
        sorted(
            ((names, n) for names, n in total.items() if n),
            key=lambda term: (-len(term[0]), term),
        )
    )
    if not kept:
        return 0
    return kept[0][1] if kept[0][0] == () else Dim(kept)


def _without(names: Monomial, divisor: Monomial) -> Monomial | None:
    rest = list(names)
    for name in divisor:
        if name not in rest:
            return None
        rest.remove(name)
    return tuple(rest)


def _term_text(names: Monomial, n: int) -> str:
    if not names:
        return str(n)
    factors = "*".join(names)
    return factors if n == 1 else f"-{factors}" if n == -1 else f"{n}*{factors}"


def _evaluate(node: ast.expr) -> Length:
    match node:
        case ast.Name(id=name):
            return symbol(name)
        case ast.Constant(value=int(number)):
            return number
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _evaluate(operand) * -1
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _evaluate(left) + _evaluate(right)
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return _evaluate(left) - _evaluate(right)
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return _evaluate(left) * _evaluate(right)
    raise ValueError(
        f"an axis length is made of names, integers, + - and *, not {ast.unparse(node)}"
    )
