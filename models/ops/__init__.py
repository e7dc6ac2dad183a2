"""The op table: each file of this folder contributes `OPS`, each op one record: what it
computes, what it costs, how it is examined.

A primitive has a `vjp`; a composition has a `body` written in other ops, so every backend
runs it at once.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from models.dims import Length, Shape, size
from models.errors import UnknownName
from models.graph import Type

Draw = Literal["normal", "positive", "unit", "apart", "index", "bool"]
# product: a matrix product, which the hardware computes in half; full: sums and powers, in
# float32, or they overflow; follow: in the type of the inputs, the wider where they differ
Precision = Literal["product", "full", "follow"]


@dataclass(frozen=True)
class Case:
    """One exam question: input shapes, attributes, and how each input is drawn.

    Draws: normal; positive (0.5 to 2); unit (-0.9 to 0.9); apart (values at least 0.1
    apart, for ops with kinks or ties); index (0 to `high`); bool.
    """

    shapes: tuple[tuple[int, ...], ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    draws: tuple[Draw, ...] = ()  # one per input; normal where left out
    high: int = 1  # exclusive bound of index draws


@dataclass(frozen=True)
class Op:
    """One operation of the language.

    Attributes are keyword-only everywhere and have no defaults.
    """

    # input shapes, attributes -> output shape (or tuple of shapes); ValueError says what
    # was due
    shape: Callable[..., Any]
    # NumPy arrays, attributes -> array (or tuple): the definition, in the dtype of its
    # inputs
    reference: Callable[..., Any]
    cases: tuple[Case, ...]
    # (output shapes, input shapes, attributes) -> floating-point operations
    flops: Callable[..., Length]
    method: Callable[..., Any] | None = None  # fluent builder method
    # Values, attributes -> Value (or tuple), in other ops
    body: Callable[..., Any] | None = None
    # (gradient, result, *inputs, attributes) -> gradient of each input, or None
    vjp: Callable[..., Any] | None = None
    # input dtypes, attributes -> output dtype; None: all alike, kept
    dtype: Callable[..., str] | None = None
    several: bool = False  # results come as a tuple, even where there is only one
    # inputs that are running state: replaced, never differentiated
    state: tuple[int, ...] = ()
    group: Literal["elementwise", "reduction", "shape", "index", "network", "random"] = (
        "network"
    )
    # in mixed precision; what this does to a model is as in torch.autocast
    precision: Precision = "follow"


@cache
def table() -> dict[str, Op]:
    """Every op by name."""
    found: dict[str, Op] = {}
    for module in pkgutil.iter_modules(__path__):
        found |= importlib.import_module(f"{__name__}.{module.name}").OPS
    return dict(sorted(found.items()))


@cache
def methods() -> dict[str, Callable[..., Any]]:
    """Fluent methods by name: those of the ops, and those of `METHODS` in an op file (sugar
    that emits several nodes).
    """
    found = {name: op.method for name, op in table().items() if op.method is not None}
    for module in pkgutil.iter_modules(__path__):
        found |= getattr(
            importlib.import_module(f"{__name__}.{module.name}"), "METHODS", {}
        )
    return found


def get(name: str) -> Op:
    """The op called `name`. Raises UnknownName with the nearest names."""
    if name not in table():
        raise UnknownName("op", name, table())
    return table()[name]


def infer(
    name: str, types: Sequence[Type], attributes: Mapping[str, Any]
) -> tuple[Type, ...]:
    """Output types by the op's rules. Raises ValueError saying what was due."""
    op = get(name)
    shapes = op.shape(*[type_.shape for type_ in types], **attributes)
    dtypes = [type_.dtype for type_ in types if type_.dtype != "literal"]
    dtype = op.dtype(*dtypes, **attributes) if op.dtype else same(*dtypes)
    return tuple(Type(shape, dtype) for shape in (shapes if op.several else (shapes,)))


def same(*dtypes: str, **_: Any) -> str:
    """dtype rule: all tensors alike; promotion is strict because frameworks promote
    differently.
    """
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


def per_element(cost: int) -> Callable[..., Length]:
    """FLOP rule: `cost` operations for each output element."""

    def rule(
        outputs: Sequence[Shape], inputs: Sequence[Shape], attributes: Mapping[str, Any]
    ) -> Length:
        return size(outputs[0]) * cost

    return rule


def per_input(cost: int) -> Callable[..., Length]:
    """FLOP rule: `cost` operations for each element of the first input."""

    def rule(
        outputs: Sequence[Shape], inputs: Sequence[Shape], attributes: Mapping[str, Any]
    ) -> Length:
        return size(inputs[0]) * cost

    return rule


free = per_element(0)  # moves data, computes nothing


def axis_of(axis: int, rank: int) -> int:
    """A negative axis counted from the end. Raises ValueError outside the rank."""
    if not -rank <= axis < rank:
        raise ValueError(
            f"axis {axis} does not exist in rank {rank}; use {-rank} to {rank - 1}"
        )
    return axis % rank


def positive(axis: int, rank: int) -> int:
    """A negative axis counted from the start; one outside the rank stays as it is, for the
    shape rule to name.
    """
    return axis % rank if -rank <= axis < rank else axis
