"""Numbers of one axis against all of that axis: softmax, its logarithm, division by a norm."""

from __future__ import annotations

from bench.exam.third_party.mapping.call import Call, NotMappable, where
from bench.exam.third_party.mapping.reduce import l1, l2
from models.value import Value, emit


def softmax(call: Call) -> Value:
    """exp(x) / sum(exp(x)) along an axis."""
    _one_axis(call)
    return call.x().softmax(axis=call.attribute("axis", -1))


def log_softmax(call: Call) -> Value:
    """x - max - log(sum(exp(x - max))) along an axis."""
    _one_axis(call)
    return log_weights(call.x(), call.axis(-1))


def log_weights(x: Value, axis: int) -> Value:
    """Logarithm of the softmax."""
    # less the largest, so that no exponential overflows
    shifted = x - x.max(axis=axis, keepdims=True)
    total = emit("exp", shifted).sum(axis=axis, keepdims=True)
    return shifted - emit("log", total)


def _one_axis(call: Call) -> None:
    """The meaning changed: an older softmax went over all axes from `axis` on."""
    if call.opset < 13:
        raise NotMappable("softmax over several axes at once (before opset 13)")


def lp_normalization(call: Call) -> Value:
    """x over its 1- or 2-norm along an axis; 0 where that is 0."""
    norm = l1 if call.attribute("p", 2) == 1 else l2
    x = call.x()
    size = norm(x, (call.axis(-1),), True)
    nothing = emit("equal", size, 0.0)
    # the divisor is mended too: 0 / 0 would be NaN on the side that is not chosen
    return where(nothing, 0.0, x / where(nothing, 1.0, size))


MAP = {
    "LogSoftmax": log_softmax,
    "LpNormalization": lp_normalization,
    "Softmax": softmax,
}
