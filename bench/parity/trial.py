"""What a ladder is climbed with.

One model on one backend, the oracle beside it, and the numbers that all of them are given.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path

import numpy as np

import backends
from backends.base import Backend, Settings
from bench.config import Config, Model
from bench.coordinator.job import Job
from bench.coordinator.spec import build
from bench.data import protocol_for
from bench.parity import feeds, kinks
from bench.parity.settings import Parity as Size
from bench.training.optimizer import optimizer_of
from bench.training.restored import weights
from bench.training.start import digest
from models import dims
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
# Relative disturbance of the weights in nudged runs: one float32 rounding.
NUDGE = 1e-7


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
    preset: str = ""  # what the model's sizes are called
    brought: str = ""  # digest of the weights, where a finished run has brought them
    half: str = (
        ""  # bf16 or fp16, where the run asks for one; the ladder climbs fp32 too
    )
    left_out: dict[str, str] = field(default_factory=dict)  # by the rungs -> why

    def graphs(self) -> tuple[Graph, Graph]:
        """Where a fault may lie, in the order it is looked for."""
        # The train graph first: it holds what the other is derived from, and the loss.
        return self.spec.train, self.spec.infer

    @property
    def oracle(self) -> Backend:
        """NumPy, whose precision is chosen by the settings."""
        return _numpy()

    @property
    def settings(self) -> Settings:
        """How the backend under test is run in full precision."""
        # The oracle asked about itself answers in its own precision, with an error of 0.
        precision = "fp64" if self.backend.name == "numpy" else "fp32"
        return Settings(device=self.device, precision=precision)

    def start(self, nudge: int = 0) -> Arrays:
        """The weights, each off by about one rounding where `nudge`, a seed, is not 0."""
        return nudged(self.params, [self.seed, nudge]) if nudge else self.params

    def question(self) -> str:
        """All that decides the numbers of a ladder, as text."""
        asked = {
            "config": self.spec.config,
            # Which rungs are climbed, for how long, and whether a fault is packed, changes no
            # number.
            "parity": self.size.model_dump(exclude={"locate", "rungs", "seconds"}),
            "optimizer": asdict(self.optimizer),
            "seed": self.seed,
            # by which its batch keeps off kinks
            "kinks": (
                kinks.NEAR,
                kinks.kinked(self.spec.train),
                kinks.MANY,
                kinks.TRIES,
            ),
        }
        if self.brought:
            asked["weights"] = self.brought
        return json.dumps(asked, sort_keys=True, default=str)


def copies(arrays: Mapping[str, np.ndarray]) -> Arrays:
    """Arrays that stay as they are: a framework may give views of what its next step changes."""
    return {name: np.array(array) for name, array in arrays.items()}


@cache
def _numpy() -> Backend:
    """Made once: to find a backend, all that are installed are looked through."""
    return backends.load("numpy")


def prepare(job: Job, backend: Backend, device: str) -> Trial:
    """Weights, and seeded inputs and noise.

    The weights are those of `--run`, or seeded ones, moved off their symmetric start.
    """
    config = job.config
    sizes = sizes_of(config, job.settings)
    spec = build(job.model, sizes, protocol_for(config.data, config.protocol))
    rng = np.random.default_rng([config.seed, START])
    brought = weights(job, spec.parameters)
    if brought is None:
        # Weights are drawn before feeds: both come from one stream.
        params = shaken(initial.draw(spec.parameters, seed=config.seed), rng)
    else:
        params = brought
    return Trial(
        spec=spec,
        backend=backend,
        device=device,
        size=config.parity,
        seed=config.seed,
        optimizer=optimizer_of(job, spec),
        folder=job.folder / "traces",
        params=params,
        feeds=kinks.away(
            spec.train,
            params,
            lengths_of(spec, config.parity),
            lambda: batch(spec, config.parity, rng),
        ),
        preset=sizes.preset,
        brought="" if brought is None else digest(brought, spec.parameters),
        half="" if config.precision == "fp32" else config.precision,
    )


def sizes_of(config: Config, asked: Model) -> Model:
    """The sizes that the ladder is climbed at: its own preset, or those of the run.

    Sizes that were asked for one by one are meant for the ladder too.
    """
    own = config.parity.preset
    if own is None or asked.sizes:
        return asked
    return asked.model_copy(update={"preset": own})


def shaken(params: Mapping[str, np.ndarray], rng: np.random.Generator) -> Arrays:
    """Parameters, each moved a little, so that every one of them matters.

    Gains that are all 1 and shifts that are all 0 hide one that is left out or swapped.
    """
    moved: Arrays = {}
    for name, array in params.items():
        if array.dtype.kind != "f":
            moved[name] = array  # counters, which no rounding touches
            continue
        added = array + rng.normal(0, SHAKE, array.shape)
        if name.endswith("running_var"):
            # a variance is positive, and its root divides
            added = np.abs(added) + SHAKE
        moved[name] = added.astype(np.float32)
    return moved


def nudged(params: Mapping[str, np.ndarray], seed: list[int]) -> Arrays:
    """Parameters, each off by about one float32 rounding."""
    rng = np.random.default_rng(seed)
    return {
        # integers are counters, which no rounding touches
        name: array * (1 + NUDGE * rng.normal(size=array.shape))
        if array.dtype.kind == "f"
        else array
        for name, array in params.items()
    }


def batch(spec: Spec, size: Size, rng: np.random.Generator) -> Arrays:
    """Inputs, targets and noise of one train step, then what the inference graph has beside."""
    lengths = lengths_of(spec, size)
    found = feeds.drawn(spec.train.inputs, spec.noise, lengths, rng)
    inputs = {name: one for name, one in spec.infer.inputs.items() if name not in found}
    noise = {name: one for name, one in spec.infer.noise.items() if name not in found}
    return found | feeds.drawn(inputs, noise, lengths, rng)


def lengths_of(spec: Spec, size: Size) -> dict[str, int]:
    """How long the open axes of both graphs are on the ladder."""
    asked = {"batch": size.batch, "frames": size.frames}
    if fits(spec.train, asked) and fits(spec.infer, asked):
        return asked
    # A model that takes its frames by convolution may want more than the ladder has.
    return {**asked, "frames": max(size.frames, spec.frames)}


def fits(graph: Graph, lengths: Mapping[str, int]) -> bool:
    """Whether every value of a graph has at least one entry at these lengths."""
    shapes = [dims.bind(type_.shape, lengths) for type_ in graph.types.values()]
    return all(min(shape, default=1) >= 1 for shape in shapes)
