"""What each op of the language costs on a backend, alone in a graph.

`pytest tests/benchmarks/bench_ops.py --backends=torch --benchmark-only`. Inputs are those of the
op's first case in the exam, with thousands of results where its shapes can grow.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from backends.base import Backend, Settings, Unsupported
from bench.exam import arrangements
from bench.exam.draws import draw
from bench.exam.probe import Probe
from models import ops

SEED = 0


def probe(op: str) -> Probe:
    """One op with inputs."""
    case = ops.get(op).cases[0]
    own = Probe(op, draw(case, (SEED,)), case.attributes)
    if shapes := arrangements.enlarged(own):
        case = replace(case, shapes=shapes)
    return replace(own, operands=draw(case, (SEED,)))


@pytest.mark.benchmark(group="ops", max_time=0.1, warmup=True, warmup_iterations=10)
@pytest.mark.parametrize("op", [name for name, op in ops.table().items() if op.cases])
def test_op(op: str, pinned: Backend, benchmark: Any) -> None:
    asked = probe(op)
    try:
        program = pinned.program(asked.graph(), Settings())
        feeds = program.put(asked.arrays())
        program.run(feeds)
    except Unsupported as error:
        pytest.skip(f"a gap: {error}")

    def once() -> None:
        program.run(feeds)
        pinned.synchronize("cpu")

    benchmark(once)
