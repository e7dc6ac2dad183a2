"""More than one call, one load, one length: a program that is used as programs are.

One program of the inference graph is called again and again. What it gave before, what was
loaded before, and how long the first inputs were, must be of no account.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from backends.base import Program
from bench.coordinator.job import Progress
from bench.parity import feeds
from bench.parity.judging import Judged, exact, judge
from bench.parity.oracle import Answer, called, due
from bench.parity.placed import placed, typed
from bench.parity.repeated import repeated
from bench.parity.trial import Arrays, Trial, fits, lengths_of, shaken
from models.graph import Graph

AFTER = ("forward",)
# Words that set this rung's random numbers apart from the others'.
INPUTS, WEIGHTS = 31, 32
KIND = "calls"


def climb(trial: Trial, progress: Progress) -> Iterator[Judged]:
    """Call one program with other inputs, weights and lengths, and with the first ones again."""
    graph = trial.spec.infer
    program = trial.backend.program(graph, trial.settings)
    program.load(_of(graph, trial.params))
    progress("calls, one program", 0.0)
    first = {name: trial.feeds[name] for name in (*graph.inputs, *graph.noise)}
    yield from _looked_at(trial, program, first)
    yield from _again(trial, program, first)
    yield from _other_inputs(trial, program, first, progress)
    yield from _other_weights(trial, program, first, progress)
    yield from _other_lengths(trial, program, progress)


def _looked_at(trial: Trial, program: Program, first: Arrays) -> Iterator[Judged]:
    outputs = program.run(program.put(first))
    yield typed(program, outputs, trial.settings, graph="infer")
    tensors = {"outputs": outputs, "weights": program.weights()}
    for what, held in tensors.items():
        yield from placed(program, what, held.values(), trial.device, graph="infer")


def _again(trial: Trial, program: Program, first: Arrays) -> Iterator[Judged]:
    """The same tensors twice, and arrays that are still what they were."""
    before = {name: array.copy() for name, array in first.items()}
    fed = program.put(first)
    once = {name: program.numpy(value) for name, value in program.run(fed).items()}
    twice = {name: program.numpy(value) for name, value in program.run(fed).items()}
    yield _returned(trial, once, twice, "the same call once more")
    right = _equal(first, before)
    yield exact(KIND, "inputs are left as they were", right, graph="infer")
    yield _own_memory(trial, program, before)


def _own_memory(trial: Trial, program: Program, first: Arrays) -> Judged:
    """Tensors that were put stay as they were, whatever becomes of the caller's arrays."""
    due = {name: np.array(array) for name, array in program(first).items()}
    fed = program.put(first)
    for array in first.values():
        array.fill(0)  # a caller that fills the same array with the next batch
    came = {name: program.numpy(value) for name, value in program.run(fed).items()}
    return _returned(trial, due, came, "arrays written into after put")


def _other_inputs(
    trial: Trial, program: Program, first: Arrays, progress: Progress
) -> Iterator[Judged]:
    """Inputs A, B, A."""
    graph = trial.spec.infer
    other = _drawn(trial, graph, lengths_of(trial.spec, trial.size))
    before = program(first)
    kept = {name: np.array(array) for name, array in before.items()}
    yield from _held(trial, program, "other inputs", other, progress)
    # an array that shares memory with the framework's would change under its reader
    right = _equal(before, kept)
    yield exact(KIND, "earlier outputs are left as they were", right, graph="infer")
    before, after = kept, program(first)
    yield _returned(trial, before, after, "the first inputs after others")


def _other_weights(
    trial: Trial, program: Program, first: Arrays, progress: Progress
) -> Iterator[Judged]:
    """Weights A, B, A."""
    graph = trial.spec.infer
    rng = np.random.default_rng([trial.seed, WEIGHTS])
    others = _of(graph, shaken(trial.params, rng))
    before = program(first)
    program.load(others)
    answer = program(first)
    # what is nudged, to see how far float32 strays, are the weights that are loaded
    loaded = replace(trial, params={**trial.params, **others})
    expected = due(loaded, "calls-weights", called(graph, trial.feeds), progress)
    for name, one in expected.items():
        held = Answer(answer[name], one.value, one.apart)
        yield judge(KIND, f"{name}, other weights", held, graph="infer")
    program.load(_of(graph, trial.params))
    after = program(first)
    yield _returned(trial, before, after, "the first weights after others")


def _other_lengths(
    trial: Trial, program: Program, progress: Progress
) -> Iterator[Judged]:
    """One sample, as in production; then other lengths of every axis that is open."""
    graph = trial.spec.infer
    usual = lengths_of(trial.spec, trial.size)
    for lengths in ({**usual, "batch": 1}, _longer(graph, usual)):
        said = ", ".join(f"{axis} {lengths[axis]}" for axis in graph.axes())
        arrays = _drawn(trial, graph, lengths)
        yield from _held(trial, program, said, arrays, progress)


def _longer(graph: Graph, usual: dict[str, int]) -> dict[str, int]:
    """Other lengths of all open axes; shorter ones where the model takes them."""
    shorter = {**usual, **{axis: usual[axis] - 1 for axis in graph.axes()}}
    if shorter["batch"] > 1 and fits(graph, shorter):
        return shorter
    return {**usual, **{axis: usual[axis] + 1 for axis in graph.axes()}}


def _held(
    trial: Trial, program: Program, what: str, arrays: Arrays, progress: Progress
) -> Iterator[Judged]:
    """A call with other arrays, against the oracle."""
    own = program(arrays)
    question = f"calls-{what.replace(' ', '-').replace(',', '')}"
    expected = due(trial, question, called(trial.spec.infer, arrays), progress)
    for name, one in expected.items():
        answer = Answer(own[name], one.value, one.apart)
        yield judge(KIND, f"{name}, {what}", answer, graph="infer")


def _returned(trial: Trial, before: Arrays, after: Arrays, what: str) -> Judged:
    reason = trial.backend.repeats(trial.device)
    return repeated(KIND, what, before, after, reason=reason, graph="infer")


def _equal(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether all arrays are the same, to the bit."""
    if one.keys() != other.keys():
        return False
    pairs = ((np.asarray(one[name]), np.asarray(other[name])) for name in one)
    return all(np.array_equal(a, b, equal_nan=True) for a, b in pairs)


def _of(graph: Graph, params: Arrays) -> Arrays:
    return {name: params[name] for name in graph.params}


def _drawn(trial: Trial, graph: Graph, lengths: dict[str, int]) -> Arrays:
    rng = np.random.default_rng([trial.seed, INPUTS])
    return feeds.drawn(graph.inputs, graph.noise, lengths, rng)
