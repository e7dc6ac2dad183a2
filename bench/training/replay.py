"""Parts of a training made again by a plain loop: is what ran what was asked for?

The first steps, some in the middle and the last ones, by what `plain.py` works out of the
settings. The loop keeps its trainer before and after each part; from the one the other must follow.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from backends.base import Backend, Unsupported
from bench.coordinator.job import Job
from bench.data import Split
from bench.evaluation.oracle import network
from bench.evaluation.oracle.checks import check, first_failure
from bench.parity import budget
from bench.parity.trial import copies
from bench.records import Check
from bench.training import brought, by_hand, by_rule, checkpoint
from bench.training.held import trained
from bench.training.loop import Loop
from bench.training.plain import Plain, plain_of
from models.spec import Spec

HEAD = 32  # steps from the first on
MIDDLE = 3  # across the end of the first epoch, where that comes later
TAIL = 5  # at least, to the last: from the last point but one of the loss curve
# Why weights that replicas have made are not held against those of one. Measured: 1e-6 of the way
# that weights go in 40 steps, and 2e-2 where one ReLU has flipped on the way.
ROUNDED = (
    "replicas add up in another order; a gradient that is only rounding, or one ReLU that flips,"
    " leads elsewhere in time; losses are compared"
)
FEW = 2  # steps of a part at any size
POINT = 25  # steps from one point of the loss curve to the next
# Operations that all parts may take, by estimate; nobody has timed it at published sizes.
LIMIT = 5e11
BACKWARD = 3  # a step in forward passes: itself, and twice as much on the way back
# Where a device does not repeat its bits: root mean square of what the weights are apart, by that
# of how far they went. On an H100 at most 3.5e-4 in 32 steps (poseformer, by the gradient of its
# attention); one step of thirty-two left out is a share of 3e-2.
STRAYS = 5e-3
# A mean of the same losses, in float64.
SUMMED = 1e-12
# How much faster one step may be, measured alone, than steps of the training on the whole.
FASTER = 4.0
TIMED = 8  # steps of which the fastest one is no accident


@dataclass(frozen=True)
class Ran:
    """What a training says of itself, and how long the process has waited for it."""

    loop: Loop
    began: int  # finished steps before this process
    before: float  # seconds that were counted by then
    wall: float  # seconds of this process


@dataclass
class Replayed:
    """What came of it."""

    checks: list[Check] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    losses: dict[int, float] = field(default_factory=dict)  # by step, from 1
    seconds: list[float] = field(default_factory=list)  # of each step

    def keep(self, step: int, loss: float, seconds: float) -> None:
        """What a step, counted from 0, gave and took."""
        self.losses[step + 1] = loss
        self.seconds.append(seconds)


def parts(job: Job, spec: Spec, windows: int) -> list[range]:
    """Which steps are made again, from 0; one part where there are few.

    None before the step that the training goes on from: another one has made those.
    """
    first = brought.first_step(job)
    found = _parts(job, spec, windows)
    return [range(max(one.start, first), one.stop) for one in found if one.stop > first]


def _parts(job: Job, spec: Spec, windows: int) -> list[range]:
    """The same of a training that begins at its first step."""
    train = job.training
    batch = min(train.batch, windows)
    steps = train.steps_of(windows // batch)
    most = _affordable(spec, batch * train.accumulate)
    head = min(HEAD, most)
    length = windows // batch / train.accumulate
    points = (step for step in points_of(job, steps, length) if step < steps)
    tail = min(max(points, default=0), steps - TAIL)
    tail = max(tail, steps - most)
    if head >= tail:
        return [range(steps)]
    epoch = windows // batch // train.accumulate
    # a batch before the end of the epoch, and two after it
    middle = epoch - 1 if head < epoch < tail - 1 else (head + tail) // 2
    found = [range(head), range(tail, steps)]
    if head <= middle and middle + MIDDLE <= tail:
        found.insert(1, range(middle, middle + MIDDLE))
    return found


def marks(job: Job, spec: Spec, windows: int) -> frozenset[int]:
    """After how many steps the loop has to keep its trainer."""
    found = parts(job, spec, windows)
    return frozenset(edge for part in found for edge in (part.start, part.stop)) - {0}


def points_of(job: Job, last: int, epoch: float) -> list[int]:
    """The steps with a point of the loss curve, from 1 to the last; an epoch is of so many."""
    train = job.settings.train
    kept = train.keep.of_steps(epoch).every
    return [
        step
        for step in range(1, last + 1)
        if step % POINT == 0
        or step % train.validate_every == 0
        or step == last
        # before a checkpoint the losses are looked at
        or (kept and step % kept == 0)
    ]


def hold(job: Job, backend: Backend, device: str, split: Split, ran: Ran) -> Replayed:
    """A training that has ended, against the same steps made again."""
    loop = ran.loop
    cut = trained(job, split, loop.feed)
    plain = plain_of(job, backend, device, split, loop)
    found = Replayed()
    found.checks += [
        _count("windows that are trained on", len(loop.epochs.windows), len(cut)),
        _count("windows of a batch", loop.epochs.batch, min(plain.batch, len(cut))),
    ]
    # a mean of replicas' means is rounded otherwise than that of the one which makes it again
    exact = not backend.repeats(device) and job.settings.train.replicas == 1
    again = _made(parts(job, plain.feed.spec, plain.count), loop)
    if len(again[0]) < min(HEAD, loop.step):
        found.left_out["steps"] = f"{len(again[0])} of the first {HEAD}, at this size"
    for part in again:
        _part(plain, part, ran, found, exact=exact, first=part is again[0])
        # what another optimizer keeps, the next part could not even load
        if first_failure(found.checks):
            return found
    _rates(plain, ran.loop.rates, found)
    _curve(job, ran, found, exact=exact)
    _clock(ran, found, replicas=job.settings.train.replicas)
    return found


def _made(again: list[range], loop: Loop) -> list[range]:
    """The parts that a training has made: all, unless it stopped early."""
    if not loop.stopped:
        return again
    made = [part for part in again if part.stop <= loop.step]
    if not made:
        # of a head that is longer than the training, all that it has made itself
        return [range(again[0].start, loop.step)]
    if made[-1].stop <= loop.late < loop.step:
        made.append(range(loop.late, loop.step))
    return made


def _affordable(spec: Spec, batch: int) -> int:
    """Steps of one part of two."""
    one = BACKWARD * batch * network.cost(spec.train, spec.frames)
    return max(FEW, int(LIMIT / 2 // one))


def _part(
    plain: Plain, part: range, ran: Ran, found: Replayed, *, exact: bool, first: bool
) -> None:
    """Make some steps, and compare the weights before them with those after them."""
    name = f"steps {part.start + 1} to {part.stop}"
    if part.start and part.start < ran.began:
        found.left_out[name] = "made before this process, which took the training up"
        return
    program = plain.trainer.program
    before = _begun(plain, part, ran)
    for step in part[:-1]:
        found.keep(step, *plain.step(step))
    last = copies(program.params())
    found.keep(part[-1], *plain.step(part[-1]))
    after = copies(program.params())
    if plain.optimizer.lr:
        found.checks.append(_moves(f"the last of {name}", last, after))
    if first and by_hand.asked(plain.optimizer, ran.loop.plan.accumulate):
        _by_hand(plain, part[-1], last, found)
    if part.stop < ran.began or (part.stop == ran.began and not part.start):
        found.left_out[f"weights after {name}"] = (
            "not made again: this training was interrupted before, and resumed"
        )
        return
    came = _came(plain, part, ran)
    if plain.job.settings.train.replicas > 1:
        found.left_out[f"weights after {name}"] = ROUNDED
    else:
        found.checks.append(_weights(name, came, after, before, exact=exact))
    if plain.optimizer.lr:
        found.checks.append(_moves(name, before, came))
    if first:
        # last: the trainer has moved then
        found.checks.append(by_rule.hold(plain.trainer, plain.optimizer))


def _begun(plain: Plain, part: range, ran: Ran) -> Mapping[str, np.ndarray]:
    """Put the trainer where a part begins; the weights it has there."""
    program, file = plain.trainer.program, brought.file(plain.job)
    if not part.start:
        before: Mapping[str, np.ndarray] = brought.weights(
            plain.job, program.graph.params
        )
        program.load(before)
    elif file is not None and part.start == ran.loop.plan.first:
        # what the training has made of the file is not asked
        found = checkpoint.load(file)
        before = found.params
        program.load(before)
        plain.trainer.load_state(found.optimizer)
    else:
        mark = ran.loop.kept[part.start]
        before = mark.weights
        program.load(before)
        plain.trainer.load_state(mark.state)
    return before


def _came(plain: Plain, part: range, ran: Ran) -> Mapping[str, np.ndarray]:
    """The weights that the training had after a part."""
    if part.stop < ran.loop.step:
        return ran.loop.kept[part.stop].weights
    # what is kept, read without the harness's reader
    return network.stored(plain.job.checkpoint)


def _by_hand(
    plain: Plain, step: int, weights: Mapping[str, np.ndarray], found: Replayed
) -> None:
    """One step in plain NumPy, where a step is more than a batch and its rule."""
    if plain.job.config.precision == "fp16":
        found.left_out["step by hand"] = (
            "the first ones may be left out, to find a scale"
        )
        return
    batches = plain.batches(step)
    try:
        held = by_hand.hold(plain.make, plain.optimizer, weights, batches)
    except Unsupported as error:
        # it is made with plain descent, which the training may do without
        found.left_out["step by hand"] = str(error)
    else:
        found.checks.append(held)


def _moves(
    name: str, before: Mapping[str, np.ndarray], after: Mapping[str, np.ndarray]
) -> Check:
    """Whether weights move: the replay's trainer may have stopped learning as the loop's has."""
    still = all(_alike(after.get(one), array) for one, array in before.items())
    name = f"weights move in {name}"
    return check("replay", name, still, 0, unit="yes or no", graph="train")


def _weights(
    name: str,
    came: Mapping[str, np.ndarray],
    due: Mapping[str, np.ndarray],
    before: Mapping[str, np.ndarray],
    *,
    exact: bool,
) -> Check:
    """Weights against those of the replay."""
    name = f"weights after {name}"
    if exact:
        wrong = [one for one in due if not _alike(came.get(one), due[one])]
        note = f"the first {wrong[0]}" if wrong else ""
        return check(
            "replay", name, len(wrong), 0, unit="arrays", graph="train", note=note
        )
    off = went = 0.0
    for one, right in due.items():
        wide = right.astype(np.float64)
        off += float(((came[one] - wide) ** 2).sum())
        went += float(((before[one] - wide) ** 2).sum())
    error = math.sqrt(off / went) if went else math.sqrt(off)
    return check(
        "replay", name, error, STRAYS, unit="of the way they went", graph="train"
    )


def _alike(came: np.ndarray | None, due: np.ndarray) -> bool:
    return came is not None and np.array_equal(came, due, equal_nan=True)


def _rates(plain: Plain, rates: Mapping[int, float], found: Replayed) -> None:
    """Factors of the rate of the steps that were made again, in two ways, and as they were."""
    worst, where, highest = 0.0, "", plain.optimizer.lr or 1.0
    for step in found.losses:
        came, due = plain.rate(step - 1)
        # of a step that another process has made nothing is known
        if step - 1 in rates:
            came = rates[step - 1] / highest
        if not abs(came - due) <= worst:
            worst, where = abs(came - due), f"{came:.6g} at step {step}, not {due:.6g}"
    name = f"rates of {len(found.losses)} steps"
    found.checks.append(
        check("replay", name, worst, SUMMED, unit="", graph="train", note=where)
    )


def _curve(job: Job, ran: Ran, found: Replayed, *, exact: bool) -> None:
    """Points of the curves: where they are, and the means of the losses that were replayed."""
    curve, train = ran.loop.curve, job.settings.train
    first = brought.first_step(job)
    epoch = ran.loop.epochs.batches / train.accumulate
    due = {step for step in points_of(job, ran.loop.step, epoch) if step > first}
    came = {step for step in curve.loss_steps if step > first}
    # one that was stopped has a point of where that was
    odd = due - came if ran.began else due ^ came
    validated = {
        step
        for step in due
        if step % train.validate_every == 0 or step == ran.loop.step
    }
    odd |= validated ^ {step for step in curve.validation_steps if step > first}
    found.checks.append(_count("steps without their point of a curve", len(odd), 0))
    worst, where, points = 0.0, "", 0
    begins = [0, *curve.loss_steps]
    for begin, end, mean in zip(begins, curve.loss_steps, curve.loss, strict=False):
        losses = [found.losses.get(step) for step in range(begin + 1, end + 1)]
        known = [loss for loss in losses if loss is not None]
        # the mean of an interval of which a part was replayed is not known
        if not known or len(known) < len(losses):
            continue
        right = float(np.mean(known))
        points += 1
        error = abs(mean - right) / (abs(right) or 1.0)
        if not error <= worst:
            worst, where = error, f"{mean:.6g} at step {end}, {right:.6g} was due"
    if not points:
        found.left_out["loss"] = "no interval of the loss curve was replayed whole"
        return
    bound = SUMMED if exact and not ran.began else budget.FLOORS["trajectory"][0]
    name = f"{points} points of the loss curve"
    found.checks.append(check("replay", name, worst, bound, graph="train", note=where))


def _clock(ran: Ran, found: Replayed, *, replicas: int) -> None:
    """Seconds of the record, between what the steps take and what the process has waited.

    Replicas may be as many times as fast as the one that makes the steps again.
    """
    steps, counted = ran.loop.step - ran.began, ran.loop.seconds - ran.before
    if min(steps, len(found.seconds)) < TIMED:
        found.left_out["seconds"] = f"of fewer than {TIMED} steps none is timed alone"
        return
    least = min(found.seconds) * steps / FASTER / replicas
    for name, error, said in (
        ("seconds that steps take alone", least / max(counted, 1e-9), least),
        ("seconds of training", counted / max(ran.wall, 1e-9), counted),
    ):
        note = f"{said:.3g} s; {counted:.3g} s counted in {ran.wall:.3g} s"
        found.checks.append(
            check("replay", name, error, 1.0, unit="times", graph="train", note=note)
        )


def _count(name: str, came: int, due: int) -> Check:
    return check(
        "replay",
        name,
        abs(came - due),
        0,
        unit="in number",
        graph="train",
        note=f"{came:,} came, {due:,} were due",
    )
