"""Elementwise primitives, one row each: y[i] = f(x[i]), inputs broadcast as in NumPy.

pow takes a literal exponent; at 0 the gradients of abs, sqrt and pow follow PyTorch
(sign(0) = 0, 1/0 = inf). maximum and minimum give half of the gradient to each side of a
tie, as PyTorch and JAX do.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from models.dims import Length, Shape
from models.ops import Case, Op, boolean, per_element
from models.value import Value, emit

# NumPy has no erf; the C library's is accurate to one ulp
erf64 = np.vectorize(math.erf, otypes=[np.float64])


def broadcast(*shapes: Shape) -> Shape:
    """Common shape of `shapes` under NumPy's rule, symbolic lengths equal only to
    themselves or 1.
    """
    rank = max(len(shape) for shape in shapes)
    padded = [(1,) * (rank - len(shape)) + shape for shape in shapes]
    return tuple(_common(lengths, shapes) for lengths in zip(*padded, strict=True))


def _common(lengths: tuple[Length, ...], shapes: tuple[Shape, ...]) -> Length:
    long = list(dict.fromkeys(length for length in lengths if length != 1))
    if len(long) > 1:
        shown = " and ".join(f"({', '.join(map(str, shape))})" for shape in shapes)
        raise ValueError(f"shapes {shown} do not broadcast: {long[0]} against {long[1]}")
    return long[0] if long else 1


def unbroadcast(grad: Value, to: Value | float) -> Value | None:
    """Sum a gradient back to the shape of the operand it belongs to; literals have none."""
    if not isinstance(to, Value):
        return None
    extra = len(grad.shape) - len(to.shape)
    kept = [
        extra + i
        for i, length in enumerate(to.shape)
        if length == 1 and grad.shape[extra + i] != 1
    ]
    axes = (*range(extra), *kept)
    summed = grad.sum(axis=axes, keepdims=False) if axes else grad
    return summed.reshape(to.shape)


def _unary(shape: Shape) -> Shape:
    return shape


def _erf(x: np.ndarray) -> np.ndarray:
    return np.asarray(erf64(x) if x.size else x).astype(x.dtype)


def _row(
    name: str,
    reference: Callable[..., Any],
    vjp: Callable[..., Any] | None,
    draws: tuple[Any, ...],
    flops: int,
) -> Op:
    """One op of the table: unary, binary or ternary by its number of draws."""
    arity = len(draws)
    shapes = [((2, 3),) * arity, ((4,),) * arity, ((0, 3),) * arity, ((),) * arity]
    if arity >= 2:
        shapes += [
            ((2, 1, 3), (4, 1)) + ((1,),) * (arity - 2),
            ((5, 1), (1, 2)) + ((5, 2),) * (arity - 2),
        ]

    return Op(
        shape=broadcast if arity > 1 else _unary,
        reference=reference,
        vjp=vjp,
        method=_method(name, arity),
        dtype=_DTYPES.get(name),
        flops=per_element(flops),
        cases=tuple(Case(shape, {}, draws) for shape in shapes),
        group="elementwise",
        precision="full" if name in _FULL else "follow",
    )


def _method(name: str, arity: int) -> Callable[..., Value]:
    """The fluent method of a unary, binary or ternary op."""

    def one(x: Value) -> Value:
        return emit(name, x)

    def two(x: Value, other: Value | float) -> Value:
        return emit(name, x, other)

    def three(x: Value, first: Value | float, second: Value | float) -> Value:
        return emit(name, x, first, second)

    method: Callable[..., Value] = (one, two, three)[arity - 1]
    method.__doc__ = f"Elementwise {name}."
    return method


def _where_dtype(condition: str, *branches: str) -> str:
    if condition != "bool" or len(set(branches)) != 1:
        raise ValueError(
            "where takes a bool condition and two branches of one dtype (one may be a"
            f" number), not {condition} and {', '.join(branches) or 'numbers'}"
        )
    return branches[0]


_COMPARISONS = (
    "equal",
    "not_equal",
    "less",
    "less_equal",
    "greater",
    "greater_equal",
    "logical_and",
    "logical_or",
    "logical_not",
)
# they overflow in float16, and lose most of their digits in bfloat16
_FULL = ("exp", "log", "sqrt")
_DTYPES: dict[str, Callable[..., str]] = dict.fromkeys(_COMPARISONS, boolean) | {
    "where": _where_dtype
}


def _pair(
    left: Callable[..., Value], right: Callable[..., Value]
) -> Callable[..., tuple[Value | None, Value | None]]:
    """vjp of a binary op from the two partial rules, each (grad, out, a, b) -> gradient
    before un-broadcasting.
    """

    def vjp(grad: Value, out: Value, a: Any, b: Any) -> tuple[Value | None, Value | None]:
        return (
            unbroadcast(left(grad, out, a, b), a) if isinstance(a, Value) else None,
            unbroadcast(right(grad, out, a, b), b) if isinstance(b, Value) else None,
        )

    return vjp


def _share(grad: Value, out: Value, mine: Value, other: Any) -> Value:
    """Gradient of maximum or minimum for one operand: all where it won, half where both are
    equal.
    """
    won = emit("equal", mine, out).astype(grad.dtype)
    tie = emit("equal", mine, other).astype(grad.dtype)
    return grad * (won - 0.5 * tie)


def _where_vjp(
    grad: Value, out: Value, condition: Value, a: Any, b: Any
) -> tuple[None, Value | None, Value | None]:
    return (
        None,
        unbroadcast(emit("where", condition, grad, 0.0), a),
        unbroadcast(emit("where", condition, 0.0, grad), b),
    )


N, P, U, A, B = "normal", "positive", "unit", "apart", "bool"
ROWS: tuple[
    tuple[str, Callable[..., Any], Callable[..., Any] | None, tuple[str, ...], int], ...
] = (
    ("add", np.add, _pair(lambda g, y, a, b: g, lambda g, y, a, b: g), (N, N), 1),
    (
        "subtract",
        np.subtract,
        _pair(lambda g, y, a, b: g, lambda g, y, a, b: -g),
        (N, N),
        1,
    ),
    (
        "multiply",
        np.multiply,
        _pair(lambda g, y, a, b: g * b, lambda g, y, a, b: g * a),
        (N, N),
        1,
    ),
    (
        "divide",
        np.divide,
        _pair(lambda g, y, a, b: g / b, lambda g, y, a, b: -g * y / b),
        (N, P),
        1,
    ),
    (
        "maximum",
        np.maximum,
        _pair(lambda g, y, a, b: _share(g, y, a, b), lambda g, y, a, b: _share(g, y, b, a)),
        (A, A),
        1,
    ),
    (
        "minimum",
        np.minimum,
        _pair(lambda g, y, a, b: _share(g, y, a, b), lambda g, y, a, b: _share(g, y, b, a)),
        (A, A),
        1,
    ),
    ("negative", np.negative, lambda g, y, x: (-g,), (N,), 1),
    ("abs", np.abs, lambda g, y, x: (g * emit("sign", x),), (A,), 1),
    ("sign", np.sign, lambda g, y, x: (None,), (A,), 1),
    ("exp", np.exp, lambda g, y, x: (g * y,), (N,), 1),
    ("log", np.log, lambda g, y, x: (g / x,), (P,), 1),
    ("sqrt", np.sqrt, lambda g, y, x: (g * 0.5 / y,), (P,), 1),
    ("sin", np.sin, lambda g, y, x: (g * emit("cos", x),), (N,), 1),
    ("cos", np.cos, lambda g, y, x: (-g * emit("sin", x),), (N,), 1),
    ("tanh", np.tanh, lambda g, y, x: (g * (1.0 - y * y),), (N,), 1),
    ("atan", np.arctan, lambda g, y, x: (g / (1.0 + x * x),), (N,), 1),
    (
        "erf",
        _erf,
        lambda g, y, x: (g * emit("exp", -(x * x)) * (2 / math.sqrt(math.pi)),),
        (N,),
        1,
    ),
    ("equal", np.equal, None, (A, A), 1),
    ("not_equal", np.not_equal, None, (A, A), 1),
    ("less", np.less, None, (A, A), 1),
    ("less_equal", np.less_equal, None, (A, A), 1),
    ("greater", np.greater, None, (A, A), 1),
    ("greater_equal", np.greater_equal, None, (A, A), 1),
    ("logical_and", np.logical_and, None, (B, B), 1),
    ("logical_or", np.logical_or, None, (B, B), 1),
    ("logical_not", np.logical_not, None, (B,), 1),
    ("where", np.where, _where_vjp, (B, N, N), 1),
)


def pow(x: Value, exponent: float) -> Value:
    """x ** exponent for a literal exponent."""
    return emit("pow", x, exponent=exponent)


def _pow_shape(x: Shape, *, exponent: float) -> Shape:
    return x


def _pow(x: np.ndarray, *, exponent: float) -> np.ndarray:
    return np.power(x, exponent)


def _pow_vjp(grad: Value, out: Value, x: Value, *, exponent: float) -> tuple[Value]:
    return (grad * (emit("pow", x, exponent=exponent - 1) * exponent),)


_POW_CASES = tuple(
    Case(((2, 3),), {"exponent": exponent}, ("positive",))
    for exponent in (2.0, 3.0, -1.0, -0.5)
)

OPS = {
    name: _row(name, reference, vjp, draws, flops)
    for name, reference, vjp, draws, flops in ROWS
}
OPS["pow"] = Op(
    _pow_shape,
    _pow,
    _POW_CASES,
    per_element(1),
    method=pow,
    vjp=_pow_vjp,
    group="elementwise",
    precision="full",
)
