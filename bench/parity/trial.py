"""What a ladder is climbed with.

One model on one backend, the oracle beside it, and the numbers that all of them are given.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

import backends
from backends.base import Backend, Settings
from bench.config import Parity as Size
from bench.coordinator.job import Job
from bench.coordinator.spec import spec_of
from bench.parity import feeds
from bench.training.optimizer import optimizer_of
from models import params as initial
from models.graph import Graph
from models.optim import Optimizer
from models.spec import Spec

Arrays = dict[str, np.ndarray]
# Each use of the seed draws from a stream of its own, so that a rung which draws more or less
# than before changes no number of another. The words themselves mean nothing; a change of one
# changes every ladder.
START = 77
SHAKE = 0.1  # standard deviation of what is added to initial weights, which are of that order


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One model on one backend, its oracle, and the numbers both are given."""

    spec: Spec
    backend: Backend
    device: str
    size: Size
    seed: int
    optimizer: Optimizer  # of the trajectory
    folder: Path  # where traces and the oracle's loss curve are kept
    params: Arrays
    feeds: Arrays

    def graphs(self) -> tuple[Graph, Graph]:
        """Where a fault may lie, in the order it is looked for."""
        # The train graph first: it holds what the other is derived from, and the loss.
        return self.spec.train, self.spec.infer

    @property
    def oracle(self) -> Backend:
        """NumPy, whose precision is chosen by the settings."""
        return backends.load("numpy")

    def runs(self) -> tuple[tuple[Backend, Settings], ...]:
        """The backend under test, the oracle, and float32 NumPy, which sets the budget."""
        # The oracle asked about itself answers in its own precision, with an error of 0.
        precision = "fp64" if self.backend.name == "numpy" else "fp32"
        own = Settings(device=self.device, precision=precision)
        exact = Settings(precision="fp64")
        rough = Settings(precision="fp32")
        return (self.backend, own), (self.oracle, exact), (self.oracle, rough)

    def question(self) -> str:
        """All that decides the numbers of a ladder, as text."""
        asked = {
            "config": self.spec.config,
            # Which rungs are climbed, and whether a fault is packed, changes no number.
            "parity": self.size.model_dump(exclude={"locate", "rungs"}),
            "optimizer": asdict(self.optimizer),
            "seed": self.seed,
        }
        return json.dumps(asked, sort_keys=True, default=str)


def prepare(job: Job, backend: Backend, device: str) -> Trial:
    """Seeded weights, moved off their symmetric start, and seeded inputs and noise."""
    config = job.config
    spec = spec_of(job)
    rng = np.random.default_rng([config.seed, START])
    # Weights are drawn before feeds: both come from one stream.
    params = _shaken(initial.draw(spec.parameters, seed=config.seed), rng)
    return Trial(
        spec=spec,
        backend=backend,
        device=device,
        size=config.parity,
        seed=config.seed,
        optimizer=optimizer_of(job, spec),
        folder=job.folder / "traces",
        params=params,
        feeds=batch(spec, config.parity, rng),
    )


def _shaken(params: Mapping[str, np.ndarray], rng: np.random.Generator) -> Arrays:
    """Parameters, each moved a little, so that every one of them matters.

    Gains that are all 1 and shifts that are all 0 hide one that is left out or swapped.
    """
    moved: Arrays = {}
    for name, array in params.items():
        if array.dtype.kind != "f":
            moved[name] = array  # counters, which no rounding touches
            continue
        shaken = array + rng.normal(0, SHAKE, array.shape)
        if name.endswith("running_var"):
            # a variance is positive, and its root divides
            shaken = np.abs(shaken) + SHAKE
        moved[name] = shaken.astype(np.float32)
    return moved


def batch(spec: Spec, size: Size, rng: np.random.Generator) -> Arrays:
    """Inputs, targets and noise of one train step."""
    # A model with windows of a fixed length may want more frames than the ladder has.
    lengths = {"batch": size.batch, "frames": max(size.frames, spec.frames)}
    return feeds.drawn(spec.train.inputs, spec.noise, lengths, rng)


def answers(trial: Trial, graph: Graph) -> Iterator[tuple[Arrays, Arrays]]:
    """Outputs and running state after one call, of each of the trial's runs in turn."""
    for backend, settings in trial.runs():
        program = backend.program(graph, settings)
        program.load({name: trial.params[name] for name in graph.params})
        given = {name: trial.feeds[name] for name in (*graph.inputs, *graph.noise)}
        outputs = program(given)
        # The state is read after the call, which updates it.
        after = program.params()
        yield outputs, {name: after[name] for name in graph.state}
