"""How rough an honest computation may be: what the bounds of the exam are made of.

One float32 run may hit the definition by luck, and would then leave no room to any other; the
largest error of several has no such luck. In these every result that float32 does not hold is
rounded up or down, by dice: so sums that cancel show how much of them is rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from backends.numpy.dice import (
    DICE,
    DIGITS,
    Kernels,
    dice,
    growing,
    halves,
    realised,
    shaken,
)
from backends.numpy.ops import kernels
from bench.exam.probe import Arrays, Probe, Results, fed, forward, marked, results_of
from bench.exam.sittings import Sheet, sittings
from models.gradient import PREFIX, gradient
from models.graph import Graph
from models.passes import decompose

T = TypeVar("T", bound=Any)
FULL = DICE + 2  # runs in float32: plain, by dice, and with sums that grow
# Tiniest sizes that errors are relative to: what is smaller may be flushed to 0, and has no
# more digits than a multiple of the smallest number has.
TINIEST = {"float32": 2.0**-102, "bfloat16": 2.0**-102, "float16": 2.0**-13}
LARGEST = {"float32": 2.0**128, "bfloat16": 2.0**128, "float16": 2.0**16}


@dataclass(frozen=True)
class Runs(Generic[T]):
    """What NumPy makes of a question: in float32, and in the question's type where it is a half."""

    full: list[T]
    half: list[T]

    def at(self, key: Any) -> Runs[np.ndarray]:
        """The same of one result, by its number or name."""
        full, half = ([run[key] for run in runs] for runs in (self.full, self.half))
        return Runs(full, half)


Slopes = tuple[Arrays, Runs[Arrays]]  # exact gradients, and what NumPy makes of them


def values(sheets: Sequence[Sheet]) -> list[list[Runs[Results]]]:
    """For each sitting of each sheet what NumPy makes of it, in several runs.

    All sheets are of one type.
    """
    graph = forward([sheet[0] for sheet in sheets])
    bodies = decompose(graph, has=())
    runs = [realised(graph, kernels(np.float32))]
    runs += [realised(bodies, table) for table in _tables(sheets)]
    found: list[list[Runs[Results]]] = [[] for _ in sheets]
    for sitting in sittings(sheets):
        feeds = fed(sitting, Probe.arrays)
        came = [run({}, shaken(feeds, seed)) for seed, run in enumerate(runs)]
        for own, (mark, _) in zip(found, marked(sitting), strict=True):
            own.append(_split([results_of(outputs, mark) for outputs in came]))
    return [own[: len(sheet)] for own, sheet in zip(found, sheets, strict=True)]


def slopes(graph: Graph, sheets: Sequence[Sheet]) -> list[list[Slopes]]:
    """The same of the gradients of a graph with a loss, and what they are in float64."""
    whole = gradient(graph)
    tables = [kernels(np.float64), kernels(np.float32), *_tables(sheets)]
    exact, *runs = (realised(whole, table) for table in tables)
    found: list[list[Slopes]] = [[] for _ in sheets]
    for sitting in sittings(sheets):
        params = fed(sitting, Probe.floats)
        wide = {name: x.astype(np.float64) for name, x in params.items()}
        came = [exact(wide, {})]
        came += [run(shaken(params, seed), {}) for seed, run in enumerate(runs)]
        for own, (mark, probe) in zip(found, marked(sitting), strict=True):
            names = [name for name in probe.floats() if name not in probe.state()]
            due, *grads = (
                {name: one[PREFIX + name + mark] for name in names} for one in came
            )
            own.append((due, _split(grads)))
    return [own[: len(sheet)] for own, sheet in zip(found, sheets, strict=True)]


def _tables(sheets: Sequence[Sheet]) -> list[Kernels]:
    """By dice, and with sums that grow; and one by one in the half, where the sheets are in one."""
    dtype = sheets[0][0].dtype
    found = [*(dice(seed) for seed in range(1, DICE + 1)), growing()]
    return [*found, *halves(dtype)] if dtype in DIGITS else found


def _split(runs: list[T]) -> Runs[T]:
    return Runs(runs[:FULL], runs[FULL:])


def settled(
    came: np.ndarray, due: np.ndarray, dtype: str
) -> tuple[np.ndarray, np.ndarray]:
    """Both without what is infinite or no number in both, or next to overflow.

    What is due was computed in float64: beyond the type it is infinite. Where one of the two
    alone is not finite, both stay as they are, and no bound is wide enough.
    """
    own, exact = np.asarray(came, np.float64), np.asarray(due, np.float64)
    if own.shape != exact.shape or dtype not in LARGEST:
        return own, exact
    most = LARGEST[dtype]
    if bool((np.abs(exact) < most / 2).all()):
        return own, exact
    held = np.where(np.abs(exact) >= most, np.copysign(np.inf, exact), exact)
    # a rounding more or less decides whether it overflows
    edge = (np.abs(exact) >= most / 2) & (np.abs(exact) < most * 2)
    same = ~np.isfinite(held) & ((own == held) | (np.isnan(own) & np.isnan(held)))
    skipped = edge | same
    return np.where(skipped, 0.0, own), np.where(skipped, 0.0, held)


def finite(arrays: Sequence[np.ndarray], dtype: str) -> bool:
    """Whether all results are numbers that the type holds."""
    most = LARGEST.get(dtype, np.inf)
    return all(bool((np.abs(array) < most).all()) for array in arrays)
