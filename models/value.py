"""Value: one tensor of a graph under construction, fluent and typed; `emit` adds a node and
catches mistakes where they are made.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.dims import Dim, Shape
from models.errors import SpecError
from models.graph import Node, Operand, Type

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
        from models import ops

        method = ops.methods().get(name)
        if method is None:
            raise AttributeError(
                f"Value has no method {name!r}; ops: {', '.join(sorted(ops.methods()))}"
            )
        return partial(method, self)

    def __add__(self, other: Value | float | Dim) -> Value:
        return emit("add", self, other)

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
        return emit("sqrt", self) if other == 0.5 else emit("pow", self, exponent=other)

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
    from models import ops

    graph = next(operand.graph for operand in operands if isinstance(operand, Value))
    where = graph.location or author_line()
    types = [
        operand.type if isinstance(operand, Value) else Type((), "literal")
        for operand in operands
    ]
    try:
        _same_graph(graph, operands)
        outputs = ops.infer(op, types, attributes)
    except SpecError:
        raise
    except ValueError as error:
        shapes = ", ".join(
            str(type_) if type_.dtype != "literal" else "number" for type_ in types
        )
        raise SpecError(f"{where}: {op}: {error}; got {shapes}") from None
    inputs: tuple[Operand, ...] = tuple(
        operand.name if isinstance(operand, Value) else operand for operand in operands
    )
    return graph.add(Node(graph.fresh(op), op, inputs, attributes, outputs, where))


def author_line() -> str:
    """file:line of the innermost frame outside the language, relative to the project where
    it lies inside.
    """
    frame = sys._getframe(1)
    while frame.f_back is not None and str(Path(frame.f_code.co_filename).parent) in _OWN:
        frame = frame.f_back
    path = Path(frame.f_code.co_filename)
    shown = path.relative_to(_ROOT) if path.is_relative_to(_ROOT) else path
    return f"{shown}:{frame.f_lineno}"


def _same_graph(graph: Builder, operands: tuple[Value | float | Dim, ...]) -> None:
    strangers = [
        operand.name
        for operand in operands
        if isinstance(operand, Value) and operand.graph is not graph
    ]
    if strangers:
        raise ValueError(
            f"{', '.join(strangers)} belongs to another graph than {graph.name}; build each"
            " graph with its own Builder"
        )
