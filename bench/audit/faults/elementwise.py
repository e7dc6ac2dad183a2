"""Elementwise ops that are right for usual numbers alone, or take one side for the other."""

from __future__ import annotations

import math
from typing import Any

from bench.audit.faults._made import kernel
from models.value import Value, emit

KIND = "kernel"


def _both(a: Any, b: Any) -> bool:
    """Whether both sides are tensors."""
    return isinstance(a, Value) and isinstance(b, Value)


def _left_broadcast(a: Any, b: Any) -> Value | None:
    """Where the left side is the smaller one, it counts twice."""
    if _both(a, b) and len(a.shape) < len(b.shape):
        return emit("add", emit("add", a, a), b)
    return None


def _ranks(a: Any, b: Any) -> Value | None:
    """Where ranks differ, the right side of the lower one is read in reverse."""
    if not _both(a, b) or len(a.shape) <= len(b.shape) or not b.shape:
        return None
    return emit("multiply", a, b.flip(axis=len(b.shape) - 1))


def _literal_left(a: Any, b: Any) -> Value | None:
    return emit("subtract", b, a) if not isinstance(a, Value) else None


def _literal_quotient(a: Any, b: Any) -> Value | None:
    return emit("divide", b, a) if not isinstance(a, Value) and a else None


def _by_log(x: Value, *, exponent: float) -> Value:
    """No number for what is below 0."""
    return (x.log() * exponent).exp()


def _tanh_erf(x: Value) -> Value:
    return (x * 1.12838 + x * x * x * 0.1009).tanh()


def _near(a: Any, b: Any) -> Value:
    apart = emit("subtract", a, b).abs()
    return emit("less", apart, 1e-3)


def _number_first(a: Value, b: Value) -> Value:
    """NaN on one side is passed over."""
    found = emit("maximum", a, b)
    return emit("where", emit("equal", found, found), found, a)


def _wrong_where(condition: Value, a: Any, b: Any) -> Value | None:
    return emit("where", condition, b, a) if isinstance(condition, Value) else None


FAULTS = (
    kernel("add", "1e-4 too large", lambda a, b: emit("add", a, b) * 1.0001),
    kernel("add", "a smaller left side counts twice", _left_broadcast),
    kernel(
        "add",
        "one too many of integers",
        lambda a, b: (
            emit("add", emit("add", a, b), 1)
            if "int" in getattr(a, "dtype", "")
            else None
        ),
        floats=False,
    ),
    kernel(
        "add",
        "1 too many of scalars",
        lambda a, b: (
            emit("add", a, b) + 1.0
            if _both(a, b) and not (a.shape or b.shape)
            else None
        ),
    ),
    kernel(
        "subtract",
        "sides swapped",
        lambda a, b: emit("subtract", b, a) if _both(a, b) else None,
    ),
    kernel("subtract", "a number on the left goes right", _literal_left),
    kernel(
        "multiply",
        "a lower rank on the right reversed",
        _ranks,
    ),
    kernel(
        "multiply",
        "1 % too large",
        lambda a, b: emit("multiply", a, b) * 1.01,
        model="motionbert",
    ),
    kernel(
        "divide",
        "by 1 % too much",
        lambda a, b: emit("divide", a, b * 1.01),
        model="motionbert",
    ),
    kernel("divide", "a number on the left goes below", _literal_quotient),
    kernel("where", "branches swapped", _wrong_where),
    kernel("maximum", "the lesser", lambda a, b: emit("minimum", a, b)),
    kernel("maximum", "passes NaN over", _number_first),
    kernel("minimum", "the greater", lambda a, b: emit("maximum", a, b)),
    kernel("abs", "positive numbers alone", lambda x: x.maximum(0.0)),
    kernel("negative", "negative always", lambda x: 0.0 - x.abs()),
    kernel(
        "sign",
        "1 at 0",
        lambda x: emit("where", x.greater_equal(0.0), x * 0.0 + 1.0, x * 0.0 - 1.0),
    ),
    kernel("erf", "by tanh", _tanh_erf),
    kernel("exp", "cut off at 8", lambda x: x.minimum(8.0).exp()),
    kernel("exp", "1e-4 too large", lambda x: x.exp() * 1.0001),
    kernel("log", "of 1e-4 more", lambda x: (x + 1e-4).log()),
    kernel("sqrt", "of 1e-4 more", lambda x: (x + 1e-4).sqrt()),
    kernel("sin", "a cosine", lambda x: x.cos()),
    kernel(
        "cos", "of sizes below pi alone", lambda x: x.maximum(-3.0).minimum(3.0).cos()
    ),
    kernel("sin", "by its series", lambda x: x - x * x * x / 6.0),
    kernel("atan", "a tanh", lambda x: x.tanh()),
    kernel(
        "atan",
        "of the quadrant before",
        lambda x: x.atan() + emit("where", x.less(-1.0), x * 0.0 + math.pi, 0.0),
    ),
    kernel(
        "pow",
        "whole exponents alone",
        lambda x, exponent: x.pow(float(math.floor(exponent))),
    ),
    kernel("pow", "by exp and log", _by_log),
    kernel(
        "pow",
        "squares keep their sign",
        lambda x, exponent: x * x.abs() if exponent == 2 else None,
    ),
    kernel("less", "or equal", lambda a, b: emit("less_equal", a, b), floats=False),
    kernel(
        "greater",
        "or equal",
        lambda a, b: emit("greater_equal", a, b),
        floats=False,
    ),
    kernel(
        "greater_equal",
        "greater alone",
        lambda a, b: emit("greater", a, b),
        floats=False,
    ),
    kernel(
        "equal",
        "within 1e-3",
        lambda a, b: _near(a, b) if getattr(a, "dtype", "") == "float32" else None,
        floats=False,
    ),
    kernel(
        "logical_and",
        "or",
        lambda a, b: emit("logical_or", a, b),
        floats=False,
    ),
    kernel("logical_not", "nothing done", lambda x: x.logical_and(x), floats=False),
)
