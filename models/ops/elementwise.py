"""Elementwise primitives, one row each: y[i] = f(x[i]), inputs broadcast as in NumPy.

pow takes a literal exponent; at 0 the gradients of abs, sqrt and pow follow PyTorch
(sign(0) = 0, 1/0 = inf). maximum and minimum give half of the gradient to each side of a tie,
as PyTorch and JAX do.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from models.dims import Length, Shape
from models.nodes import FLOATS
from models.ops import Array, Op, boolean, per_element, unchanged
from models.ops._cases import Case, Draw, Ints, case
from models.value import Value, emit

_SLOPE = 2 / math.sqrt(math.pi)  # of erf at 0
# gradient, result, inputs -> gradient of one input, in the shape of the result
Partial = Callable[[Value, Value, Any, Any], Value]

# NumPy has no erf; the C library's is accurate to one ulp
erf64 = np.vectorize(math.erf, otypes=[np.float64])


def broadcast(*shapes: Shape) -> Shape:
    """Common shape of `shapes` under NumPy's rule.

    A symbolic length equals itself and 1 only.
    """
    rank = max(len(shape) for shape in shapes)
    padded = [(1,) * (rank - len(shape)) + shape for shape in shapes]
    axes = zip(*padded, strict=True)
    return tuple(_common(lengths, shapes) for lengths in axes)


def _common(lengths: tuple[Length, ...], shapes: tuple[Shape, ...]) -> Length:
    # a dict keeps the order in which they came, for the message
    long = list(dict.fromkeys(length for length in lengths if length != 1))
    if len(long) > 1:
        shown = " and ".join(f"({', '.join(map(str, shape))})" for shape in shapes)
        raise ValueError(
            f"shapes {shown} do not broadcast: {long[0]} against {long[1]}"
        )
    return long[0] if long else 1


def unbroadcast(grad: Value, to: Value | float) -> Value | None:
    """Sum a gradient back to the shape of the operand it belongs to; literals have none."""
    if not isinstance(to, Value):
        return None
    # axes that the operand did not have, then those that it had with length 1
    extra = len(grad.shape) - len(to.shape)
    stretched = [
        extra + i
        for i, length in enumerate(to.shape)
        if length == 1 and grad.shape[extra + i] != 1
    ]
    axes = (*range(extra), *stretched)
    summed = grad.sum(axis=axes, keepdims=False) if axes else grad
    return summed.reshape(to.shape)


def _erf(x: Array) -> Array:
    # np.vectorize takes no empty array
    found = erf64(x) if x.size else x
    return np.asarray(found).astype(x.dtype)


def _to_whole(x: Array) -> Array:
    return x - np.rint(x)


def _floats(dtype: str) -> str:
    if dtype not in FLOATS:
        raise ValueError(f"floor takes floats, not {dtype}, which has no fraction")
    return dtype


def _where_dtype(condition: str, *branches: str) -> str:
    if condition != "bool" or len(set(branches)) != 1:
        raise ValueError(
            "where takes a bool condition and two branches of one dtype (one may be a"
            f" number), not {condition} and {', '.join(branches) or 'numbers'}"
        )
    return branches[0]


def _row(
    name: str,
    reference: Callable[..., Any],
    vjp: Callable[..., Any] | None,
    *draws: Draw,
    **facts: Any,
) -> tuple[str, Op]:
    """One op of the table: unary, binary or ternary by its number of draws."""
    arity = len(draws)
    op = Op(
        shape=broadcast if arity > 1 else unchanged,
        reference=reference,
        cases=_cases(draws),
        flops=per_element(1),
        method=_method(name, arity),
        vjp=vjp,
        **facts,
    )
    return name, op


def _cases(draws: tuple[Draw, ...]) -> tuple[Case, ...]:
    arity = len(draws)
    alike: list[Ints] = [(2, 3), (), (4,), (0, 3)]
    first, *others = [(shape,) * arity for shape in alike]
    if arity == 1:
        return tuple(case(*shape, draws=draws) for shape in (first, *others))
    # of three inputs the last one has all axes, or only one of length 1
    broadcast: list[tuple[Ints, ...]] = [
        # two ranks, the lower one on either side
        ((4, 1), (2, 1, 3)) + ((1,),) * (arity - 2),
        ((2, 1, 3), (4, 3)) + ((1,),) * (arity - 2),
        ((5, 1), (1, 2)) + ((5, 2),) * (arity - 2),
        ((), (2, 3)) + ((2, 3),) * (arity - 2),
    ]
    shapes = (first, *broadcast, *others)
    return tuple(case(*shape, draws=draws) for shape in shapes)


def _method(name: str, arity: int) -> Callable[..., Value]:
    """The fluent method of a unary, binary or ternary op."""

    # written out, not *others: editors and the stub file show the signature
    def one(x: Value) -> Value:
        return emit(name, x)

    def two(x: Value, other: Value | float) -> Value:
        return emit(name, x, other)

    def three(x: Value, first: Value | float, second: Value | float) -> Value:
        return emit(name, x, first, second)

    method: Callable[..., Value] = (one, two, three)[arity - 1]
    method.__doc__ = f"Elementwise {name}."
    return method


def _pair(
    left: Partial, right: Partial, then: Callable[[Value, Any], Value] | None = None
) -> Callable[..., tuple[Value | None, Value | None]]:
    """vjp of a binary op from the rules of its two sides.

    `then(grad, b)` goes on with that of the right side in b's own shape: what is the same for
    all that b was spread over is done once, after their sum.
    """

    def vjp(
        grad: Value,
        out: Value,
        a: Any,
        b: Any,
    ) -> tuple[Value | None, Value | None]:
        to_a = to_b = None
        # a literal has no gradient, and its rule is not asked: it may want a tensor's methods
        if isinstance(a, Value):
            to_a = unbroadcast(left(grad, out, a, b), a)
        if isinstance(b, Value):
            to_b = unbroadcast(right(grad, out, a, b), b)
            if then and to_b is not None:
                to_b = then(to_b, b)
        return to_a, to_b

    return vjp


def _multiply_vjp(
    grad: Value, out: Value, a: Any, b: Any
) -> tuple[Value | None, Value | None]:
    if isinstance(a, Value) and isinstance(b, Value) and a.name == b.name:
        # a square: 2 before a, since a gradient is often the same for many
        return grad * 2.0 * a, None
    return _PRODUCT(grad, out, a, b)


def _share(
    grad: Value,
    out: Value,
    mine: Value,
    other: Any,
) -> Value:
    """Of maximum or minimum for one side: all where it won, half where both are equal."""
    won = emit("equal", mine, out).astype(grad.dtype)
    tie = emit("equal", mine, other).astype(grad.dtype)
    return grad * (won - 0.5 * tie)


def _where_vjp(
    grad: Value,
    out: Value,
    condition: Value,
    a: Any,
    b: Any,
) -> tuple[None, Value | None, Value | None]:
    return (
        None,
        unbroadcast(emit("where", condition, grad, 0.0), a),
        unbroadcast(emit("where", condition, 0.0, grad), b),
    )


def _erf_vjp(grad: Value, out: Value, x: Value) -> tuple[Value]:
    bell = emit("exp", -(x * x))
    return (grad * bell * _SLOPE,)


def _sqrt_vjp(grad: Value, out: Value, x: Value) -> tuple[Value]:
    return (grad * 0.5 / out,)


def pow(x: Value, exponent: float) -> Value:
    """x ** exponent for a literal exponent."""
    return emit("pow", x, exponent=exponent)


def _pow_shape(x: Shape, *, exponent: float) -> Shape:
    return x


def _pow(x: Array, *, exponent: float) -> Array:
    return np.power(x, exponent)


def _pow_vjp(
    grad: Value,
    out: Value,
    x: Value,
    *,
    exponent: float,
) -> tuple[Value]:
    if exponent == 0:
        return (grad * 0.0,)  # at 0 as well, where the product below is no number
    slope = emit("pow", x, exponent=exponent - 1) * exponent
    return (grad * slope,)


# g: gradient, y: result, a and b: the two sides
_ADD = _pair(
    lambda g, y, a, b: g,
    lambda g, y, a, b: g,
)
_SUBTRACT = _pair(
    lambda g, y, a, b: g,
    lambda g, y, a, b: g,
    then=lambda g, b: -g,
)
_PRODUCT = _pair(
    lambda g, y, a, b: g * b,
    lambda g, y, a, b: g * a,
)
# the result is at hand: y / b, not a / b^2
_DIVIDE = _pair(
    lambda g, y, a, b: g / b,
    lambda g, y, a, b: g * y,
    then=lambda g, b: -g / b,
)
_EXTREME = _pair(
    lambda g, y, a, b: _share(g, y, a, b),
    lambda g, y, a, b: _share(g, y, b, a),
)
_POW_CASES = tuple(
    case((2, 3), exponent=exponent, draws=("positive",))
    for exponent in (2.0, -0.5, 3.0, -1.0, 1.0, 0.0)
)

# How inputs are drawn. apart: where an op has kinks, or where equal values would decide.
N: Draw = "normal"
P: Draw = "positive"
A: Draw = "apart"
B: Draw = "bool"
_TRUTH = {"dtype": boolean}
# where value or slope jumps: at 0, where both sides are equal
_AT_0 = {"kinks": np.positive}
_EQUAL = {"kinks": np.subtract}
_NAMES = (
    "equal",
    "not_equal",
    "less",
    "less_equal",
    "greater",
    "greater_equal",
)
_COMPARISONS = [
    _row(name, getattr(np, name), None, A, A, **_TRUTH, **_EQUAL) for name in _NAMES
]
# name, reference, vjp, draws
OPS = dict(
    [
        _row("add", np.add, _ADD, N, N),
        _row("subtract", np.subtract, _SUBTRACT, N, N),
        _row("multiply", np.multiply, _multiply_vjp, N, N),
        _row("divide", np.divide, _DIVIDE, N, P),
        _row("maximum", np.maximum, _EXTREME, A, A, **_EQUAL),
        _row("minimum", np.minimum, _EXTREME, A, A, **_EQUAL),
        _row("negative", np.negative, lambda g, y, x: (-g,), N),
        _row("abs", np.abs, lambda g, y, x: (g * emit("sign", x),), A, **_AT_0),
        _row("sign", np.sign, lambda g, y, x: (None,), A, gradient="zero", **_AT_0),
        _row(
            "floor",
            np.floor,
            lambda g, y, x: (None,),
            A,
            dtype=_floats,
            gradient="zero",
            kinks=_to_whole,
        ),
        # full: they overflow in float16, or lose most of their digits in bfloat16
        _row("exp", np.exp, lambda g, y, x: (g * y,), N, precision="full"),
        _row("log", np.log, lambda g, y, x: (g / x,), P, precision="full"),
        _row("sqrt", np.sqrt, _sqrt_vjp, P, precision="full"),
        _row("sin", np.sin, lambda g, y, x: (g * emit("cos", x),), N),
        _row("cos", np.cos, lambda g, y, x: (-g * emit("sin", x),), N),
        _row("tanh", np.tanh, lambda g, y, x: (g * (1.0 - y * y),), N),
        _row("atan", np.arctan, lambda g, y, x: (g / (1.0 + x * x),), N),
        _row("erf", _erf, _erf_vjp, N),
        # truth values have no gradient, and pass none on
        *_COMPARISONS,
        _row("logical_and", np.logical_and, None, B, B, **_TRUTH),
        _row("logical_or", np.logical_or, None, B, B, **_TRUTH),
        _row("logical_not", np.logical_not, None, B, **_TRUTH),
        _row("where", np.where, _where_vjp, B, N, N, dtype=_where_dtype),
    ]
)
OPS["pow"] = Op(
    shape=_pow_shape,
    reference=_pow,
    cases=_POW_CASES,
    flops=per_element(1),
    method=pow,
    vjp=_pow_vjp,
    precision="full",
)
