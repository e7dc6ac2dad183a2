"""Elementwise operators: arithmetic, comparison, logic and the functions composed of them."""

from __future__ import annotations

from collections.abc import Callable

from bench.exam.third_party.mapping.call import Call, NotMappable, total, where
from models.graph import FLOATS
from models.value import Value, emit

# TensorProto.DataType
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
    if (
        exponent.size != 1
        or call.x().dtype not in FLOATS
        or exponent.ndim > len(call.x().shape)
    ):
        raise NotMappable("the exponent is a tensor, or the base an integer")
    return emit("pow", call.x(), exponent=float(exponent.ravel()[0]))


def xor(call: Call) -> Value:
    """One of both, not both."""
    return emit("not_equal", call.x(0), call.x(1))


def clip(call: Call) -> Value:
    """min(max(x, low), high); the upper bound wins where both cross."""
    x = call.x()
    for i, op in ((1, "maximum"), (2, "minimum")):
        x = emit(op, x, call.x(i)) if call.has(i) else x
    return x


def reciprocal(call: Call) -> Value:
    """1 / x."""
    return 1.0 / call.x()


def identity(call: Call) -> Value:
    """x."""
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
    return identity(call) if dtype == call.x().dtype else call.x().astype(dtype)


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
    return emit("maximum", call.x(), 0.0) + emit(
        "minimum", expm1(call.x() / alpha) * alpha, 0.0
    )


def selu(call: Call) -> Value:
    """gamma times elu."""
    alpha, gamma = (
        call.attribute("alpha", 1.6732631921768188),
        call.attribute("gamma", 1.0507010221481323),
    )
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
    return where(emit("greater", call.x(), call.attribute("alpha", 1.0)), call.x(), 0.0)


def binarizer(call: Call) -> Value:
    """1 above a threshold, else 0."""
    return emit("greater", call.x(), call.attribute("threshold", 0.0)).astype(
        call.x().dtype
    )


def hard_sigmoid(call: Call) -> Value:
    """alpha x + beta between 0 and 1."""
    return _hard_sigmoid(
        call.x(), call.attribute("alpha", 0.2), call.attribute("beta", 0.5)
    )


def _hard_sigmoid(x: Value, alpha: float, beta: float) -> Value:
    return emit("minimum", emit("maximum", x * alpha + beta, 0.0), 1.0)


def hard_swish(call: Call) -> Value:
    """x hard_sigmoid(x) with slope 1/6."""
    return call.x() * _hard_sigmoid(call.x(), 1 / 6, 0.5)


def shrink(call: Call) -> Value:
    """x moved by `bias` towards 0, and 0 within `lambd`."""
    x, bias, edge = call.x(), call.attribute("bias", 0.0), call.attribute("lambd", 0.5)
    return where(
        emit("less", x, -edge), x + bias, where(emit("greater", x, edge), x - bias, 0.0)
    )


def softplus(x: Value) -> Value:
    """log(1 + exp(x)), without overflow: max(x, 0) + log(1 + exp(-|x|))."""
    return emit("maximum", x, 0.0) + emit("log", emit("exp", -emit("abs", x)) + 1.0)


def softsign(call: Call) -> Value:
    """x / (1 + |x|)."""
    return call.x() / (emit("abs", call.x()) + 1.0)


def swish(call: Call) -> Value:
    """x sigmoid(alpha x)."""
    return call.x() * (call.x() * call.attribute("alpha", 1.0)).sigmoid()


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
    return emit("atan", x / emit("sqrt", (1.0 - x) * (x + 1.0)))


def acos(call: Call) -> Value:
    """2 atan(sqrt((1 - x) / (1 + x)))."""
    return emit("atan", emit("sqrt", (1.0 - call.x()) / (call.x() + 1.0))) * 2.0


def sinh(call: Call) -> Value:
    """(exp(x) - exp(-x)) / 2."""
    return (emit("exp", call.x()) - emit("exp", -call.x())) * 0.5


def cosh(call: Call) -> Value:
    """(exp(x) + exp(-x)) / 2."""
    return (emit("exp", call.x()) + emit("exp", -call.x())) * 0.5


def asinh(call: Call) -> Value:
    """sign(x) log(|x| + sqrt(x^2 + 1)): of the magnitude, so that nothing cancels below 0."""
    size = emit("abs", call.x())
    return emit("sign", call.x()) * emit("log", size + emit("sqrt", size * size + 1.0))


def acosh(call: Call) -> Value:
    """log(x + sqrt(x^2 - 1))."""
    x = call.x()
    return emit("log", x + emit("sqrt", (x - 1.0) * (x + 1.0)))


def atanh(call: Call) -> Value:
    """log((1 + x) / (1 - x)) / 2."""
    return emit("log", (call.x() + 1.0) / (1.0 - call.x())) * 0.5


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
    up = emit(
        "logical_or",
        emit("greater", part, 0.5),
        emit("logical_and", emit("equal", part, 0.5), odd),
    )
    return where(up, low + 1.0, low)


def is_inf(call: Call) -> Value:
    """Whether x is infinite, on the sides asked for."""
    signs = [
        sign
        for name, sign in (("detect_positive", 1.0), ("detect_negative", -1.0))
        if call.attribute(name, 1)
    ]
    hits = [emit("equal", call.x(), call.infinity(sign, call.x())) for sign in signs]
    return total(hits, "logical_or") if hits else emit("not_equal", call.x(), call.x())


def is_nan(call: Call) -> Value:
    """A number that differs from itself."""
    return emit("not_equal", call.x(), call.x())


def select(call: Call) -> Value:
    """x where the condition holds, else y."""
    return where(*call.all())


_SAME = (
    "Abs",
    "Cos",
    "Erf",
    "Exp",
    "Log",
    "Relu",
    "Sigmoid",
    "Sign",
    "Sin",
    "Sqrt",
    "Tanh",
    "Atan",
)
_RENAMED = {
    "And": "logical_and",
    "Equal": "equal",
    "Greater": "greater",
    "GreaterOrEqual": "greater_equal",
    "Less": "less",
    "LessOrEqual": "less_equal",
    "Mul": "multiply",
    "Or": "logical_or",
    "Sub": "subtract",
}
MAP: dict[str, Callable[[Call], Value]] = (
    {name: _unary(name.lower()) for name in _SAME}
    | {name: _binary(op) for name, op in _RENAMED.items()}
    | {
        "Max": _fold("maximum"),
        "Min": _fold("minimum"),
        "Sum": add,
        "Add": add,
        "Neg": _unary("negative"),
        "Not": _unary("logical_not"),
    }
    | {
        "Div": divide,
        "Mean": mean,
        "Mod": mod,
        "Pow": power,
        "Xor": xor,
        "Clip": clip,
        "Reciprocal": reciprocal,
        "Identity": identity,
    }
    | {
        "Elu": elu,
        "Celu": celu,
        "Selu": selu,
        "Gelu": gelu,
        "LeakyRelu": leaky_relu,
        "PRelu": prelu,
        "Binarizer": binarizer,
    }
    | {
        "ThresholdedRelu": thresholded_relu,
        "HardSigmoid": hard_sigmoid,
        "HardSwish": hard_swish,
        "Shrink": shrink,
        "Mish": mish,
    }
    | {
        "Softplus": lambda call: softplus(call.x()),
        "Softsign": softsign,
        "Swish": swish,
        "SwiGLU": swiglu,
        "Tan": tan,
    }
    | {
        "Asin": lambda call: asin(call.x()),
        "Acos": acos,
        "Sinh": sinh,
        "Cosh": cosh,
        "Asinh": asinh,
        "Acosh": acosh,
        "Atanh": atanh,
    }
    | {
        "Floor": lambda call: floor(call.x()),
        "Ceil": lambda call: -floor(-call.x()),
        "Round": lambda call: round_half_even(call.x()),
    }
    | {
        "Cast": cast,
        "CastLike": cast_like,
        "IsInf": is_inf,
        "IsNaN": is_nan,
        "Where": select,
    }
)
