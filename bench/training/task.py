"""Train a model under a backend and keep its curve, its cost and its weights."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from backends.base import Backend, Settings
from bench.coordinator.job import Finding, Job, Progress
from bench.data import Split, augment, missing
from bench.data.batches.windows import Windows
from bench.data.clip import Clip
from bench.data.pieces import pieces
from bench.evaluation.oracle.checks import first_failure
from bench.processes import blame, memory
from bench.processes.blame import RAISED, said
from bench.processes.memory import OutOfMemory
from bench.records import Training
from bench.training import (
    board,
    brought,
    replay,
    replicas,
    schedules,
    smaller,
    start,
)
from bench.training.epochs import Epochs
from bench.training.feed import Feed, feed_of, split_of
from bench.training.fingerprint import augmentation, fingerprint
from bench.training.held import Held, ended, hold, trained
from bench.training.loop import Diverged, Loop, Plan
from bench.training.optimizer import optimizer_of
from bench.training.origin import origin
from bench.training.replay import Ran
from bench.training.validation import validation_of
from models import params as initial
from models.errors import BadInput
from models.optim import Optimizer

Steps = Sequence[augment.Step]


def run(job: Job, backend: Backend, device: str, progress: Progress) -> Finding:
    """Train to the configured number of steps, from the checkpoint where one fits.

    A batch that does not fit into memory is halved before the first step (`smaller.py`).
    """
    # what the backend cannot do, it says before the data are read
    backend.checked(_settings(job, device))
    progress("reading data", 0.0)
    split = split_of(job)
    job = smaller.resumed(job, split)
    while True:
        try:
            return _run(job, backend, device, split, progress)
        except RAISED as error:
            if not memory.ran_out(error):
                raise
            if reason := smaller.refused(job, split):
                raise OutOfMemory(f"{said(error)}; {reason}") from error
        # out of the handler, where the error would hold on to what it was raised among
        job = smaller.halved(job, split)
        progress(f"a batch did not fit; trying {job.settings.train.batch}", 0.0)


def _run(
    job: Job, backend: Backend, device: str, split: Split, progress: Progress
) -> Finding:
    loop = loop_of(job, backend, device, split)
    take_up(job, loop)
    began, before = loop.step, loop.seconds
    spec, windows = loop.feed.spec, len(trained(job, split, loop.feed))
    loop.marks = replay.marks(job, spec, windows)
    loop.before = min(replay.TAIL, loop.plan.validate_every - 1)
    progress("holding the start against plain NumPy", 0.0)
    held = hold(job, split, loop)
    if reason := first_failure(held.checks):
        # before the first step: what comes of a wrong start or of wrong batches is no training
        return Finding(_payload(job, loop, split, held), "failed", reason)
    started = time.perf_counter()
    try:
        with board.opened(job, loop.step) as loop.tell:
            loop.run(progress)
    except Diverged as error:
        # with the curve so far, which shows where it went wrong
        payload = _payload(job, loop, split, held, note=str(error))
        reason = f"{error}; {_kept(loop)}; lower the learning rate"
        return Finding(payload, "failed", reason)
    except RAISED as error:
        if loop.step == loop.plan.first:
            raise  # nothing is lost that this training has made
        payload = _payload(job, loop, split, held, note=said(error))
        lost = blame.lost(error, payload)
        reason = f"{lost.reason}, after {loop.step} steps; {_kept(loop)}"
        return replace(lost, reason=reason)
    wall = time.perf_counter() - started
    held = replace(held, checks=held.checks + ended(job, loop))
    if not first_failure(held.checks):
        progress("making some of its steps again", 1.0)
        ran = Ran(loop, began, before, wall)
        held = _replayed(job, backend, device, split, ran, held)
    reason = first_failure(held.checks)
    payload = _payload(job, loop, split, held)
    return Finding(payload, "failed" if reason else "ok", reason)


def _replayed(
    job: Job, backend: Backend, device: str, split: Split, ran: Ran, held: Held
) -> Held:
    """What was held, and some steps made again."""
    try:
        found = replay.hold(job, backend, device, split, ran)
    except RAISED as error:
        if not memory.ran_out(error):
            raise
        # the training has ended, and is whole; a second trainer beside it is too much
        reason = f"no room to make steps again: {said(error)}"
        return replace(held, left_out=held.left_out | {"replay": reason})
    return Held(held.checks + tuple(found.checks), held.left_out | found.left_out)


def take_up(job: Job, loop: Loop) -> None:
    """Go on from the job's own checkpoint, else from the one that it continues, where it does."""
    loop.resume()
    if loop.step or not job.settings.train.continues:
        return
    loop.take(brought.continued(job, loop.feed, loop.plan.origin))
    loop.seconds = 0.0  # those were another training's
    if loop.step >= loop.plan.steps or loop.stopped:
        raise BadInput(
            f"{job.model}: `continues` from step {loop.step:,}, and this training ends there, at"
            f" its {loop.plan.steps:,} steps or by its patience; ask for more"
        )


def loop_of(job: Job, backend: Backend, device: str, split: Split) -> Loop:
    """A training at its first step: native trainer, batches, validation."""
    train, seed = job.training, job.config.seed
    feed = feed_of(job, split.protocol)
    spec = feed.spec
    epochs = _epochs(job, feed, split)
    if train.inputs == "zscore":
        # after the windows are cut, of whose frames the mean and the spread are
        feed = feed.fit(epochs.windows)
    shared = replicas.of(job, epochs.batch)
    settings = replace(_settings(job, device), replicas=shared)
    optimizer = optimizer_of(job, spec)
    trainer = backend.trainer(spec.train, optimizer, settings)
    # made here and not by the framework: every backend starts from the same weights
    drawn = initial.draw(spec.train.params, seed=seed)
    trainer.program.load(drawn | brought.taken(job, spec.train.params))
    # in full precision whatever the training's: it is the weights that are looked at
    looking = backend.program(spec.infer, Settings(device=device))
    return Loop(
        trainer=trainer,
        feed=feed,
        epochs=epochs,
        validation=validation_of(job, feed, split, looking),
        plan=_plan(job, split, feed, epochs, optimizer),
        # read back, and not what was loaded: a backend may have made something else of it
        start=start.digest(trainer.program.params(), spec.train.params),
    )


def _settings(job: Job, device: str) -> Settings:
    """How the train graph is to run."""
    return Settings(
        device=device,
        precision=job.config.precision,
        draw_noise=True,  # dropout by the framework's own hand, as its users train
        seed=job.config.seed,
        recompute=job.settings.train.gradient_checkpointing,
    )


def _plan(
    job: Job, split: Split, feed: Feed, epochs: Epochs, optimizer: Optimizer
) -> Plan:
    """How far and how fast, which follows from the settings and the length of an epoch."""
    train = job.settings.train
    steps = train.steps_of(epochs.batches)
    schedule = schedules.read(train.schedule)
    usual = schedule.warm_up(steps)
    return Plan(
        steps=steps,
        lr=optimizer.lr,
        schedule=schedule,
        rise=usual if train.warm_up is None else train.warm_up,
        patience=train.patience,
        validate_every=train.validate_every,
        accumulate=train.accumulate,
        checkpoint=job.checkpoint,
        fingerprint=fingerprint(job, split.protocol, optimizer),
        origin=origin(job, split.protocol, feed),
        keep=train.keep.of_steps(epochs.batches / train.accumulate),
        first=brought.first_step(job),
    )


def _epochs(job: Job, feed: Feed, split: Split) -> Epochs:
    train, seed = job.training, job.config.seed
    # A third of a window apart, neighbours of a sequence model differ enough to learn from;
    # a model of one output has no other window for a frame.
    usual = max(1, feed.spec.frames // 3) if feed.taught else 1
    stride = train.stride or usual
    clips = pieces(
        split.train,
        joints=split.protocol.joints,
        longest=train.longest,
        shortest=train.shortest,
    )
    windows = feed.windows(clips, stride=stride, training=True)
    renewed = None
    if steps := augmentation(job):
        renewed = _renewed(feed, clips, steps, seed=seed, stride=stride)
    return Epochs(
        windows=windows,
        renewed=renewed,
        # few windows still make a step: smoke tests have less than a paper's batch
        batch=min(train.batch, len(windows)),
        seed=seed,
        flip=train.flip,
    )


def _renewed(
    feed: Feed, clips: Sequence[Clip], steps: Steps, *, seed: int, stride: int
) -> Callable[[int], Windows]:
    """The training windows of an epoch, each time of clips augmented anew."""

    def windows(epoch: int) -> Windows:
        # epoch 0 of the draws is the corruption's
        renewed = augment.apply(clips, steps, seed=seed, epoch=epoch + 1)
        return feed.windows(renewed, stride=stride, training=True)

    return windows


def _kept(loop: Loop) -> str:
    """Which checkpoint a training that was broken off has left."""
    if not loop.saved:
        return "there is no checkpoint of it yet"
    return f"the checkpoint of step {loop.saved} is kept"


def _payload(
    job: Job, loop: Loop, split: Split, held: Held, *, note: str = ""
) -> Training:
    protocol, train = split.protocol, job.settings.train
    windows = loop.step * loop.epochs.batch * loop.plan.accumulate
    begun = brought.said(job, loop.feed.spec.train)
    told = (loop.note, begun, *_remarks(job, loop, split), note)
    return Training(
        data=job.config.data,
        protocol=protocol.name,
        protocol_hash=protocol.hash,
        fraction=protocol.fraction,
        optimizer=dict(optimizer_of(job, loop.feed.spec).describe()),
        precision=job.config.precision,
        steps=loop.step,
        epochs=windows / len(loop.epochs.windows),
        batch=loop.epochs.batch,
        accumulate=loop.plan.accumulate,
        asked_batch=_asked_batch(job, loop),
        replicas=train.replicas,
        parameters=loop.feed.spec.parameter_count(),
        train_windows=len(loop.epochs.windows),
        augmentation=", ".join(map(str, augmentation(job))),
        train_seconds=loop.seconds,
        frames_per_second=_speed(loop),
        loss_steps=tuple(loop.curve.loss_steps),
        loss=tuple(loop.curve.loss),
        validation_steps=tuple(loop.curve.validation_steps),
        validation_mpjpe=tuple(loop.curve.validation),
        validation_of=loop.feed.measured,
        validation_unit=loop.feed.unit,
        validated_on="held-out" if split.validation else "test",
        checkpoint=str(job.checkpoint.relative_to(job.folder)),
        start=loop.start,
        checks=held.checks,
        left_out=held.left_out,
        note="; ".join(filter(None, told)),
    )


def _speed(loop: Loop) -> float | None:
    """Poses a second that had a loss: one of each window, or all where the model makes all."""
    windows = loop.made * loop.epochs.batch * loop.plan.accumulate
    frames = windows * loop.epochs.windows.outputs
    return frames / loop.seconds if loop.seconds else None


def _asked_batch(job: Job, loop: Loop) -> int | None:
    """The batch that did not fit into memory."""
    if job.asked is None:
        return None
    return loop.epochs.batch * loop.plan.accumulate // job.asked.accumulate


def _remarks(job: Job, loop: Loop, split: Split) -> Iterator[str]:
    """What is not as usual; empty where it is."""
    if whole := _asked_batch(job, loop):
        half = loop.epochs.batch
        took = f"{whole // half} of {half} took its place"
        yield f"a batch of {whole} did not fit into memory: {took}"
    if (count := job.settings.train.replicas) > 1:
        yield f"trained by {count} replicas, each on {loop.epochs.batch // count} windows a batch"
    yield _averaged(job)
    yield _no_targets(split)
    yield loop.plan.keeping.said()
    yield loop.plan.risen(loop.step)
    if split.validation:
        takes = {clip.name for clip in split.validation}
        yield f"validated on {len(takes)} takes that were held out of the training"
    if loop.step < loop.plan.steps and loop.stopped:
        last, due = loop.plan.patience, loop.plan.steps
        yield f"stopped before step {due:,}: nothing better in {last} validations"


def _averaged(job: Job) -> str:
    """Of which weights validation and evaluation are, where not of the last ones."""
    decay = job.settings.train.average
    return (
        "" if decay is None else f"weights averaged, with a decay of {decay:g} a step"
    )


def _no_targets(split: Split) -> str:
    """How many frames are not trained on for joints that the truth lacks; nothing of none."""
    joints = split.protocol.joints
    lacks = sum(int(missing.frames(clip, joints).sum()) for clip in split.train)
    if not lacks:
        return ""
    frames = sum(clip.frames for clip in split.train)
    return (
        f"{lacks:,} of {frames:,} training frames are no target, for the truth lacks a"
        " joint of theirs"
    )
