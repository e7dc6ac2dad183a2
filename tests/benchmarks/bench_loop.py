"""What the training loop costs over the bare native step: batches, rates, curves, signals.

Run: `OMP_NUM_THREADS=1 python -m pytest tests/benchmarks/bench_loop.py --backends=torch
--benchmark-only`. Some steps of the loop and as many bare ones on a batch that lies ready, by
the same trainer, take turns; validation and checkpoints are left out, which come every so
many steps and not in each. The ratio is told beside what is due, never asserted.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from backends.base import Backend
from bench.config import Config, Model, Train
from bench.coordinator.job import Job
from bench.training.feed import split_of
from bench.training.loop import Loop
from bench.training.task import loop_of
from tests.benchmarks.rounds import told

SECONDS = 20.0
STEPS = 10  # of each in a round
DUE = 1.03
# motionbert at its small size, and a network whose steps are next to nothing
MODELS = {"motionbert": 8, "simple_baseline": 64}


def loop(model: str, batch: int, backend: Backend, folder: Path) -> Loop:
    """A training that neither validates nor saves."""
    train = Train(batch=batch, steps=10**6, validate_every=10**6)
    config = Config(
        small=0.1,
        model={model: Model(preset="small", train=train)},
        device="cpu",
        threads=1,
    )
    job = Job(
        task="train", backend=backend.name, model=model, config=config, folder=folder
    )
    made = loop_of(job, backend, "cpu", split_of(job))
    made._validate = lambda: None  # type: ignore[method-assign]
    made.save = lambda: None  # type: ignore[method-assign]
    return made


def looped(made: Loop) -> None:
    """Some steps of the loop."""
    made.plan = replace(made.plan, steps=made.step + STEPS)
    made.run(lambda text, share: None)


def bare(made: Loop, feeds: Any) -> None:
    """As many steps of its trainer."""
    for _ in range(STEPS):
        loss = made.trainer.step(feeds)
    float(loss)


@pytest.mark.parametrize("model", MODELS)
def test_the_loop_costs_little_over_the_bare_step(
    model: str, pinned: Backend, tmp_path: Path, benchmark: Any
) -> None:
    made = loop(model, MODELS[model], pinned, tmp_path)
    (batch,) = made.epochs.steps(0, 1)
    fed = made.feed.batch(batch.keypoints, batch.target, batch.metres)
    feeds = made.trainer.program.put(fed)
    benchmark.group = f"{model} {STEPS} steps of the loop"
    told(
        benchmark,
        lambda: looped(made),
        lambda: bare(made, feeds),
        names=("loop", "bare steps"),
        seconds=SECONDS,
    )
    benchmark.extra_info["due"] = f"{DUE} at most"
