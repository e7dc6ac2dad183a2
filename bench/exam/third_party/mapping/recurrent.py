"""Recurrent layers, unrolled step by step: RNN, GRU and LSTM in one or both directions.

Axes: t steps, b batch, i input, h hidden; gates are stacked in the weights' first axis.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bench.exam.third_party.mapping.call import Call, NotMappable, lengths
from models.value import Value, emit

# Places of the inputs, which the three operators share. There is a row of each for a direction.
INPUT_WEIGHTS = 1
HIDDEN_WEIGHTS = 2
BIAS = 3
LENGTHS = 4
FIRST_STATE = 5
PEEPHOLES = 7
# Attributes that make another layer of it.
UNUSUAL = ("activations", "activation_alpha", "clip", "input_forget")
GRU_GATES = 3  # stacked in this order: update z, reset r, new n
LSTM_GATES = 4  # input i, output o, forget f, new n
LSTM_PEEPHOLES = 3  # of the input, output and forget gate


@dataclass(frozen=True)
class Weights:
    """Of one direction."""

    inputs: Value  # (gates * h, i)
    hidden: Value  # (gates * h, h)
    # (2, gates * h): added to what comes from the input, and from the state
    bias: Value
    peepholes: Value | None  # (3 * h,), where the layer has them

    def gates(
        self,
        x: Value,
        state: Value,
        count: int,
    ) -> tuple[list[Value], list[Value]]:
        """What each gate gets from the input and from the state, biases included."""
        ours, theirs = self.bias.unstack(axis=0)
        left = emit("linear", x, self.inputs, ours)
        right = emit("linear", state, self.hidden, theirs)
        return list(left.split(count, axis=1)), list(right.split(count, axis=1))


States = tuple[Value, ...]  # the hidden state (b, h), in an LSTM also the cell (b, h)
# weights of a direction, input of a step and states before it -> states after it
Step = Callable[[Call, Weights, Value, States], States]


@dataclass(frozen=True)
class Layer:
    """One of the three operators."""

    step: Step
    gates: int
    states: int


def rnn_step(
    call: Call,
    weights: Weights,
    x: Value,
    states: States,
) -> States:
    """h = tanh(W x + R h + b)."""
    [left], [right] = weights.gates(x, states[0], 1)
    return (emit("tanh", left + right),)


def gru_step(
    call: Call,
    weights: Weights,
    x: Value,
    states: States,
) -> States:
    """h = (1 - z) n + z h, where n sees h through the reset gate r.

    Before its weights, or after them (linear_before_reset).
    """
    [hidden] = states
    from_x, from_h = weights.gates(x, hidden, GRU_GATES)
    keep, reset, new = from_x
    keep_h, reset_h, new_h = from_h
    z = (keep + keep_h).sigmoid()
    r = (reset + reset_h).sigmoid()
    if call.flag("linear_before_reset"):
        seen = r * new_h
    else:
        # computed anew: the gates share one product with h, and this one is with r h
        _, _, matrix = weights.hidden.split(GRU_GATES, axis=0)
        _, theirs = weights.bias.unstack(axis=0)
        _, _, bias = theirs.split(GRU_GATES, axis=0)
        seen = emit("linear", r * hidden, matrix, bias)
    return ((1.0 - z) * emit("tanh", new + seen) + z * hidden,)


def lstm_step(
    call: Call,
    weights: Weights,
    x: Value,
    states: States,
) -> States:
    """c = f c + i tanh(n), h = o tanh(c); with peepholes the gates see c too."""
    hidden, cell = states
    pairs = zip(*weights.gates(x, hidden, LSTM_GATES), strict=True)
    into, out, forget, new = (left + right for left, right in pairs)
    if weights.peepholes is None:
        cell = forget.sigmoid() * cell + into.sigmoid() * emit("tanh", new)
        return out.sigmoid() * emit("tanh", cell), cell
    peep_into, peep_out, peep_forget = weights.peepholes.split(LSTM_PEEPHOLES, axis=0)
    into, forget = into + cell * peep_into, forget + cell * peep_forget
    cell = forget.sigmoid() * cell + into.sigmoid() * emit("tanh", new)
    # the output gate sees the cell as this step leaves it, the others as they found it
    out = out + cell * peep_out
    return out.sigmoid() * emit("tanh", cell), cell


def mapped(layer: Layer) -> Callable[[Call], list[Value]]:
    """A mapping of a recurrent operator: all outputs, and the last states."""

    def mapping(call: Call) -> list[Value]:
        _usual(call)
        batch_first = call.flag("layout")
        x = call.x()
        if batch_first:
            x = x.permute_dims((1, 0, 2))  # (t, b, i)
        directions = lengths(call.x(INPUT_WEIGHTS))[0]
        runs = [_direction(call, layer, x, i) for i in range(directions)]
        outputs = _stacked([run for run, _ in runs], axis=1)  # (t, directions, b, h)
        ends = zip(*(states for _, states in runs), strict=True)
        last = [_stacked(state, axis=0) for state in ends]  # (directions, b, h) each
        if not batch_first:
            return [outputs, *last]
        turned = [state.permute_dims((1, 0, 2)) for state in last]  # (b, directions, h)
        return [outputs.permute_dims((2, 0, 1, 3)), *turned]

    return mapping


def _usual(call: Call) -> None:
    """Activations as they are by default, nothing clipped, every sequence of full length."""
    if any(call.attribute(name) for name in UNUSUAL):
        raise NotMappable(
            "a recurrent layer with other activations than the usual ones"
        )
    steps = lengths(call.x())[1 if call.flag("layout") else 0]
    if call.has(LENGTHS) and any(length != steps for length in call.ints(LENGTHS)):
        raise NotMappable("sequences of differing length")


def _direction(
    call: Call,
    layer: Layer,
    x: Value,
    i: int,
) -> tuple[Value, States]:
    """All steps of direction `i`, in the order of time, and the states after the last one."""
    weights = _weights(call, layer, i)
    states = _start(call, layer, lengths(x)[1], i)
    # of two directions the second goes backwards
    order = -1 if call.attribute("direction") == "reverse" or i == 1 else 1
    outputs = []
    for item in list(x.unstack(axis=0))[::order]:
        states = layer.step(call, weights, item, states)
        outputs.append(states[0])
    return _stacked(outputs[::order], axis=0), states


def _weights(call: Call, layer: Layer, i: int) -> Weights:
    """Those of direction `i`; a bias that is left out is 0."""
    width = layer.gates * call.attribute("hidden_size")
    if call.has(BIAS):
        bias = _pick(call.x(BIAS), i)
    else:
        bias = call.constant(np.zeros(2 * width), call.x())
    return Weights(
        inputs=_pick(call.x(INPUT_WEIGHTS), i),
        hidden=_pick(call.x(HIDDEN_WEIGHTS), i),
        bias=bias.reshape((2, width)),
        peepholes=_pick(call.x(PEEPHOLES), i) if call.has(PEEPHOLES) else None,
    )


def _start(
    call: Call,
    layer: Layer,
    batch: int,
    i: int,
) -> States:
    """Initial states: those given, else zeros."""
    zeros = np.zeros((batch, call.attribute("hidden_size")))
    states: list[Value] = []
    for place in range(FIRST_STATE, FIRST_STATE + layer.states):
        if call.has(place):
            states.append(_pick(call.x(place), i))
        else:
            states.append(call.constant(zeros, call.x()))
    return tuple(states)


def _pick(x: Value, i: int) -> Value:
    return list(x.unstack(axis=0))[i]


def _stacked(values: Sequence[Value], *, axis: int) -> Value:
    return values[0].stack(*values[1:], axis=axis)


MAP = {
    "GRU": mapped(Layer(gru_step, GRU_GATES, states=1)),
    "LSTM": mapped(Layer(lstm_step, LSTM_GATES, states=2)),
    "RNN": mapped(Layer(rnn_step, gates=1, states=1)),
}
