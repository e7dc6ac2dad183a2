"""`python -m models.stubs` writes `value.pyi`: the methods that ops give to `Value`, for
editors and type checkers.

They are attached when the op files are read, so no source shows them; a test holds the file
to what this module would write.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from models import ops
from models.value import Value

FILE = Path(__file__).with_name("value.pyi")
HEAD = '''"""Written by `python -m models.stubs`; do not edit."""

from typing import Any

from models.builder import Builder
from models.dims import Dim, Length, Shape
from models.graph import Type

Axes = int | tuple[int, ...]

class Value:
    graph: Builder
    name: str
    type: Type
    def __init__(self, graph: Builder, name: str, type_: Type) -> None: ...
    @property
    def shape(self) -> Shape: ...
    @property
    def dtype(self) -> str: ...
'''
TAIL = """
def emit(op: str, *operands: Value | float | Dim, **attributes: Any) -> Value: ...
def emit_all(op: str, *operands: Value | float | Dim, **attributes: Any) -> tuple[Value, ...]: ...
def author_line() -> str: ...
"""


def text() -> str:
    """The whole stub file."""
    operators = {
        name: member
        for name, member in vars(Value).items()
        if name.startswith("__") and callable(member)
    }
    kept = {
        name: member
        for name, member in operators.items()
        if name not in ("__init__", "__getattr__", "__repr__")
    }
    return (
        HEAD
        + "".join(
            _line(name, function)
            for name, function in [*kept.items(), *sorted(ops.methods().items())]
        )
        + TAIL
    )


def _line(name: str, function: Callable[..., Any]) -> str:
    signature = inspect.signature(function)
    first, *rest = signature.parameters.values()
    shown = signature.replace(
        parameters=[first.replace(name="self", annotation=inspect.Parameter.empty), *rest]
    )
    return f"    def {name}{str(shown).replace(chr(39), '')}: ...\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
