"""Train a model again, alike in data, steps and the poses of the score.

The reference trains from the same weights with other draws: another order of the batches, other
mirroring, augmentation and noise. Backends see the same batches and differ in noise and rounding
alone, so what lies between these scores bounds what may lie between theirs.

Where several seeds are asked for, each backend trains with each of them, from weights that the seed
draws: what a backend comes to on the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from backends.base import Backend
from bench.coordinator.job import Finding, Job, Progress
from bench.data import Split
from bench.kinds import Keep
from bench.records import Again
from bench.training import brought, smaller
from bench.training.feed import split_of
from bench.training.loop import Diverged, Loop
from bench.training.task import loop_of, take_up
from bench.training.validation import validation_of


@dataclass(frozen=True)
class Made:
    """One training that has ended."""

    seed: int
    own: bool  # whether the seed has drawn its start, too
    score: float | None  # None where it diverged
    seconds: float
    steps: int
    batch: int
    wrong: str = ""


def run(job: Job, backend: Backend, device: str, progress: Progress) -> Finding:
    """As many trainings as the configuration asks for; failed where one diverges."""
    # no failure: the training that it repeats says itself why it left nothing
    if not job.checkpoint.exists():
        reason = "there is no training to repeat; run the train task first"
        return Finding(None, "not_measured", reason)
    progress("reading data", 0.0)
    split = split_of(job)
    job = smaller.resumed(job, split)
    config = job.config
    # of other backends than the reference there are seeds alone
    repeated = config.refers(job.backend) or config.seeds == 1
    repeats = config.repeats if repeated else 0
    made: list[Made] = []
    for own, count in ((False, repeats), (True, config.seeds - 1)):
        for seed in range(config.seed + 1, config.seed + 1 + count):
            loop = _again(job, backend, device, split, seed=seed, own=own)
            made.append(_trained(loop, progress, seed=seed, own=own))
    for one in made:
        # weights that nobody asks for
        _checkpoint(job, one.seed, own=one.own).unlink(missing_ok=True)
    wrong = "; ".join(one.wrong for one in made if one.wrong)
    return Finding(_payload(split, made), "failed" if wrong else "ok", wrong)


def _trained(loop: Loop, progress: Progress, *, seed: int, own: bool) -> Made:
    score, wrong = None, ""
    try:
        loop.run(progress)
    except Diverged as error:
        wrong = f"with {'seed' if own else 'draws of seed'} {seed}: {error}"
    else:
        score = loop.curve.validation[-1]
    seconds, batch = loop.seconds, loop.epochs.batch
    return Made(seed, own, score, seconds, loop.plan.steps, batch, wrong)


def _again(
    job: Job, backend: Backend, device: str, split: Split, *, seed: int, own: bool
) -> Loop:
    """The job's training as another seed draws it, to the same poses of the score."""
    config = job.config.model_copy(update={"seed": seed})
    other = job.model_copy(update={"config": config})
    loop = loop_of(other, backend, device, split)
    if not own:
        start = brought.weights(job, loop.feed.spec.train.params)
        loop.trainer.program.load(start)
    loop.validation = validation_of(job, loop.feed, split, loop.validation.program)
    place = _checkpoint(job, seed, own=own)
    loop.plan = replace(loop.plan, checkpoint=place, keep=Keep())
    if not job.settings.train.chooses:
        # at the end alone: nobody looks at the curve
        loop.plan = replace(loop.plan, validate_every=loop.plan.steps)
    # after an interruption it goes on, as the first training does
    take_up(other, loop)
    return loop


def _checkpoint(job: Job, seed: int, *, own: bool) -> Path:
    """A file of its own: that of the first training is what is evaluated."""
    kind = "seed" if own else "again"
    return job.checkpoint.with_suffix(f".{kind}-{seed}.safetensors")


def _payload(split: Split, made: Sequence[Made]) -> Again:
    first = made[0]
    same = [one for one in made if not one.own]
    own = [one for one in made if one.own]
    return Again(
        protocol=split.protocol.name,
        protocol_hash=split.protocol.hash,
        fraction=split.protocol.fraction,
        steps=first.steps,
        batch=first.batch,
        seeds=tuple(one.seed for one in same),
        scores=tuple(one.score for one in same),
        own_seeds=tuple(one.seed for one in own),
        own_scores=tuple(one.score for one in own),
        seconds=sum(one.seconds for one in made),
    )
