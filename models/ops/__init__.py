"""The op table: each file of this folder contributes `OPS`, one record per op.

A record holds all that is known of its op: what it computes, what it costs, how it is
examined, what mixed precision makes of it. A primitive has a `vjp`; a composition has a
`body` written in other ops, so every backend runs it at once. What starts with an underscore
serves the op files.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import numpy as np

from models import folder
from models.dims import Length, Shape, size
from models.errors import UnknownName
from models.nodes import Attributes, Type
from models.ops import _elsewhere
from models.ops._cases import Case as Case
from models.ops._cases import Draw as Draw
from models.ops._cases import Random, alike

Array = np.ndarray
Shapes = Sequence[Shape]
# product: a matrix product, which the hardware computes in half; full: sums and powers, in
# float32, or they overflow; follow: in the type of the inputs, the wider where they differ
Precision = Literal["product", "full", "follow"]
# flows: back to the float inputs; zero: nothing moves the result but a jump; between floats:
# to whole numbers and back there is none; stopped: 0 by definition, whatever the slope is
Gradient = Literal["flows", "zero", "between floats", "stopped"]


@dataclass(frozen=True, kw_only=True)
class Op:
    """One operation of the language.

    Attributes are keyword-only everywhere and have no defaults.
    """

    # input shapes, attributes -> shape of the result, or a tuple of shapes. Its signature
    # declares the attributes; ValueError says what was due.
    shape: Callable[..., Any]
    # arrays, attributes -> array, or a tuple: the definition, in the dtype of its inputs
    reference: Callable[..., Any]
    cases: tuple[Case, ...]
    # output shapes, input shapes, attributes -> floating-point operations
    flops: Callable[[Shapes, Shapes, Attributes], Length]
    method: Callable[..., Any] | None = None  # fluent method of Value
    # Values, attributes -> Value, or a tuple: the op in other ops
    body: Callable[..., Any] | None = None
    # gradient, result, *inputs, attributes -> gradient of each input, or None
    vjp: Callable[..., Any] | None = None
    # input dtypes, attributes -> output dtype; None: all alike, kept
    dtype: Callable[..., str] | None = None
    several: bool = False  # results come as a tuple, even where there is only one
    # inputs that are running state: replaced, never differentiated
    state: tuple[int, ...] = ()
    precision: Precision = "follow"  # in mixed precision, as torch.autocast has it
    gradient: Gradient = "flows"
    # arrays, attributes -> how far each of them is from where value or slope jumps, in the unit
    # of the inputs; None: nowhere
    kinks: Callable[..., Any] | None = None
    inference: str = ""  # what it does otherwise there than in training, in words
    random: Random = alike  # which random cases are legal
    axes: tuple[str, ...] = ()  # attributes that are axes of the first input
    # attributes that are axes of the result, which has one more than the input
    axes_of_result: tuple[str, ...] = ()


def _modules() -> Iterator[ModuleType]:
    for name in folder.files(Path(__file__).parent):
        yield importlib.import_module(f"{__name__}.{name}")


@cache
def table() -> dict[str, Op]:
    """Every op by name."""
    found: dict[str, Op] = {}
    for module in _modules():
        found |= module.OPS
    return dict(sorted(found.items()))


@cache
def methods() -> dict[str, Callable[..., Any]]:
    """Fluent methods by name: those of the ops, and `METHODS` of an op file.

    The latter are sugar that makes several nodes, or parameters of its own.
    """
    found: dict[str, Callable[..., Any]] = {}
    for name, op in table().items():
        if op.method is not None:
            found[name] = op.method
    for module in _modules():
        found |= getattr(module, "METHODS", {})
    return found


def get(name: str) -> Op:
    """The op called `name`. Raises UnknownName with the nearest names."""
    if name not in table():
        raise unknown(name)
    return table()[name]


def unknown(name: str) -> UnknownName:
    """What is said of a name that no op has: what it is called here, if elsewhere it is one."""
    return UnknownName("op", name, table(), here=_elsewhere.here(name))


def infer(
    name: str, types: Sequence[Type], attributes: Mapping[str, Any]
) -> tuple[Type, ...]:
    """Output types by the op's rules. Raises ValueError saying what was due."""
    op = get(name)
    found = op.shape(*[type_.shape for type_ in types], **attributes)
    shapes = found if op.several else (found,)
    # a number written into the call takes the type of its neighbour
    dtypes = [type_.dtype for type_ in types if type_.dtype != "literal"]
    dtype = (op.dtype or same)(*dtypes, **attributes)
    return tuple(Type(shape, dtype) for shape in shapes)


def same(*dtypes: str, **_: Any) -> str:
    """dtype rule: all alike. Nothing is promoted: frameworks promote differently."""
    if len(set(dtypes)) > 1:
        raise ValueError(
            f"dtypes differ ({', '.join(dtypes)}) and nothing is promoted silently; use"
            " astype"
        )
    return dtypes[0]


def first(*dtypes: str, **_: Any) -> str:
    """dtype rule: that of the first input."""
    return dtypes[0]


def boolean(*dtypes: str, **_: Any) -> str:
    """dtype rule: a truth value, from inputs that are alike."""
    same(*dtypes)
    return "bool"


def unchanged(x: Shape) -> Shape:
    """Shape rule: that of the one input; there are no attributes."""
    return x


def per_element(cost: int) -> Callable[[Shapes, Shapes, Attributes], Length]:
    """FLOP rule: `cost` operations for each output element."""

    def rule(outputs: Shapes, inputs: Shapes, attributes: Attributes) -> Length:
        return size(outputs[0]) * cost

    return rule


def per_input(cost: int) -> Callable[[Shapes, Shapes, Attributes], Length]:
    """FLOP rule: `cost` operations for each element of the first input."""

    def rule(outputs: Shapes, inputs: Shapes, attributes: Attributes) -> Length:
        return size(inputs[0]) * cost

    return rule


free = per_element(0)  # moves data, computes nothing
