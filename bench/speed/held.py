"""What timed calls gave, against the float64 reference: the numbers that were timed, no others.

A sample of a batch is computed on its own by every inference graph, so that the first, the last
and one by chance are enough; a training step's loss is of the whole batch.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from backends.base import Arrays, Settings
from backends.numpy.halves import DIGITS
from backends.numpy.program import NumpyProgram
from bench.parity import budget
from bench.parity.feeds import drawn
from bench.parity.oracle import MORE, NUDGES
from bench.parity.trial import nudged
from bench.speed.evidence import Held
from models import dims
from models.flops import flops
from models.graph import FLOATS, Graph, Type

AFFORDED = 2e10  # operations of all NumPy calls of one check: some seconds on one core
CALLS = 1 + len(NUDGES) + len(MORE)  # at most: the reference, and float32 around it
# Of a half, root mean squares in those of NumPy rounded to it: beyond, something else was
# computed, or in another precision. As in the pipeline's oracle.
MOST, LEAST = 2.5, 0.2
TOO_EXACT = 16.0  # times nearer than rounding allows: not rounded, as on the ladder
ROUNDINGS = 8.0  # of the half, that a few numbers may be off by luck
DRAWS = 8  # losses of NumPy's own noise, where a step draws it
LUCK = 5.0  # times their range around them: a loss of the same kind is never beyond


def outputs(graph: Graph, params: Arrays, fed: Arrays, came: Arrays, half: str) -> Held:
    """Of an inference graph; `half` is bf16 or fp16 where one was asked for, else empty."""
    batch = _batch(graph, fed)
    if batch is None:
        return Held(unchecked="no input has the batch as its first axis")
    # and one that nobody can know beforehand, who would compute those two alone
    rows = sorted({0, batch - 1, secrets.randbelow(batch)})
    lengths = _lengths(graph, fed) | {"batch": len(rows)}
    if reason := _dear(graph, lengths):
        return Held(unchecked=reason)
    types = {**graph.inputs, **{name: one.type for name, one in graph.noise.items()}}
    some = {name: _picked(types[name], array, rows) for name, array in fed.items()}
    made = {name: graph.types[value] for name, value in graph.outputs.items()}
    judged = {
        name: type_
        for name, type_ in made.items()
        if type_.dtype in FLOATS and _of_batch(type_)
    }
    if any(came[name].shape[:1] != (batch,) for name in judged):
        return Held(error=float("inf"), bound=budget.bound("forward", 0.0))
    own = {name: _picked(type_, came[name], rows) for name, type_ in judged.items()}
    return _against(graph, params, some, own, half)


def loss(graph: Graph, params: Arrays, fed: Arrays, came: float, half: str) -> Held:
    """Of a train graph with the weights that the step began with.

    A graph with noise drew its own: its loss is held against the range of some others.
    """
    if reason := _dear(graph, _lengths(graph, fed)):
        return Held(unchecked=reason)
    own = {"loss": np.asarray(came)}
    if not graph.noise:
        inputs = {name: fed[name] for name in graph.inputs}
        return _against(graph, params, inputs, own, half, kind="loss")
    found = np.array(list(_drawn_losses(graph, params, fed)))
    if not np.isfinite(found).all():
        return Held(unchecked="the reference itself is not finite")
    middle, spread = float(np.median(found)), float(np.ptp(found))
    size = abs(middle) or 1.0
    bound = LUCK * spread / size + budget.bound("loss", 0.0) + _rounding(half)
    return Held(error=abs(came - middle) / size, bound=bound)


def _rounding(half: str) -> float:
    return ROUNDINGS * 2.0 ** -DIGITS[half] if half else 0.0


def _drawn_losses(graph: Graph, params: Arrays, fed: Arrays) -> Iterator[float]:
    lengths = _lengths(graph, fed)
    for seed in range(DRAWS):
        program = NumpyProgram(graph, Settings(precision="fp32"))
        program.load(params)
        noise = drawn({}, graph.noise, lengths, np.random.default_rng([seed, DRAWS]))
        yield float(program({**fed, **noise})["loss"])


def _against(
    graph: Graph,
    params: Arrays,
    fed: Arrays,
    own: Arrays,
    half: str,
    *,
    kind: str = "forward",
) -> Held:
    """The worst output beside what is due, in the budget of the parity ladder."""
    due = _asked(graph, params, fed, "fp64")
    if not all(np.isfinite(due[name]).all() for name in own):
        return Held(unchecked="the reference itself is not finite")
    if half:
        rough = _asked(graph, params, fed, half)
        halves = {n: _of_half(own[n], due[n], rough[n], half) for n in own}
        # others may be sums, which frameworks keep in float32
        shown = "pose" if "pose" in halves else next(iter(halves))
        return _worst(
            [
                one if name == shown else replace(one, like="")
                for name, one in halves.items()
            ]
        )
    apart = dict.fromkeys(own, 0.0)
    for nudge in NUDGES:
        shaken = nudged(params, [nudge, CALLS]) if nudge else params
        rough = _asked(graph, shaken, fed, "fp32")
        apart = {n: max(apart[n], budget.error(rough[n], due[n])) for n in own}
    found = _worst(
        [Held(budget.error(own[n], due[n]), budget.bound(kind, apart[n])) for n in own]
    )
    return _named(found, graph, params, fed, own, due)


def _of_half(own: np.ndarray, due: np.ndarray, rough: np.ndarray, half: str) -> Held:
    """By root mean squares; one that is as exact as float32 did not run in the half."""
    size = _size(due) or 1.0
    error, yardstick = (_size(one - due) / size for one in (own, rough))
    held = Held(error, max(MOST * yardstick, _rounding(half)))
    # one rounding at the end, which NumPy makes and a framework need not, says nothing
    rounded = yardstick > 2.0 ** -(DIGITS[half] + 1) and own.size > DRAWS
    too_exact = rounded and error * TOO_EXACT < yardstick
    return replace(held, like="float32") if too_exact else held


def _named(
    held: Held, graph: Graph, params: Arrays, fed: Arrays, own: Arrays, due: Arrays
) -> Held:
    """With the half whose error it is, where float32's budget is broken just so far."""
    if held.error is None or held.bound is None or held.error <= held.bound:
        return held
    for half in reversed(DIGITS):
        rough = _asked(graph, params, fed, half)
        yardstick = max(budget.error(rough[name], due[name]) for name in own)
        if LEAST * yardstick < held.error < MOST * yardstick:
            return replace(held, like=half)
    return held


def _worst(found: list[Held]) -> Held:
    """The one that says another precision, else the one nearest to its bound or beyond."""
    return max(found, key=lambda one: (bool(one.like), _share(one)))


def _share(held: Held) -> float:
    error = held.error if held.error is not None else float("inf")
    return error / held.bound if held.bound else error


def _asked(graph: Graph, params: Arrays, fed: Arrays, precision: str) -> Arrays:
    program = NumpyProgram(graph, Settings(precision=precision))
    program.load(params)
    came = program(fed)
    return {name: np.asarray(value, np.float64) for name, value in came.items()}


def _size(array: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(np.asarray(array, np.float64)))))


def _dear(graph: Graph, lengths: Mapping[str, int]) -> str:
    """Why the reference is not asked; empty where it can be afforded."""
    operations = CALLS * flops(graph, lengths)
    if operations <= AFFORDED:
        return ""
    return f"the NumPy reference would take {operations / 1e9:.0f} GFLOP"


def _lengths(graph: Graph, fed: Arrays) -> dict[str, int]:
    """What the open axes were in a call."""
    found = {}
    for name, type_ in graph.inputs.items():
        for dim, length in zip(type_.shape, fed[name].shape, strict=True):
            if not isinstance(dim, int) and str(dim) in graph.axes():
                found[str(dim)] = length
    return found


def _batch(graph: Graph, fed: Arrays) -> int | None:
    for name, type_ in graph.inputs.items():
        if _of_batch(type_):
            return len(fed[name])
    return None


def _of_batch(type_: Type) -> bool:
    """Whether the first axis is the batch."""
    first = type_.shape[:1]
    lengths = ({"batch": 2, "frames": 97}, {"batch": 3, "frames": 89})
    try:
        return [dims.bind(first, one) for one in lengths] == [(2,), (3,)]
    except (KeyError, ValueError):
        return False


def _picked(type_: Type, array: np.ndarray, rows: list[int]) -> np.ndarray:
    return array[rows] if _of_batch(type_) else array
