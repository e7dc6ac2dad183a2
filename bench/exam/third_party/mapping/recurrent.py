"""Recurrent layers, unrolled step by step: RNN, GRU and LSTM in one or both directions.

Axes: t steps, b batch, i input, h hidden; gates are stacked in the weights' first axis.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bench.exam.third_party.mapping.call import Call, NotMappable, lengths
from models.value import Value, emit


@dataclass(frozen=True)
class Weights:
    """Of one direction: (gates * h, i), (gates * h, h), (2, gates * h), and peepholes (3 *
    h,) where the layer has them.
    """

    inputs: Value
    hidden: Value
    bias: Value
    peepholes: Value | None

    def gates(self, x: Value, state: Value, count: int) -> tuple[list[Value], list[Value]]:
        """What each gate gets from the input and from the state, biases included."""
        ours, theirs = self.bias.unstack(axis=0)
        pair = (
            emit("linear", x, self.inputs, ours),
            emit("linear", state, self.hidden, theirs),
        )
        left, right = (list(value.split(count, axis=1)) for value in pair)
        return left, right


States = tuple[Value, ...]
Step = Callable[[Call, Weights, Value, States], States]


def rnn_step(call: Call, weights: Weights, x: Value, states: States) -> States:
    """h = tanh(W x + R h + b)."""
    [left], [right] = weights.gates(x, states[0], 1)
    return (emit("tanh", left + right),)


def gru_step(call: Call, weights: Weights, x: Value, states: States) -> States:
    """h = (1 - z) n + z h, where n sees h through the reset gate r: before its weights, or
    after them (linear_before_reset).
    """
    (keep, reset, new), (keep_h, reset_h, new_h) = weights.gates(x, states[0], 3)
    z, r = (keep + keep_h).sigmoid(), (reset + reset_h).sigmoid()
    if call.attribute("linear_before_reset", 0):
        seen = r * new_h
    else:
        matrix, bias = (
            weights.hidden.split(3, axis=0)[2],
            weights.bias.unstack(axis=0)[1].split(3, axis=0)[2],
        )
        seen = emit("linear", r * states[0], matrix, bias)
    return ((1.0 - z) * emit("tanh", new + seen) + z * states[0],)


def lstm_step(call: Call, weights: Weights, x: Value, states: States) -> States:
    """c = f c + i tanh(n), h = o tanh(c); with peepholes the gates see c too."""
    left, right = weights.gates(x, states[0], 4)
    into, out, forget, new = (a + b for a, b in zip(left, right, strict=True))
    cell, peep = (
        states[1],
        (weights.peepholes.split(3, axis=0) if weights.peepholes is not None else None),
    )
    if peep:
        into, forget = into + cell * peep[0], forget + cell * peep[2]
    cell = forget.sigmoid() * cell + into.sigmoid() * emit("tanh", new)
    out = out + cell * peep[1] if peep else out
    return out.sigmoid() * emit("tanh", cell), cell


def layer(step: Step, gates: int, states: int) -> Callable[[Call], list[Value]]:
    """A mapping of a recurrent operator: all outputs, and the last states."""

    def mapping(call: Call) -> list[Value]:
        _usual(call)
        batch_first = call.attribute("layout", 0)
        x = call.x().permute_dims((1, 0, 2)) if batch_first else call.x()
        runs = [
            _direction(call, step, x, gates, states, i)
            for i in range(lengths(call.x(1))[0])
        ]
        outputs = _stacked([run[0] for run in runs], axis=1)  # (t, directions, b, h)
        # (directions, b, h)
        last = [_stacked([run[1][s] for run in runs], axis=0) for s in range(states)]
        if not batch_first:
            return [outputs, *last]
        return [
            outputs.permute_dims((2, 0, 1, 3)),
            *(state.permute_dims((1, 0, 2)) for state in last),
        ]

    return mapping


def _usual(call: Call) -> None:
    """Activations as they are by default, nothing clipped, every sequence of full length."""
    steps = lengths(call.x())[1 if call.attribute("layout", 0) else 0]
    if any(
        call.attribute(name)
        for name in ("activations", "activation_alpha", "clip", "input_forget")
    ):
        raise NotMappable("a recurrent layer with other activations than the usual ones")
    if call.has(4) and any(length != steps for length in call.ints(4)):
        raise NotMappable("sequences of differing length")


def _direction(
    call: Call, step: Step, x: Value, gates: int, states: int, i: int
) -> tuple[Value, States]:
    """All steps of direction `i`, in the order of time, and the states after the last one."""
    weights, now = _weights(call, gates, i), _start(call, lengths(x)[1], states, i)
    backwards = call.attribute("direction", "forward") == "reverse" or i == 1
    outputs = []
    for item in list(x.unstack(axis=0))[:: -1 if backwards else 1]:
        now = step(call, weights, item, now)
        outputs.append(now[0])
    return _stacked(outputs[:: -1 if backwards else 1], axis=0), now


def _weights(call: Call, gates: int, i: int) -> Weights:
    width = gates * call.attribute("hidden_size")
    bias = (
        _pick(call.x(3), i) if call.has(3) else call.constant(np.zeros(2 * width), call.x())
    )
    return Weights(
        _pick(call.x(1), i),
        _pick(call.x(2), i),
        bias.reshape((2, width)),
        _pick(call.x(7), i) if call.has(7) else None,
    )


def _start(call: Call, batch: int, states: int, i: int) -> States:
    """Initial states: those given, else zeros."""
    zeros = np.zeros((batch, call.attribute("hidden_size")))
    return tuple(
        _pick(call.x(5 + s), i) if call.has(5 + s) else call.constant(zeros, call.x())
        for s in range(states)
    )


def _pick(x: Value, i: int) -> Value:
    return list(x.unstack(axis=0))[i]


def _stacked(values: Sequence[Value], *, axis: int) -> Value:
    return values[0].stack(*values[1:], axis=axis)


MAP = {
    "GRU": layer(gru_step, 3, 1),
    "LSTM": layer(lstm_step, 4, 2),
    "RNN": layer(rnn_step, 1, 1),
}
