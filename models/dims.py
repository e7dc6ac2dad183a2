"""Axis lengths: an integer, or a polynomial over named axes (`batch*17`, `frames - 26`).

Symbolic from the start, so that no export is frozen to the batch or clip length it was built
with. Coefficients are integers; a division must be exact for every binding.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from itertools import product
from numbers import Integral
from operator import add, mul, sub
from typing import Any

# axis names in order, each as often as its power: ("batch", "batch") is batch squared
Monomial = tuple[str, ...]
Term = tuple[Monomial, int]


@dataclass(frozen=True)
class Dim:
    """A symbolic length in canonical form.

    Arithmetic that ends in a constant gives back a plain `int`, so equal lengths are equal
    objects, and a shape rule compares them with `==`.
    """

    # monomials with their coefficients, highest degree first; made by `_collect` alone
    terms: tuple[Term, ...]

    def __add__(self, other: Length) -> Length:
        # a Value on the other side knows what to do with a length
        if not isinstance(other, _LENGTHS):
            return NotImplemented
        return _collect([*self.terms, *_terms(other)])

    def __mul__(self, other: Length) -> Length:
        if not isinstance(other, _LENGTHS):
            return NotImplemented
        terms: list[Term] = []
        for (names, m), (others, n) in product(self.terms, _terms(other)):
            # sorted: batch*frames and frames*batch are one monomial
            terms.append((tuple(sorted(names + others)), m * n))
        return _collect(terms)

    def __neg__(self) -> Length:
        return self * -1

    def __sub__(self, other: Length) -> Length:
        if not isinstance(other, _LENGTHS):
            return NotImplemented
        return self + other * -1

    def __rsub__(self, other: Length) -> Length:
        return -self + other

    __radd__ = __add__
    __rmul__ = __mul__

    def __floordiv__(self, other: Length) -> Length:
        """Exact division only; raises ValueError where a remainder could exist."""
        [(divisor, factor), *rest] = _terms(other)
        quotient: list[Term] = []
        for names, n in self.terms:
            left = _without(names, divisor)
            # no division by a sum: the lengths of this language never need one
            if rest or factor == 0 or left is None or n % factor:
                raise ValueError(
                    f"the length {self} is symbolic and cannot be divided by {other} without"
                    " a remainder; fix it to a number"
                )
            quotient.append((left, n // factor))
        return _collect(quotient)

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
        # a negative term prints its own sign
        return text.replace("+ -", "- ")

    __repr__ = __str__

    def bind(self, lengths: Mapping[str, Any]) -> Any:
        """The number this length is when the axes have `lengths`.

        Traced lengths work too: nothing is multiplied by 1 or added to 0, since in an export
        each such operation would be a node.
        """
        parts = []
        for names, n in self.terms:
            factors = [lengths[name] for name in names]
            if n != 1 or not factors:
                factors.append(n)
            parts.append(reduce(mul, factors))
        return reduce(add, parts)


_LENGTHS = (int, Dim, Integral)  # Integral for NumPy's integers, which are no int
_GRAMMAR = "names, integers, + - and *"
Length = int | Dim
_SIGNS: dict[type, Callable[[Length, Length], Length]] = {
    ast.Add: add,
    ast.Sub: sub,
    ast.Mult: mul,
}
Shape = tuple[Length, ...]


def symbol(name: str) -> Dim:
    """The length of the axis called `name`."""
    return Dim((((name,), 1),))


def as_shape(lengths: Iterable[Length | str]) -> Shape:
    """Names become symbols: ("batch", 17, 2) -> (batch, 17, 2).

    Text may be an expression, "frames - 26".
    """
    return tuple(
        parse(length) if isinstance(length, str) else length for length in lengths
    )


def parse(text: str) -> Length:
    """Read back what `str(dim)` printed.

    Raises ValueError for anything but names, integers, + - and *.
    """
    try:
        tree = ast.parse(text, mode="eval")
    except SyntaxError:
        said = f"an axis length is made of {_GRAMMAR}, not {text!r}"
        raise ValueError(said) from None
    return _evaluate(tree.body)


def size(shape: Shape) -> Length:
    """Number of elements."""
    total: Length = 1
    for length in shape:
        total = total * length
    return total


def fixed(length: Length) -> int:
    """A length that must be a number, as one that a weight has; raises ValueError for a symbol."""
    if isinstance(length, Dim):
        raise ValueError(f"the length {length} is symbolic; fix it to a number")
    return int(length)


def bind(shape: Iterable[Length], lengths: Mapping[str, int]) -> tuple[int, ...]:
    """Every length as a number."""
    return tuple(
        length.bind(lengths) if isinstance(length, Dim) else length for length in shape
    )


def at(value: Any, lengths: Mapping[str, Length]) -> Any:
    """A length, or a tuple that holds some, where axes are `lengths`; others stay open."""
    if isinstance(value, Dim):
        own = {name: as_shape([name])[0] for name in names_in(value)}
        return value.bind({**own, **lengths})
    if isinstance(value, tuple):
        return tuple(at(each, lengths) for each in value)
    return value


def match(shape: Shape, actual: tuple[int, ...], lengths: dict[str, int]) -> bool:
    """Whether `actual` fits `shape`; axes named alone are learnt into `lengths` on the way."""
    if len(shape) != len(actual):
        return False
    # learn first, compare then: `frames - 26` may stand before `frames`
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
    if not isinstance(length, Dim):
        return set()
    return {name for names, _ in length.terms for name in names}


def _terms(length: Length) -> tuple[Term, ...]:
    # a number is the coefficient of the empty product
    return length.terms if isinstance(length, Dim) else (((), length),)


def _collect(terms: Iterable[Term]) -> Length:
    total: dict[Monomial, int] = {}
    for names, n in terms:
        total[names] = total.get(names, 0) + n
    kept = [(names, n) for names, n in total.items() if n]
    kept.sort(key=_rank)
    if not kept:
        return 0
    highest, factor = kept[0]
    return Dim(tuple(kept)) if highest else factor


def _rank(term: Term) -> tuple[int, Term]:
    # one order for all, or equal polynomials would differ: by degree, then by name
    names, _ = term
    return -len(names), term


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
    if n == 1:
        return factors
    return f"-{factors}" if n == -1 else f"{n}*{factors}"


def _evaluate(node: ast.expr) -> Length:
    match node:
        case ast.Name(id=name):
            return symbol(name)
        # not True and False, which match int(...) as well
        case ast.Constant(value=int(number)) if not isinstance(number, bool):
            return number
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _evaluate(operand) * -1
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _SIGNS:
            apply = _SIGNS[type(sign)]
            return apply(_evaluate(left), _evaluate(right))
    raise ValueError(f"an axis length is made of {_GRAMMAR}, not {ast.unparse(node)}")
