"""Ways round an op beside its kernel, at a model's own shapes: the price of doing without it.

Of each op the call of the train graph with the most FLOPs or elements is timed, alone, forward.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from backends.base import Backend, Program, Settings
from bench.coordinator.job import Ending, Finding, Job, Progress, worst
from bench.coordinator.spec import spec_of
from bench.feasibility import routes
from bench.feasibility.needs import flops
from bench.processes import blame
from bench.processes.blame import RAISED
from bench.processes.contract import bare, timed
from bench.records import Detour, Detours
from bench.speed import alone, timing
from bench.speed.alone import Lengths
from bench.speed.settings import Throughput as Size
from bench.speed.timing import Clock, Contender
from models import dims, opening
from models.graph import Graph
from models.opening import Call

NEAR = 1e-3  # of the largest value; beyond, two programs do not compute the same


def run(
    job: Job,
    backend: Backend,
    device: str,
    progress: Progress,
    *,
    clock: Clock = time.perf_counter,
    turn: Callable[[], None] = lambda: None,
) -> Finding:
    """Time each op of the model that has a route; `turn` returns when this worker may compute."""
    spec = spec_of(job)
    size = job.config.throughput
    backend.pin(threads=job.config.threads)
    settings = Settings(device=device, precision=job.config.precision)
    batch = size.train_batch[0]
    lengths = {"batch": batch, "frames": spec.frames}
    largest = _largest(spec.train, lengths)
    rows: list[Detour] = []
    endings: set[Ending] = {"ok"}
    for op, (call, count) in largest.items():
        progress(op, len(rows) / len(largest))
        row = Detour(op=op, shapes=alone.shapes(call, lengths), count=count)
        try:
            pair = _Pair(call, backend, settings, lengths, job.config.seed)
            found = _timed(pair, size, clock, turn)
        except RAISED as error:  # the others are timed all the same
            lost = blame.lost(error)
            endings.add(lost.status)
            found = {"note": lost.reason}
        else:
            endings.add("invalid" if found.get("note") else "ok")
        rows.append(row.model_copy(update=found))
    notes = [f"{row.op}: {row.note}" for row in rows if row.note]
    payload = Detours(rows=tuple(rows), batch=batch)
    return Finding(payload, worst(endings), "; ".join(notes))


class _Pair:
    """One call by its kernel and by its route, with the same inputs."""

    def __init__(
        self,
        call: Call,
        backend: Backend,
        settings: Settings,
        lengths: Lengths,
        seed: int,
    ) -> None:
        route = routes.table()[call.op]
        self.error = route.ERROR
        own = alone.graph(call, lengths, alone.itself(call))
        other = alone.graph(call, lengths, route.route)
        feeds = alone.feeds(own, np.random.default_rng(seed))
        made = (backend.program(graph, settings) for graph in (own, other))
        self._pairs = [(program, program.put(feeds)) for program in made]
        self._wait = lambda: backend.synchronize(settings.device)

    def contenders(self) -> list[Contender]:
        """What is timed: the kernel first."""
        found = []
        for name, (program, feeds) in zip(
            ("kernel", "route"), self._pairs, strict=True
        ):
            plain = bare(program)
            work, call = alone.work(plain, feeds), timed(plain, "run")
            found.append(Contender(name, work, self._wait, call))
        return found

    def apart(self) -> float:
        """How far the two answers are from each other, as a part of the largest; the worst."""
        kernel, route = (self._answers(*pair) for pair in self._pairs)
        return max(apart(kernel[name], route[name]) for name in kernel)

    def _answers(self, program: Program, feeds: Any) -> dict[str, np.ndarray]:
        found = program.run(feeds)
        return {
            name: np.asarray(program.numpy(found[name]), np.float64)
            for name in program.graph.outputs
        }


def apart(due: np.ndarray, came: np.ndarray) -> float:
    """The largest difference as a part of the largest value that is due."""
    off = float(np.abs(due - came).max(initial=0.0))
    largest = float(np.abs(due).max(initial=0.0))
    if off and not largest:
        # of zeros alone there is no part
        return np.inf
    return off / largest if off else 0.0


def _timed(
    pair: _Pair, size: Size, clock: Clock, turn: Callable[[], None]
) -> dict[str, Any]:
    """Fields of a row: seconds in turns, or why there are none."""
    turn()
    apart = pair.apart()
    # written so that NaN is no agreement
    if not apart <= max(NEAR, 2 * pair.error):
        return {
            "note": f"kernel and way round differ by {apart:.2g} of the largest value"
        }
    both = pair.contenders()
    counts = [timing.warm(one, seconds=size.seconds, clock=clock).count for one in both]
    kernel, route = timing.interleaved(
        both, counts, rounds=size.rounds, clock=clock, turn=turn
    )
    if min(kernel) <= 0:
        return {"note": "the clock stood still"}
    ratios = [b / a for a, b in zip(kernel, route, strict=True)]
    low, high = timing.interval(ratios)
    return {
        "kernel": float(np.median(kernel)),
        "route": float(np.median(route)),
        "ratio": float(np.median(ratios)),
        "low": low,
        "high": high,
    }


def _largest(graph: Graph, lengths: Lengths) -> dict[str, tuple[Call, int]]:
    """By op with a route, the call that costs most, and how many there are of the op."""
    found: dict[str, list[Call]] = {}
    for call in opening.calls(graph):
        # down to primitives: what a framework without fused kernels would ask for
        for leaf in opening.leaves(call, ()):
            if leaf.op in routes.table():
                found.setdefault(leaf.op, []).append(leaf)
    return {
        op: (max(of, key=lambda call: _weight(call, lengths)), _count(of))
        for op, of in sorted(found.items())
    }


def _count(calls: Iterable[Call]) -> int:
    return sum(call.count for call in calls)


def _weight(call: Call, lengths: Lengths) -> tuple[int, int]:
    """FLOPs of one call; of what computes nothing, the elements that it reads and makes."""
    made = [dims.bind(type_.shape, lengths) for type_ in call.node.outputs]
    shapes = [*alone.shapes(call, lengths), *made]
    return flops(call, lengths) // call.count, sum(map(int, map(np.prod, shapes)))
