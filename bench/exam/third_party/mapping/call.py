"""What a mapping is given: one ONNX node.

Its inputs are values of a graph under construction, or arrays that shape the graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bench.exam.third_party.cases import Case, Node
from models.builder import Builder
from models.dims import Length
from models.errors import PosePortError
from models.value import Value, emit

Results = Value | Sequence[Value | None]


class NotMappable(PosePortError):
    """The language has no way to say this node; the text is the reason that is counted."""


@dataclass(frozen=True)
class Scope:
    """The graph that a case becomes, and what is known so far by ONNX name.

    Known are values, and arrays that no data has touched.

    An input is declared when a mapping first asks for its value; its name ends in `mark`.
    """

    graph: Builder
    case: Case
    mark: str = ""
    values: dict[str, Value] = field(default_factory=dict)
    fixed: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """One node to be mapped.

    Inputs are counted as in the ONNX documentation; an empty name is one left out.
    """

    node: Node
    scope: Scope

    @property
    def count(self) -> int:
        """Number of inputs, left-out ones in between included."""
        return len(self.node.inputs)

    @property
    def opset(self) -> int:
        """Version of the default domain."""
        return self.scope.case.opsets.get("", 1)

    def has(self, i: int) -> bool:
        """Whether input `i` is given."""
        return i < self.count and self.node.inputs[i] != ""

    def wants(self, i: int) -> bool:
        """Whether output `i` is asked for."""
        return i < len(self.node.outputs) and self.node.outputs[i] != ""

    def x(self, i: int = 0) -> Value:
        """Input `i` as a value."""
        name, scope = self.node.inputs[i], self.scope
        # Asked for twice it is the same value, and one input of the graph.
        if name not in scope.values:
            if name in scope.fixed:
                scope.values[name] = self.constant(scope.fixed[name])
            else:
                scope.values[name] = self._input(name)
        return scope.values[name]

    def _input(self, name: str) -> Value:
        # counted among all inputs of the case, also those that shape the graph
        place = list(self.scope.case.inputs).index(name)
        array = self.scope.case.inputs[name]
        own = f"x{place}{self.scope.mark}"
        return self.scope.graph.input(own, array.shape, dtype=str(array.dtype))

    def all(self) -> list[Value]:
        """Every given input as a value."""
        return [self.x(i) for i in range(self.count) if self.has(i)]

    def optional(self, i: int) -> Value | None:
        """Input `i` as a value, None where it is left out."""
        return self.x(i) if self.has(i) else None

    def static(self, i: int) -> np.ndarray:
        """Input `i` as an array: axes, a shape, a size.

        It becomes part of the graph and is no input of it.

        Raises NotMappable where it is the result of a computation on data.
        """
        # A case gives as inputs what a model would have as constants.
        known = {**self.scope.case.inputs, **self.scope.fixed}
        if self.node.inputs[i] not in known:
            raise NotMappable("the shape of the graph is computed from data")
        return known[self.node.inputs[i]]

    def ints(self, i: int) -> tuple[int, ...]:
        """A static input as integers."""
        return tuple(int(number) for number in self.static(i).ravel())

    def infinity(self, sign: float, like: Value) -> Value:
        """An infinite number in the element type of `like`.

        A table, as numbers written into a call are finite.
        """
        return self.constant(np.full((), sign * np.inf), like)

    def attribute(self, name: str, default: Any = None) -> Any:
        """An attribute, or its default in ONNX."""
        return self.node.attributes.get(name, default)

    def flag(self, name: str, *, default: bool = False) -> bool:
        """An attribute that is 0 or 1: ONNX has no truth values there."""
        return bool(self.attribute(name, int(default)))

    def axis(self, default: int) -> int:
        """The attribute `axis` of the first input, counted from the start."""
        return self.attribute("axis", default) % rank(self.x())

    def each(self, name: str, count: int, default: int) -> list[int]:
        """An attribute with a number for each of `count` axes (or of their ends)."""
        return list(self.attribute(name, [default] * count))

    def constant(self, array: np.ndarray, like: Value | None = None) -> Value:
        """A fixed table, in the element type of `like` where that is given."""
        table = np.asarray(array, like.dtype if like is not None else None)
        # two tables may be alike, and still need two names
        return self.scope.graph.constant(self.scope.graph.fresh("table"), table)


def rank(x: Value) -> int:
    """Number of axes."""
    return len(x.shape)


def lengths(x: Value) -> tuple[int, ...]:
    """The shape as numbers; cases have no symbolic axes."""
    return tuple(_number(length) for length in x.shape)


def _number(length: Length) -> int:
    assert isinstance(length, int)
    return length


def where(condition: Value, x: Value | float, other: Value | float) -> Value:
    """x where the condition holds, else other."""
    return emit("where", condition, x, other)


def cut(
    x: Value,
    axis: int,
    start: int,
    stop: int,
) -> Value:
    """The part of an axis from `start` up to `stop`."""
    return x.slice(axis=axis, start=start, stop=stop, step=1)


def zeros(
    x: Value,
    axis: int,
    before: int,
    after: int,
) -> Value:
    """x with so many zeros at the ends of an axis."""
    return x.pad(axis=axis, before=before, after=after, value=0.0)


def flattened(x: Value) -> Value:
    """All elements in one axis."""
    return x.reshape((-1,))


def split(
    x: Value,
    widths: Sequence[int],
    axis: int,
) -> list[Value]:
    """Parts of given widths along one axis."""
    # the op of the language makes equal parts only
    parts, start = [], 0
    for width in widths:
        parts.append(cut(x, axis, start, start + width))
        start += width
    return parts


def wide(row: Value, *, axis: int, rank: int) -> Value:
    """A rank-1 row laid along `axis` of tensors of `rank`."""
    before = (1,) * axis
    after = (1,) * (rank - axis - 1)
    return row.reshape((*before, row.shape[0], *after))


def last(axis: int, rank: int) -> tuple[int, ...]:
    """The order of axes that puts `axis` last and leaves the others as they are."""
    return (*(i for i in range(rank) if i != axis), axis)


def undone(order: Sequence[int]) -> tuple[int, ...]:
    """The order of axes that takes `order` back."""
    return tuple(np.argsort(order).tolist())


def total(values: Sequence[Value], op: str) -> Value:
    """Fold a binary op over values."""
    result = values[0]
    for value in values[1:]:
        result = emit(op, result, value)
    return result


def joined(parts: Sequence[Value], axis: int) -> Value:
    """Parts side by side; one alone is no node."""
    first, *others = parts
    return first.concat(*others, axis=axis) if others else first
