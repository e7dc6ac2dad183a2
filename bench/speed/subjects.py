"""What is timed of a model on one backend.

The forward pass at each batch, and the training step; each with a question that shows
whether it really computes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np

from backends.base import Backend, Feeds, Program, Settings
from bench.coordinator.job import Job
from bench.parity.feeds import drawn
from bench.processes.contract import bare
from bench.speed.timing import Contender
from bench.training import restored
from bench.training.optimizer import optimizer_of
from models import dims
from models import params as initial
from models.flops import flops
from models.graph import Graph
from models.spec import Spec


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One thing to time, and how to ask whether it really computes."""

    what: Literal["forward", "train_step"]
    batch: int
    frames: int  # output frames of one call
    flops: int
    contender: Contender
    changed: Callable[[], bool]  # whether what should change does


@dataclass(frozen=True)
class Workshop:
    """What subjects are made with: a model, a backend, and a stream of random inputs."""

    spec: Spec
    backend: Backend
    settings: Settings
    rng: np.random.Generator
    weights: Mapping[str, np.ndarray]  # of both graphs

    def feeds(self, graph: Graph, batch: int) -> dict[str, np.ndarray]:
        """Random inputs and noise of a call."""
        return drawn(graph.inputs, graph.noise, self.lengths(batch), self.rng)

    def lengths(self, batch: int) -> dict[str, int]:
        """What the open axes of the model are in a call."""
        return {"batch": batch, "frames": self.spec.frames}

    def wait(self) -> None:
        """Until the device has done what it was given."""
        self.backend.synchronize(self.settings.device)


def subjects(
    job: Job,
    backend: Backend,
    device: str,
    spec: Spec,
) -> dict[str, Callable[[], Subject]]:
    """What makes each thing that a job asks to be timed, by its name, in order.

    Made one by one: what a backend cannot do of them costs no other its number.
    """
    size, seed = job.config.throughput, job.config.seed
    settings = Settings(device=device, precision=job.config.precision)
    weights = restored.weights(job, spec.parameters)
    if weights is None:
        # any will do: no time depends on them
        weights = initial.draw(spec.parameters, seed=seed)
    workshop = Workshop(spec, backend, settings, np.random.default_rng(seed), weights)
    found: dict[str, Callable[[], Subject]] = {}
    for batch in size.batches:
        found[f"forward at batch {batch}"] = partial(_forward, workshop, batch)
    if size.train:
        what = f"train_step at batch {size.train_batch}"
        found[what] = partial(_train_step, workshop, job)
    return found


def _forward(workshop: Workshop, batch: int) -> Subject:
    graph, lengths = workshop.spec.infer, workshop.lengths(batch)
    program = workshop.backend.program(graph, workshop.settings)
    program.load({name: workshop.weights[name] for name in graph.params})
    # Inputs are on the device before the clock starts.
    one, other = (program.put(workshop.feeds(graph, batch)) for _ in range(2))
    # what watches its answers is not to be timed
    plain = bare(program)

    def changed() -> bool:
        poses = _pose(program, one), _pose(program, other)
        # outputs that are no numbers have not followed the inputs
        return not np.array_equal(*poses, equal_nan=True)

    return Subject(
        what="forward",
        batch=batch,
        frames=_output_frames(graph, lengths),
        flops=flops(graph, lengths),
        contender=Contender(f"forward {batch}", lambda: plain.run(one), workshop.wait),
        changed=changed,
    )


def _train_step(workshop: Workshop, job: Job) -> Subject:
    spec, batch = workshop.spec, job.config.throughput.train_batch
    graph, lengths = spec.train, workshop.lengths(batch)
    # As in training, the framework draws the noise itself, and pays for it.
    drawing = replace(workshop.settings, draw_noise=True)
    trainer = workshop.backend.trainer(graph, optimizer_of(job, spec), drawing)
    trainer.program.load({name: workshop.weights[name] for name in graph.params})
    feeds = trainer.program.put(workshop.feeds(graph, batch))
    plain = bare(trainer)

    def changed() -> bool:
        before = trainer.program.params()
        trainer.step(feeds)
        after = trainer.program.params()
        return any(
            not np.array_equal(before[name], after[name]) for name in graph.trainable()
        )

    return Subject(
        what="train_step",
        batch=batch,
        frames=_output_frames(graph, lengths),
        # forward plus twice as much for the backward pass, the usual count
        flops=3 * flops(graph, lengths),
        contender=Contender("train step", lambda: plain.step(feeds), workshop.wait),
        changed=changed,
    )


def _pose(program: Program, feeds: Feeds) -> np.ndarray:
    return program.numpy(program.run(feeds)["pose"])


def _output_frames(graph: Graph, lengths: dict[str, int]) -> int:
    shape = dims.bind(graph.types[graph.outputs["pose"]].shape, lengths)
    # (batch, frames, joints, 3), or flat: the pose of one frame
    return shape[1] if len(shape) == 4 else 1
