"""What each model of the zoo costs on a backend: inference, and a training step.

`pytest tests/benchmarks/bench_models.py --backends=torch --benchmark-only --benchmark-autosave`,
then another backend with `--benchmark-compare --benchmark-group-by=name`. `--preset
small` times larger ones. One thread, inputs on the device beforehand.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import models
from backends.base import Backend, Settings, Unsupported
from bench.parity.feeds import drawn
from models import params
from models.graph import Graph
from models.optim import Optimizer
from models.spec import Spec

BATCH = 16
# so small that the weights, and with them the work, hardly change over the rounds
ADAMW = Optimizer("adamw", 1e-6, 0.01)
timed = pytest.mark.benchmark(max_time=1.0, min_rounds=5, warmup=False)
every = pytest.mark.parametrize("model", models.names())


@pytest.fixture
def spec(model: str, pytestconfig: pytest.Config) -> Spec:
    """Both graphs at the size that was asked for."""
    return models.build(model, preset=pytestconfig.getoption("--preset"))


def feeds(graph: Graph, spec: Spec, *, noise: bool) -> Mapping[str, np.ndarray]:
    """Random inputs of a call; noise where nobody draws it."""
    lengths = {"batch": BATCH, "frames": spec.frames}
    rng = np.random.default_rng(0)
    return drawn(graph.inputs, graph.noise if noise else {}, lengths, rng)


@timed
@every
def test_infer(model: str, spec: Spec, pinned: Backend, benchmark: Any) -> None:
    program = pinned.program(spec.infer, Settings())
    program.load(params.draw(spec.infer.params, seed=0))
    fed = program.put(feeds(spec.infer, spec, noise=True))

    def once() -> None:
        program.run(fed)
        pinned.synchronize("cpu")

    once()  # compiles
    benchmark.group = "infer"
    benchmark.extra_info.update(batch=BATCH, frames=spec.frames)
    benchmark(once)


@timed
@every
def test_train(model: str, spec: Spec, pinned: Backend, benchmark: Any) -> None:
    try:
        trainer = pinned.trainer(spec.train, ADAMW, Settings(draw_noise=True))
    except Unsupported as error:
        pytest.skip(f"a gap: {error}")
    trainer.program.load(params.draw(spec.train.params, seed=0))
    fed = trainer.program.put(feeds(spec.train, spec, noise=False))

    def once() -> None:
        trainer.step(fed)
        pinned.synchronize("cpu")

    once()  # compiles
    benchmark.group = "train"
    benchmark.extra_info.update(batch=BATCH, frames=spec.frames)
    benchmark(once)
