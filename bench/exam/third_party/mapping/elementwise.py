"""Elementwise operators: arithmetic, comparison, logic and the functions composed of them."""

from __future__ import annotations

from collections.abc import Callable

from bench.exam.third_party.mapping.call import Call, NotMappable, total, where
from models.graph import FLOATS
from models.value import Value, emit

# Numbers that ONNX gives to element types (TensorProto.DataType), of those that the language has
TYPES = {1: "float32", 6: "int32", 7: "int64", 9: "bool", 10: "float16"}


def _unary(op: str) -> Callable[[Call], Value]:
    return lambda call: emit(op, call.x())


def _binary(op: str) -> Callable[[Call], Value]:
    return lambda call: emit(op, call.x(0), call.x(1))


def _fold(op: str) -> Callable[[Call], Value]:
    return lambda call: total(call.all(), op)


def add(call: Call) -> Value:
    """x + y; a sum of any number of tensors is folded."""
    return total(call.all(), "add")


def divide(call: Call) -> Value:
    """x / y of floats; the language has no division of integers."""
    if call.x().dtype not in FLOATS:
        raise NotMappable("division of integers")
    return emit("divide", call.x(0), call.x(1))


def mean(call: Call) -> Value:
    """The mean of several tensors."""
    return total(call.all(), "add") * (1 / call.count)


def mod(call: Call) -> Value:
    """x - trunc(x / y) y, the sign of x, or floor for that of y."""
    if call.x().dtype not in FLOATS:
        raise NotMappable("division of integers")
    raise NotMappable(
        "a remainder of floats rounded once: x - y floor(x / y) rounds three times"
    )


def power(call: Call) -> Value:
    """x to a power that is one number; the language has no power by a tensor."""
    exponent = call.static(1)
    # one number of a higher rank would give the result that rank
    fits = exponent.size == 1 and exponent.ndim <= len(call.x().shape)
    if not fits or call.x().dtype not in FLOATS:
        raise NotMappable("the exponent is a tensor, or the base an integer")
    return emit("pow", call.x(), exponent=float(exponent.ravel()[0]))


def clip(call: Call) -> Value:
    """min(max(x, low), high); the upper bound wins where both cross."""
    x = call.x()
    if call.has(1):
        x = emit("maximum", x, call.x(1))
    return emit("minimum", x, call.x(2)) if call.has(2) else x


def reciprocal(call: Call) -> Value:
    """1 / x."""
    return 1.0 / call.x()


def identity(call: Call) -> Value:
    """x."""
    # the op that does nothing: a graph has no output that is an input
    return emit("stop_gradient", call.x())


def cast(call: Call) -> Value:
    """The same numbers as another element type, by its number in ONNX."""
    return _as(call, TYPES.get(call.attribute("to"), ""))


def cast_like(call: Call) -> Value:
    """The same numbers in the element type of another tensor."""
    return _as(call, call.x(1).dtype)


def _as(call: Call, dtype: str) -> Value:
    if not dtype:
        raise NotMappable("a cast to an element type that is not in the language")
    if dtype == call.x().dtype:
        return identity(call)
    return call.x().astype(dtype)


def expm1(x: Value) -> Value:
    """exp(x) - 1."""
    return emit("exp", x) - 1.0


def elu(call: Call) -> Value:
    """x above 0, alpha (exp(x) - 1) below."""
    return _elu(call.x(), call.attribute("alpha", 1.0))


def _elu(x: Value, alpha: float) -> Value:
    # never overflows on the side that is not chosen
    below = expm1(emit("minimum", x, 0.0)) * alpha
    return where(emit("greater", x, 0.0), x, below)


def celu(call: Call) -> Value:
    """x above 0, alpha (exp(x / alpha) - 1) below."""
    alpha = call.attribute("alpha", 1.0)
    above = emit("maximum", call.x(), 0.0)
    # each of the two is 0 where the other counts
    return above + emit("minimum", expm1(call.x() / alpha) * alpha, 0.0)


def selu(call: Call) -> Value:
    """gamma times elu."""
    # with these, mean 0 and variance 1 are kept from layer to layer (Klambauer et al. 2017)
    alpha = call.attribute("alpha", 1.6732631921768188)
    gamma = call.attribute("gamma", 1.0507010221481323)
    return _elu(call.x(), alpha) * gamma


def gelu(call: Call) -> Value:
    """x Phi(x)."""
    return call.x().gelu(approximate=call.attribute("approximate", "none"))


def leaky_relu(call: Call) -> Value:
    """x, times alpha below 0."""
    return call.x().leaky_relu(slope=call.attribute("alpha", 0.01))


def prelu(call: Call) -> Value:
    """x, times a slope of each channel below 0."""
    x, slope = call.all()
    return where(emit("less", x, 0.0), x * slope, x)


def thresholded_relu(call: Call) -> Value:
    """x above alpha, else 0."""
    x = call.x()
    above = emit("greater", x, call.attribute("alpha", 1.0))
    return where(above, x, 0.0)


def binarizer(call: Call) -> Value:
    """1 above a threshold, else 0."""
    above = emit("greater", call.x(), call.attribute("threshold", 0.0))
    return above.astype(call.x().dtype)


def hard_sigmoid(call: Call) -> Value:
    """alpha x + beta between 0 and 1."""
    alpha = call.attribute("alpha", 0.2)
    beta = call.attribute("beta", 0.5)
    return _hard_sigmoid(call.x(), alpha, beta)


def _hard_sigmoid(x: Value, alpha: float, beta: float) -> Value:
    return emit("minimum", emit("maximum", x * alpha + beta, 0.0), 1.0)


def hard_swish(call: Call) -> Value:
    """x hard_sigmoid(x) with slope 1/6."""
    return call.x() * _hard_sigmoid(call.x(), 1 / 6, 0.5)


def shrink(call: Call) -> Value:
    """x moved by `bias` towards 0, and 0 within `lambd`."""
    x = call.x()
    bias = call.attribute("bias", 0.0)
    edge = call.attribute("lambd", 0.5)
    upper = where(emit("greater", x, edge), x - bias, 0.0)
    return where(emit("less", x, -edge), x + bias, upper)


def softplus(x: Value) -> Value:
    """log(1 + exp(x)), without overflow: max(x, 0) + log(1 + exp(-|x|))."""
    small = emit("exp", -emit("abs", x))
    return emit("maximum", x, 0.0) + emit("log", small + 1.0)


def softsign(call: Call) -> Value:
    """x / (1 + |x|)."""
    return call.x() / (emit("abs", call.x()) + 1.0)


def swish(call: Call) -> Value:
    """x sigmoid(alpha x)."""
    x = call.x()
    return x * (x * call.attribute("alpha", 1.0)).sigmoid()


def swiglu(call: Call) -> Value:
    """swish of a gate, times a value."""
    gate, up = call.all()
    return gate * (gate * call.attribute("alpha", 1.0)).sigmoid() * up


def mish(call: Call) -> Value:
    """x tanh(softplus(x))."""
    return call.x() * emit("tanh", softplus(call.x()))


def tan(call: Call) -> Value:
    """sin / cos."""
    return emit("sin", call.x()) / emit("cos", call.x())


def asin(x: Value) -> Value:
    """atan(x / sqrt(1 - x^2)), written so that 1 - x^2 loses nothing near 1."""
    other = emit("sqrt", (1.0 - x) * (x + 1.0))
    return emit("atan", x / other)


def acos(call: Call) -> Value:
    """2 atan(sqrt((1 - x) / (1 + x)))."""
    x = call.x()
    ratio = (1.0 - x) / (x + 1.0)
    return emit("atan", emit("sqrt", ratio)) * 2.0


def sinh(call: Call) -> Value:
    """(exp(x) - exp(-x)) / 2."""
    x = call.x()
    return (emit("exp", x) - emit("exp", -x)) * 0.5


def cosh(call: Call) -> Value:
    """(exp(x) + exp(-x)) / 2."""
    x = call.x()
    return (emit("exp", x) + emit("exp", -x)) * 0.5


def asinh(call: Call) -> Value:
    """sign(x) log(|x| + sqrt(x^2 + 1)): of the magnitude, so that nothing cancels below 0."""
    size = emit("abs", call.x())
    sign = emit("sign", call.x())
    return sign * emit("log", size + emit("sqrt", size * size + 1.0))


def acosh(call: Call) -> Value:
    """log(x + sqrt(x^2 - 1))."""
    x = call.x()
    root = emit("sqrt", (x - 1.0) * (x + 1.0))
    return emit("log", x + root)


def atanh(call: Call) -> Value:
    """log((1 + x) / (1 - x)) / 2."""
    x = call.x()
    return emit("log", (x + 1.0) / (1.0 - x)) * 0.5


def floor(x: Value) -> Value:
    """The whole number below: the truncated one, less 1 where that is above x.

    For |x| < 2^63, as the language truncates to int64.
    """
    whole = x.astype("int64").astype(x.dtype)
    return where(emit("greater", whole, x), whole - 1.0, whole)


def round_half_even(x: Value) -> Value:
    """The nearest whole number; of two as near, the even one."""
    low = floor(x)
    part = x - low
    odd = emit("not_equal", floor(low * 0.5) * 2.0, low)
    tied = emit("logical_and", emit("equal", part, 0.5), odd)
    up = emit("logical_or", emit("greater", part, 0.5), tied)
    return where(up, low + 1.0, low)


def is_inf(call: Call) -> Value:
    """Whether x is infinite, on the sides asked for."""
    x = call.x()
    hits = []
    for name, sign in (("detect_positive", 1.0), ("detect_negative", -1.0)):
        if call.flag(name, default=True):
            hits.append(emit("equal", x, call.infinity(sign, x)))
    # of no side: nowhere, unless x is NaN, which no case has
    return total(hits, "logical_or") if hits else is_nan(call)


def is_nan(call: Call) -> Value:
    """A number that differs from itself."""
    return emit("not_equal", call.x(), call.x())


def select(call: Call) -> Value:
    """x where the condition holds, else y."""
    return where(*call.all())


def _of(function: Callable[[Value], Value]) -> Callable[[Call], Value]:
    """A function of the only input."""
    return lambda call: function(call.x())


_SAME = "Abs Atan Cos Erf Exp Log Relu Sigmoid Sign Sin Sqrt Tanh"  # but for capitals
_UNARY = {"Neg": "negative", "Not": "logical_not"}
_BINARY = {
    "And": "logical_and",
    "Equal": "equal",
    "Greater": "greater",
    "GreaterOrEqual": "greater_equal",
    "Less": "less",
    "LessOrEqual": "less_equal",
    "Mul": "multiply",
    "Or": "logical_or",
    "Sub": "subtract",
    "Xor": "not_equal",
}
_OPS: dict[str, Callable[[Call], Value]] = {
    **{name: _unary(name.lower()) for name in _SAME.split()},
    **{name: _unary(op) for name, op in _UNARY.items()},
    **{name: _binary(op) for name, op in _BINARY.items()},
}
_COMPOSED: dict[str, Callable[[Call], Value]] = {
    "Acos": acos,
    "Acosh": acosh,
    "Add": add,
    "Asin": _of(asin),
    "Asinh": asinh,
    "Atanh": atanh,
    "Binarizer": binarizer,
    "Cast": cast,
    "CastLike": cast_like,
    "Ceil": lambda call: -floor(-call.x()),
    "Celu": celu,
    "Clip": clip,
    "Cosh": cosh,
    "Div": divide,
    "Elu": elu,
    "Floor": _of(floor),
    "Gelu": gelu,
    "HardSigmoid": hard_sigmoid,
    "HardSwish": hard_swish,
    "Identity": identity,
    "IsInf": is_inf,
    "IsNaN": is_nan,
    "LeakyRelu": leaky_relu,
    "Max": _fold("maximum"),
    "Mean": mean,
    "Min": _fold("minimum"),
    "Mish": mish,
    "Mod": mod,
    "PRelu": prelu,
    "Pow": power,
    "Reciprocal": reciprocal,
    "Round": _of(round_half_even),
    "Selu": selu,
    "Shrink": shrink,
    "Sinh": sinh,
    "Softplus": _of(softplus),
    "Softsign": softsign,
    "Sum": add,
    "SwiGLU": swiglu,
    "Swish": swish,
    "Tan": tan,
    "ThresholdedRelu": thresholded_relu,
    "Where": select,
}
MAP = _OPS | _COMPOSED
