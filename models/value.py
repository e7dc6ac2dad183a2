"""Value: one tensor of a graph under construction, fluent and typed.

`emit` adds a node and catches mistakes where they are made.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models.dims import Dim, Shape
from models.errors import SpecError
from models.nodes import Node, Operand, Type

if TYPE_CHECKING:
    from models.builder import Builder

_HERE = Path(__file__).resolve().parent
_ROOT = _HERE.parent
# frames of the language itself; zoo and losses are authors
_OWN = {str(_HERE), str(_HERE / "ops")}


class Value:
    """A tensor by name.

    Methods are the ops of `models/ops` (`x.linear(64, name="up").relu()`); operators are
    elementwise ops.
    """

    __slots__ = ("graph", "name", "type")
    # Left of an operator, an array would take a Value apart element by element, into an array
    # of Values. With this NumPy leaves the operator to Value, which says what is wrong.
    __array_ufunc__ = None

    def __init__(self, graph: Builder, name: str, type_: Type) -> None:
        self.graph = graph
        self.name = name
        self.type = type_

    @property
    def shape(self) -> Shape:
        """Axis lengths, symbolic where they are."""
        return self.type.shape

    @property
    def dtype(self) -> str:
        """Nominal element type."""
        return self.type.dtype

    def __getattr__(self, name: str) -> Callable[..., Any]:
        # late: op files import this module
        from models import ops

        method = ops.methods().get(name)
        if method is None:
            raise AttributeError(
                f"Value has no method {name!r}; ops: {', '.join(sorted(ops.methods()))}"
            )
        return partial(method, self)

    def __add__(self, other: Value | float | Dim) -> Value:
        return emit("add", self, other)

    # addition and multiplication commute to the last bit, so x stands first on either side
    def __radd__(self, other: float | Dim) -> Value:
        return emit("add", self, other)

    def __sub__(self, other: Value | float | Dim) -> Value:
        return emit("subtract", self, other)

    def __rsub__(self, other: float | Dim) -> Value:
        return emit("subtract", other, self)

    def __mul__(self, other: Value | float | Dim) -> Value:
        return emit("multiply", self, other)

    def __rmul__(self, other: float | Dim) -> Value:
        return emit("multiply", self, other)

    def __truediv__(self, other: Value | float | Dim) -> Value:
        return emit("divide", self, other)

    def __rtruediv__(self, other: float | Dim) -> Value:
        return emit("divide", other, self)

    def __pow__(self, other: float | Dim) -> Value:
        # IEEE 754 asks for a correctly rounded sqrt, and no such thing of a power
        if isinstance(other, (float, np.floating)) and other == 0.5:
            return emit("sqrt", self)
        return emit("pow", self, exponent=other)

    def __neg__(self) -> Value:
        return emit("negative", self)

    def __matmul__(self, other: Value) -> Value:
        return emit("matmul", self, other)

    def __repr__(self) -> str:
        return f"{self.name}: {self.type}"


def emit(op: str, *operands: Value | float | Dim, **attributes: Any) -> Value:
    """Add a node with one result.

    Raises SpecError naming the author's line, the shapes and what was due.
    """
    return emit_all(op, *operands, **attributes)[0]


def emit_all(
    op: str, *operands: Value | float | Dim, **attributes: Any
) -> tuple[Value, ...]:
    """Add a node and return all its results."""
    # late: the rules read the op files, which import this module
    from models import rules

    graph = next(
        (operand.graph for operand in operands if isinstance(operand, Value)), None
    )
    where = (graph.location if graph else "") or author_line()
    if graph is None:
        raise SpecError(f"{where}: {op}: at least one operand must be a Value")
    try:
        attributes = {key: _plain(value) for key, value in attributes.items()}
        inputs = tuple(_operand(graph, operand) for operand in operands)
        types = [_type(operand) for operand in operands]
        outputs = rules.results(op, types, attributes)
    except SpecError:  # made by a rule that knows its own line
        raise
    except ValueError as error:
        got = ", ".join(_shown(operand) for operand in operands)
        raise SpecError(f"{where}: {op}: {error}; got {got}") from None
    return graph.add(Node(graph.fresh(op), op, inputs, attributes, outputs, where))


def author_line() -> str:
    """file:line of the innermost frame outside the language.

    Relative to the project where it lies inside, so that a graph is the same on every machine.
    """
    frame = sys._getframe(1)
    while frame.f_back is not None and _is_own(frame.f_code.co_filename):
        frame = frame.f_back
    return f"{_place(frame.f_code.co_filename)}:{frame.f_lineno}"


@cache
def _place(file: str) -> Path:
    path = Path(file)
    return path.relative_to(_ROOT) if path.is_relative_to(_ROOT) else path


@cache
def _is_own(file: str) -> bool:
    return str(Path(file).parent) in _OWN


def _operand(graph: Builder, operand: Any) -> Operand:
    """How a node writes an operand down.

    Text would be read as the name of a value, so text that an author gives is refused.
    """
    if isinstance(operand, Value):
        if operand.graph is not graph:
            raise ValueError(
                f"{operand.name} belongs to another graph than {graph.name}; build each graph"
                " with its own Builder"
            )
        return operand.name
    if isinstance(operand, (np.integer, np.floating)):
        return operand.item()  # a number of Python's own: JSON takes no other
    if isinstance(operand, (int, float, Dim)):
        return operand
    raise ValueError(
        f"an operand is a Value, a number or an axis length, not {type(operand).__name__};"
        " declare arrays with g.constant"
    )


def _plain(value: Any) -> Any:
    """An attribute in numbers of Python's own: JSON takes no other."""
    if isinstance(value, np.generic):
        return value.item()
    return tuple(map(_plain, value)) if isinstance(value, tuple) else value


def _type(operand: Value | float | Dim) -> Type:
    return operand.type if isinstance(operand, Value) else Type((), "literal")


def _shown(operand: Any) -> str:
    if isinstance(operand, Value):
        return str(operand.type)
    if isinstance(operand, str):
        return repr(operand)
    numbers = (int, float, Dim, np.integer, np.floating)
    return "number" if isinstance(operand, numbers) else type(operand).__name__
