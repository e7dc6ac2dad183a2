"""`python -m models.stubs` writes `value.pyi`: the methods that ops give to `Value`.

They are attached when the op files are read, so no source shows them to an editor or a type
checker. The text comes laid out as the formatter would leave it; a test holds the file to it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from models import ops, value
from models.value import Value

FILE = Path(__file__).with_name("value.pyi")
WIDTH = 88  # of pyproject.toml's line-length
HEAD = '''"""Written by `python -m models.stubs`; do not edit."""

from typing import Any

import numpy as np

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
# in HEAD already, of no use to a caller, or (the look-up) what the methods stand in for
LEFT_OUT = ("__init__", "__getattr__", "__repr__")
FUNCTIONS = (value.emit, value.emit_all, value.author_line)


def text() -> str:
    """The whole stub file."""
    operators = [
        (name, member)
        for name, member in vars(Value).items()
        if name.startswith("__") and callable(member) and name not in LEFT_OUT
    ]
    methods = [*operators, *sorted(ops.methods().items())]
    shown = "".join(_method(name, function) for name, function in methods)
    functions = "".join(
        _definition(one.__name__, inspect.signature(one), "") for one in FUNCTIONS
    )
    return f"{HEAD}{shown}\n{functions}"


def _method(name: str, function: Callable[..., Any]) -> str:
    signature = inspect.signature(function)
    # the tensor that a method is called on: `x`, `query` or `a` in the op files
    first, *rest = signature.parameters.values()
    bound = first.replace(name="self", annotation=inspect.Parameter.empty)
    return _definition(name, signature.replace(parameters=[bound, *rest]), "    ")


def _definition(name: str, signature: inspect.Signature, indent: str) -> str:
    """One line; where that is too long, the parameters on a line of their own; or one a line."""
    parameters = _parameters(signature)
    # annotations are text in the op files, and shown with quotes around them
    returned = str(signature.return_annotation).strip("'")
    head, tail = f"{indent}def {name}(", f") -> {returned}: ...\n"
    joined = ", ".join(parameters)
    # WIDTH counts columns, a line of text its end as well
    if len(head + joined + tail) <= WIDTH + 1:
        return head + joined + tail
    inner = f"{indent}    "
    if len(inner + joined) <= WIDTH:
        return f"{head}\n{inner}{joined}\n{indent}{tail}"
    listed = "".join(f"{inner}{parameter},\n" for parameter in parameters)
    return f"{head}\n{listed}{indent}{tail}"


def _parameters(signature: inspect.Signature) -> list[str]:
    """Each as it is written, with the bare star before the first that is keyword-only."""
    shown: list[str] = []
    open_ended = False
    for parameter in signature.parameters.values():
        # *others ends the positional ones by itself
        if parameter.kind is parameter.KEYWORD_ONLY and not open_ended:
            shown.append("*")
            open_ended = True
        open_ended = open_ended or parameter.kind is parameter.VAR_POSITIONAL
        shown.append(str(parameter).replace("'", ""))
    return shown


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
