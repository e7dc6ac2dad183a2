"""Optimizer steps of the domain ai.onnx.preview.training: inputs are the rate, the step
count, then parameters, gradients and states.
"""

from __future__ import annotations

from collections.abc import Callable

from bench.exam.third_party.mapping.call import Call
from models.value import Value, emit

Rule = Callable[[Call, Value, Value, tuple[Value, ...]], tuple[Value, ...]]


def optimizer(rule: Rule, states: int) -> Callable[[Call], list[Value]]:
    """A rule for one parameter, mapped over all: outputs are new parameters, then new
    states.
    """

    def mapping(call: Call) -> list[Value]:
        values = [call.x(i) for i in range(2, call.count)]
        count = len(values) // (2 + states)
        rows = [values[i * count : (i + 1) * count] for i in range(2 + states)]
        found = [
            rule(call, x, _decayed(call, x, grad), tuple(state))
            for x, grad, *state in zip(*rows, strict=True)
        ]
        return [result[i] for i in range(1 + states) for result in found]

    return mapping


def _decayed(call: Call, x: Value, grad: Value) -> Value:
    return grad + x * call.attribute("norm_coefficient", 0.0)


def momentum(
    call: Call, x: Value, grad: Value, state: tuple[Value, ...]
) -> tuple[Value, ...]:
    """v = alpha v + beta g (beta is 1 at the first step); x less v, or less g + alpha v as
    Nesterov has it.
    """
    alpha = call.attribute("alpha")
    beta = call.attribute("beta") if int(call.static(1)) > 0 else 1.0
    moved = state[0] * alpha + grad * beta
    step = moved if call.attribute("mode") == "standard" else grad + moved * alpha
    return x - call.x(0) * step, moved


def adagrad(
    call: Call, x: Value, grad: Value, state: tuple[Value, ...]
) -> tuple[Value, ...]:
    """h = h + g^2; x less g / (sqrt(h) + epsilon) at a rate that falls with the steps."""
    total = state[0] + grad * grad
    rate = call.x(0) / (
        1.0 + call.x(1).astype(x.dtype) * call.attribute("decay_factor", 0.0)
    )
    return x - rate * grad / (emit("sqrt", total) + call.attribute("epsilon", 1e-6)), total


def adam(call: Call, x: Value, grad: Value, state: tuple[Value, ...]) -> tuple[Value, ...]:
    """Running means of g and g^2; the rate is corrected for their start at 0 from the first
    step on.
    """
    alpha, beta, steps = (
        call.attribute("alpha", 0.9),
        call.attribute("beta", 0.999),
        int(call.static(1)),
    )
    first, second = (
        state[0] * alpha + grad * (1 - alpha),
        state[1] * beta + grad * grad * (1 - beta),
    )
    rate = (
        call.x(0) * ((1 - beta**steps) ** 0.5 / (1 - alpha**steps))
        if steps > 0
        else call.x(0)
    )
    new = x - rate * first / (emit("sqrt", second) + call.attribute("epsilon", 1e-6))
    return new * (1 - call.attribute("norm_coefficient_post", 0.0)), first, second


MAP = {
    "Adagrad": optimizer(adagrad, 1),
    "Adam": optimizer(adam, 2),
    "Momentum": optimizer(momentum, 1),
}
