"""Time by op of the language, with the line of the model that asks for it.

Each call of the inference graph that differs is made a program of its own and timed alone, so that
this works on every backend alike, also on one that has no profiler. What a backend fuses, or keeps
in the cache between two calls, makes the whole quicker than the sum of its parts; what a call costs
beside its work makes it slower. Both are told.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from backends.base import Backend, Program, Settings
from bench.coordinator.job import Ending, Finding, Job, Progress, worst
from bench.coordinator.spec import spec_of
from bench.parity.feeds import drawn
from bench.processes import blame
from bench.processes.blame import RAISED
from bench.processes.contract import bare, timed
from bench.records import Profile, ProfileRow
from bench.speed import alone, timing
from bench.speed.settings import Throughput as Size
from bench.speed.timing import Clock, Contender
from models import opening
from models import params as initial
from models.graph import Graph
from models.opening import Call

Turn = Callable[[], None]


@dataclass(frozen=True)
class _Bench:
    """What calls are timed with."""

    backend: Backend
    settings: Settings
    lengths: dict[str, int]
    size: Size
    clock: Clock
    turn: Turn
    rng: np.random.Generator

    def seconds(self, name: str, program: Program, inputs: Any) -> float:
        """Of one call: the median of as many samples as there are rounds."""
        # once under watch: what gives no outputs is quick, and is not what was asked
        program.run(inputs)
        plain = bare(program)
        waiting = Contender(
            name,
            alone.work(plain, inputs),
            lambda: self.backend.synchronize(self.settings.device),
            timed(plain, "run"),
        )
        self.turn()
        warm = timing.warm(waiting, seconds=self.size.seconds, clock=self.clock)
        (samples,) = timing.interleaved(
            [waiting],
            [warm.count],
            rounds=self.size.rounds,
            clock=self.clock,
            turn=self.turn,
        )
        return float(np.median(samples))


def run(
    job: Job,
    backend: Backend,
    device: str,
    progress: Progress,
    *,
    clock: Clock = time.perf_counter,
    turn: Turn = lambda: None,
) -> Finding:
    """Time the inference graph whole, then each of its calls; what raises says why."""
    spec, size = spec_of(job), job.config.throughput
    backend.pin(threads=job.config.threads)
    settings = Settings(device=device, precision=job.config.precision)
    batch = max(size.batches)
    lengths = {"batch": batch, "frames": spec.frames}
    rng = np.random.default_rng(job.config.seed)
    bench = _Bench(backend, settings, lengths, size, clock, turn, rng)
    progress("the whole", 0.0)
    whole = _whole(bench, spec.infer)
    single = opening.calls(spec.infer)
    rows, endings = [], set[Ending]()
    for done, call in enumerate(single):
        progress(f"{call.op} at {call.node.where}", done / len(single))
        row, ending = _row(bench, call)
        rows.append(row)
        endings.add(ending)
    rows.sort(key=lambda row: -(row.seconds or 0.0) * row.count)
    lost = "; ".join(f"{row.op}: {row.note}" for row in rows if row.note)
    payload = Profile(rows=tuple(rows), whole=whole, batch=batch, frames=spec.frames)
    return Finding(payload, worst(endings | {"ok"}), lost)


def _whole(bench: _Bench, graph: Graph) -> float:
    """Seconds of a call of the whole graph."""
    program = bench.backend.program(graph, bench.settings)
    program.load(initial.draw(graph.params, seed=0))
    inputs = drawn(graph.inputs, graph.noise, bench.lengths, bench.rng)
    return bench.seconds("the whole", program, program.put(inputs))


def _row(bench: _Bench, call: Call) -> tuple[ProfileRow, Ending]:
    """One call, and how its timing ended."""
    row = ProfileRow(
        op=call.op,
        where=call.node.where,
        shapes=alone.shapes(call, bench.lengths),
        count=call.count,
    )
    try:
        graph = alone.graph(call, bench.lengths, alone.itself(call))
        program = bench.backend.program(graph, bench.settings)
        inputs = program.put(alone.feeds(graph, bench.rng))
        seconds = bench.seconds(call.op, program, inputs)
    except RAISED as error:  # the others are timed all the same
        lost = blame.lost(error)
        return row.model_copy(update={"note": lost.reason}), lost.status
    return row.model_copy(update={"seconds": seconds}), "ok"
