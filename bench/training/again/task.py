"""Train the reference's models again, alike in all but what is drawn on the way.

Weights at the start, data, steps and the poses of the score are those of the first training; the
order of the batches, mirroring, augmentation and noise are other ones. Backends see the same
batches and differ in noise and rounding alone, so what lies between these scores bounds what may
lie between theirs.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from backends.base import Backend
from bench.coordinator.job import Finding, Job, Progress
from bench.data import Split
from bench.records import Again
from bench.training import brought, smaller
from bench.training.feed import split_of
from bench.training.loop import Diverged, Loop
from bench.training.task import loop_of
from bench.training.validation import validation_of


def run(job: Job, backend: Backend, device: str, progress: Progress) -> Finding:
    """As many trainings as the configuration asks for; failed where one diverges."""
    # no failure: the training that it repeats says itself why it left nothing
    if not job.checkpoint.exists():
        reason = "there is no training to repeat; run the train task first"
        return Finding(None, "not_measured", reason)
    progress("reading data", 0.0)
    split = split_of(job)
    job = smaller.resumed(job, split)
    drawn = range(job.config.seed + 1, job.config.seed + 1 + job.config.repeats)
    loops: list[Loop] = []
    scores: list[float | None] = []
    wrong = []
    for seed in drawn:
        loop = _again(job, backend, device, split, seed=seed)
        loops.append(loop)
        try:
            loop.run(progress)
        except Diverged as error:
            wrong.append(f"with draws of seed {seed}: {error}")
            scores.append(None)
        else:
            scores.append(loop.curve.validation[-1])
    for loop in loops:
        loop.plan.checkpoint.unlink(missing_ok=True)  # weights that nobody asks for
    payload = _payload(split, loops, drawn, scores)
    return Finding(payload, "failed" if wrong else "ok", "; ".join(wrong))


def _again(job: Job, backend: Backend, device: str, split: Split, *, seed: int) -> Loop:
    """The job's training as another seed draws it, from the same start to the same poses."""
    config = job.config.model_copy(update={"seed": seed})
    loop = loop_of(job.model_copy(update={"config": config}), backend, device, split)
    start = brought.weights(job, loop.feed.spec.train.params)
    loop.trainer.program.load(start)
    loop.validation = validation_of(job, loop.feed, split, loop.validation.program)
    loop.plan = replace(loop.plan, checkpoint=_checkpoint(job, seed))
    if not job.settings.train.chooses:
        # at the end alone: nobody looks at the curve
        loop.plan = replace(loop.plan, validate_every=loop.plan.steps)
    # after an interruption it goes on, as the first training does
    loop.resume()
    return loop


def _checkpoint(job: Job, seed: int) -> Path:
    """A file of its own: that of the first training is what is evaluated."""
    return job.checkpoint.with_suffix(f".again-{seed}.safetensors")


def _payload(
    split: Split, loops: list[Loop], drawn: range, scores: list[float | None]
) -> Again:
    first = loops[0]
    return Again(
        protocol=split.protocol.name,
        protocol_hash=split.protocol.hash,
        fraction=split.protocol.fraction,
        steps=first.plan.steps,
        batch=first.epochs.batch,
        seeds=tuple(drawn),
        scores=tuple(scores),
        seconds=sum(loop.seconds for loop in loops),
    )
