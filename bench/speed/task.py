"""Speed of a model on one backend: latency and frames per second, forward and training
step, with intervals and lie detectors.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from backends.base import Backend, Feeds, Program, Settings, Trainer
from bench import data
from bench.config import Throughput as Size
from bench.coordinator.job import Finding, Job, Progress
from bench.records import Throughput, Timing
from bench.speed import timing
from bench.speed.timing import Clock, Contender
from bench.training.feed import build
from bench.training.optimizer import optimizer_of
from models import dims
from models import params as initial
from models.flops import flops
from models.graph import Graph
from models.spec import Spec

# comparisons of the work done once and twice before it counts as a lie that they take as
# long
PATIENCE = 12


@dataclass(frozen=True)
class Subject:
    """One thing to time, and how to ask whether it really computes."""

    what: Literal["forward", "train_step"]
    batch: int
    frames: int  # output frames of one call
    flops: int
    contender: Contender
    changed: Callable[[], bool]


Turn = Callable[[], None]


def run(
    job: Job,
    backend: Backend,
    device: str,
    progress: Progress,
    *,
    clock: Clock = time.perf_counter,
    turn: Turn = lambda: None,
) -> Finding:
    """Time everything, each against a twin of itself; a number whose detectors fire is void
    and the cell `invalid`.

    `turn` returns when this worker alone may compute: that is asked for at each warm-up,
    each round and each check.
    """
    joints = len(data.protocol_for(job.config.data, job.config.protocol).joints)
    spec = build(job.model, job.settings, joints=joints)
    settings = backend.pin(threads=job.config.threads)
    size = job.config.throughput
    subjects = _subjects(job, backend, device, spec, size)
    timings, floors = [], []
    for done, subject in enumerate(subjects):
        progress(f"{subject.what}, batch {subject.batch}", done / len(subjects))
        row, floor = measure(subject, size, job, backend, device, clock, turn)
        timings.append(row)
        floors.append(floor)
    payload = Throughput(
        timings=tuple(timings), noise_floor=max(floors), settings={**settings}
    )
    lying = [
        f"{row.what} at batch {row.batch}: {lie}" for row in timings for lie in row.lies
    ]
    return Finding(payload, "invalid" if lying else "ok", "; ".join(lying))


def measure(
    subject: Subject,
    size: Size,
    job: Job,
    backend: Backend,
    device: str,
    clock: Clock,
    turn: Turn,
) -> tuple[Timing, float]:
    """Samples of the subject and of its A/A twin in turns; also the noise floor they give."""
    contender = subject.contender
    turn()
    warm = timing.warm(contender, seconds=size.seconds, clock=clock)
    one, twin = timing.interleaved(
        [contender, contender], [warm.count] * 2, rounds=size.rounds, clock=clock, turn=turn
    )
    turn()
    single, double = _doubled(contender, warm.count, clock)
    lies = timing.lies(single=single, double=double, changed=subject.changed(), clock=clock)
    samples = [*one, *twin]
    low, high = timing.interval(samples)
    median = float(np.median(samples))
    row = Timing(
        what=subject.what,
        batch=subject.batch,
        frames=subject.frames,
        precision=job.config.precision,
        threads=job.config.threads,
        seconds=median,
        low=low,
        high=high,
        p95=float(np.percentile(samples, 95)),
        samples=len(samples),
        rounds=tuple((a + b) / 2 for a, b in zip(one, twin, strict=True)),
        frames_per_second=subject.batch * subject.frames / median if median > 0 else None,
        compile_seconds=warm.first,
        warm_up_steps=warm.calls,
        steady=warm.steady,
        peak_memory_bytes=backend.peak_memory(device),
        flops=subject.flops,
        lies=lies,
    )
    return (_void(row) if lies else row), timing.noise_floor(one, twin)


def _doubled(contender: Contender, count: int, clock: Clock) -> tuple[float, float]:
    """Seconds of the work once and twice, the least disturbed of several: more on a busy
    host, of no use to a clock that stands.
    """
    single = double = float("inf")
    for attempt in range(PATIENCE):
        single = min(single, _total(contender, count, clock))
        double = min(double, _total(contender, 2 * count, clock))
        if attempt >= 2 and not timing.suspicious(single, double):
            break
    return single, double


def _void(row: Timing) -> Timing:
    """A number that lies is no number."""
    return row.model_copy(
        update=dict.fromkeys(("seconds", "low", "high", "p95", "frames_per_second"))
        | {"rounds": ()}
    )


def _total(contender: Contender, count: int, clock: Clock) -> float:
    return timing.once(contender, count, clock) * count


def _subjects(
    job: Job, backend: Backend, device: str, spec: Spec, size: Size
) -> list[Subject]:
    rng = np.random.default_rng(job.config.seed)
    settings = Settings(device=device, precision=job.config.precision)
    found = [_forward(backend, spec, settings, batch, rng) for batch in size.batches]
    if size.train:
        trainer = backend.trainer(
            spec.train, optimizer_of(job, spec), replace(settings, draw_noise=True)
        )
        trainer.program.load(initial.draw(spec.train.params, seed=job.config.seed))
        found.append(_train_step(backend, spec, trainer, settings, size.train_batch, rng))
    return found


def _forward(
    backend: Backend, spec: Spec, settings: Settings, batch: int, rng: np.random.Generator
) -> Subject:
    program = backend.program(spec.infer, settings)
    program.load(
        {
            name: array
            for name, array in initial.draw(spec.parameters, seed=0).items()
            if name in spec.infer.params
        }
    )
    one, other = (program.put(_feeds(spec.infer, spec, batch, rng)) for _ in range(2))
    lengths = _lengths(spec, batch)
    contender = Contender(
        f"forward {batch}",
        lambda: program.run(one),
        lambda: backend.synchronize(settings.device),
    )
    # a question, asked once
    changed = lambda: not np.array_equal(_pose(program, one), _pose(program, other))  # noqa: E731
    return Subject(
        "forward",
        batch,
        _output_frames(spec.infer, lengths),
        flops(spec.infer, lengths),
        contender,
        changed,
    )


def _train_step(
    backend: Backend,
    spec: Spec,
    trainer: Trainer,
    settings: Settings,
    batch: int,
    rng: np.random.Generator,
) -> Subject:
    feeds = trainer.program.put(_feeds(spec.train, spec, batch, rng))
    lengths = _lengths(spec, batch)
    contender = Contender(
        "train step",
        lambda: trainer.step(feeds),
        lambda: backend.synchronize(settings.device),
    )

    def changed() -> bool:
        before = trainer.program.params()
        trainer.step(feeds)
        after = trainer.program.params()
        return any(
            not np.array_equal(before[name], after[name]) for name in spec.train.trainable()
        )

    # forward plus twice as much for the backward pass, the usual count
    return Subject(
        "train_step",
        batch,
        _output_frames(spec.train, lengths),
        3 * flops(spec.train, lengths),
        contender,
        changed,
    )


def _pose(program: Program, feeds: Feeds) -> np.ndarray:
    return program.numpy(program.run(feeds)["pose"])


def _feeds(
    graph: Graph, spec: Spec, batch: int, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    lengths = _lengths(spec, batch)
    shapes = {name: type_.shape for name, type_ in graph.inputs.items()} | {
        name: noise.type.shape for name, noise in graph.noise.items()
    }
    return {
        name: rng.normal(0, 0.5, dims.bind(shape, lengths)).astype(np.float32)
        for name, shape in shapes.items()
    }


def _lengths(spec: Spec, batch: int) -> dict[str, int]:
    return {"batch": batch, "frames": spec.frames}


def _output_frames(graph: Graph, lengths: dict[str, int]) -> int:
    shape = dims.bind(graph.types[graph.outputs["pose"]].shape, lengths)
    return shape[1] if len(shape) == 4 else 1
