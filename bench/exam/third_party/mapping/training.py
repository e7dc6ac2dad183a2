"""Optimizer steps of the domain ai.onnx.preview.training.

Inputs are the rate, the step count, then parameters, gradients and states.
"""

from __future__ import annotations

from collections.abc import Callable

from bench.exam.third_party.mapping.call import Call
from models.value import Value, emit

States = tuple[Value, ...]
# parameter, gradient, states -> new parameter and new states
Rule = Callable[[Call, Value, Value, States], States]


RATE, STEP, FIRST = 0, 1, 2  # places of the inputs; parameters come first


def optimizer(rule: Rule, states: int) -> Callable[[Call], list[Value]]:
    """A rule for one parameter, mapped over all.

    Outputs are new parameters, then new states.
    """

    def mapping(call: Call) -> list[Value]:
        values = [call.x(i) for i in range(FIRST, call.count)]
        # all parameters, then all gradients, then each kind of state of all
        kinds = 2 + states
        count = len(values) // kinds
        rows = [values[i * count : (i + 1) * count] for i in range(kinds)]
        found = [
            rule(call, x, _decayed(call, x, grad), tuple(state))
            for x, grad, *state in zip(*rows, strict=True)
        ]
        return [result[i] for i in range(1 + states) for result in found]

    return mapping


def _decayed(call: Call, x: Value, grad: Value) -> Value:
    """The gradient of the loss and of a squared norm."""
    return grad + x * call.attribute("norm_coefficient", 0.0)


def momentum(
    call: Call,
    x: Value,
    grad: Value,
    state: States,
) -> States:
    """v = alpha v + beta g (beta is 1 at the first step).

    Then x less v, or less g + alpha v as Nesterov has it.
    """
    alpha = call.attribute("alpha")
    beta = call.attribute("beta") if int(call.static(STEP)) > 0 else 1.0
    moved = state[0] * alpha + grad * beta
    step = moved if call.attribute("mode") == "standard" else grad + moved * alpha
    return x - call.x(RATE) * step, moved


def adagrad(
    call: Call,
    x: Value,
    grad: Value,
    state: States,
) -> States:
    """h = h + g^2; x less g / (sqrt(h) + epsilon) at a rate that falls with the steps."""
    total = state[0] + grad * grad
    # The step count is data here, where momentum and adam make another graph of it.
    steps = call.x(STEP).astype(x.dtype)
    rate = call.x(RATE) / (1.0 + steps * call.attribute("decay_factor", 0.0))
    size = emit("sqrt", total) + call.attribute("epsilon", 1e-6)
    return x - rate * grad / size, total


def adam(
    call: Call,
    x: Value,
    grad: Value,
    state: States,
) -> States:
    """Running means of g and g^2.

    The rate is corrected for their start at 0 from the first step on.
    """
    alpha = call.attribute("alpha", 0.9)
    beta = call.attribute("beta", 0.999)
    first = state[0] * alpha + grad * (1 - alpha)
    second = state[1] * beta + grad * grad * (1 - beta)
    rate = call.x(RATE)
    steps = int(call.static(STEP))
    # before the first step there is nothing to correct, and the quotient is 0 / 0
    if steps > 0:
        # of the second mean the root is taken
        unbiased = (1 - beta**steps) ** 0.5 / (1 - alpha**steps)
        rate = rate * unbiased
    size = emit("sqrt", second) + call.attribute("epsilon", 1e-6)
    new = x - rate * first / size
    return new * (1 - call.attribute("norm_coefficient_post", 0.0)), first, second


MAP = {
    "Adagrad": optimizer(adagrad, 1),
    "Adam": optimizer(adam, 2),
    "Momentum": optimizer(momentum, 1),
}
