"""What a training starts with, held against plain NumPy: weights, scaling, a few batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from backends.base import Arrays
from bench.coordinator.job import Job
from bench.data import Split
from bench.evaluation.oracle import body, cutting, scaling, sides, sight
from bench.evaluation.oracle.checks import apart, check
from bench.evaluation.oracle.cutting import Array, Cut
from bench.evaluation.oracle.scaling import Scaling
from bench.evaluation.oracle.tally import Tally
from bench.records import Check
from bench.training import brought, heldout, start
from bench.training.feed import VERTICES, Feed
from bench.training.loop import Loop
from models.graph import Graph

STEPS = 4  # whose batches are looked at, from the first to the last
WINDOWS = 64  # of each of them, drawn
SEEN = 16  # windows of the validation whose poses are looked at
# absolute, on a screen from -1 to 1: some ten roundings of float32
ROUNDING = 1e-6
# share of arrays that a training may leave as they were: not all
UNMOVED = 0.999
FEW = 32  # windows in all, of which no order can be told
# that of draws with an even chance the share is so far from a half
CHANCE = 1e-9


@dataclass(frozen=True)
class Held:
    """What was held against plain NumPy, and what could not be."""

    checks: tuple[Check, ...]
    left_out: dict[str, str]


def hold(job: Job, split: Split, loop: Loop) -> Held:
    """A training that is about to begin or to go on."""
    checks, left_out = sides.held(split)
    if loop.start:
        checks.append(_start(job, loop))
    else:
        left_out["start"] = "the checkpoint is of before starts were kept"
    checks += _validated(job, split, loop)
    cut = trained(job, split, loop.feed)
    fitted = fitted_on(job, loop.feed, cut)
    checks.append(scaled(loop.feed, fitted))
    if job.config.augment:
        left_out["batches"] = "augmented clips are no longer the raw ones"
    else:
        checks += _batches(job, loop, cut, fitted)
    return Held(tuple(checks), left_out)


def ended(job: Job, loop: Loop) -> tuple[Check, ...]:
    """A training that ends well: all its steps, the last one validated, and something moved."""
    steps = _last(job, loop)
    validated = loop.curve.validation_steps[-1:] or [0]
    graph = loop.feed.spec.train
    weights = loop.trainer.program.params()
    begun = brought.weights(job, graph.params)
    checks = [
        check("end", "steps", abs(steps - loop.step), 0, unit="steps", graph="train"),
        check(
            "end",
            "step of the last validation",
            abs(steps - validated[0]),
            0,
            unit="steps",
            graph="train",
        ),
    ]
    checks.append(_frozen(job, graph, weights, begun))
    checks += _counted(job, loop, weights)
    # one array may stand still, as behind dead units; all of a kind never do
    for what, names in (
        ("weights", graph.trainable()),
        ("running statistics", tuple(graph.state)),
    ):
        if names:
            still = [np.array_equal(weights[name], begun[name]) for name in names]
            name = f"{what} that are still those of the start"
            share = float(np.mean(still))
            checks.append(
                check("end", name, share, UNMOVED, unit="of all", graph="train")
            )
    return tuple(checks)


def _counted(job: Job, loop: Loop, weights: Arrays) -> list[Check]:
    """How far a momentum of batch norm has fallen, where it does: with every batch."""
    train = job.settings.train
    # what another training had counted before, nobody knows here
    if train.norm_momentum is None or train.continues:
        return []
    due = loop.step * loop.plan.accumulate
    off = abs(int(weights["norm_momentum.batches"]) - due)
    name = "batches that its momentum has fallen by"
    return [check("end", name, off, 0, unit="batches", graph="train")]


def _frozen(job: Job, graph: Graph, weights: Arrays, begun: Arrays) -> Check:
    """Weights that no step may move: by the graph, and by the settings themselves."""
    moving = {*graph.trainable(), *graph.state}
    moved = []
    for name in graph.params:
        still = name not in moving or (name not in graph.state and _held(job, name))
        if still and not np.array_equal(weights[name], begun[name]):
            moved.append(name)
    note = f"the first {moved[0]}" if moved else ""
    name = "frozen weights that have moved"
    return check("end", name, len(moved), 0, unit="arrays", graph="train", note=note)


def _held(job: Job, name: str) -> bool:
    """Whether the first group that a name fits is frozen."""
    fitting = (one for one in job.training.groups if fnmatchcase(name, one.params))
    return any(one.frozen for one in islice(fitting, 1))


def _last(job: Job, loop: Loop) -> int:
    """The step that a training ends with, by its curve where it stops early."""
    train, curve = job.settings.train, loop.curve
    errors = curve.validation
    first = brought.first_step(job)
    for place in range(train.patience or len(errors), len(errors)):
        if curve.validation_steps[place] <= first:
            continue  # another training's, which had a patience of its own
        # nothing as good in the last few
        since = errors[place - (train.patience or 0) + 1 : place + 1]
        if min(since) >= min(errors[: place + 1 - len(since)]):
            return curve.validation_steps[place]
    return train.steps_of(loop.epochs.batches)


def trained(job: Job, split: Split, feed: Feed) -> Cut:
    """The training windows of a job, cut by the oracle."""
    train = job.settings.train
    seen = sight.of(feed.spec, split.protocol, job, training=True)
    # neighbours of a sequence model overlap by two thirds, where nothing else is asked for
    usual = max(1, seen.frames // 3) if seen.outputs > 1 else 1
    strips = cutting.strips(
        split.train,
        whole=seen.joints,
        longest=train.longest,
        shortest=train.shortest,
    )
    return Cut(strips, seen, train.stride or usual)


def fitted_on(job: Job, feed: Feed, train: Cut) -> Scaling:
    """How keypoints are to be scaled: by the training clips alone."""
    how = job.training.inputs
    return scaling.fit(train) if how == "zscore" else scaling.none(train.sight)


def scaled(feed: Feed, due: Scaling, *, graph: str = "train") -> Check:
    """How keypoints are scaled, against mean and deviation of the training clips."""
    own = feed.standardizer
    mean = due.mean * 0 if own is None else own.mean
    deviation = due.deviation * 0 + 1 if own is None else own.std
    error = max(apart(mean, due.mean), apart(deviation, due.deviation))
    return check(
        "scaling",
        "mean and deviation of the training clips' keypoints",
        error,
        ROUNDING,
        unit="of the screen",
        graph=graph,
    )


def _start(job: Job, loop: Loop) -> Check:
    """The weights before the first step, against those that were due."""
    params, seed = loop.feed.spec.train.params, job.config.seed
    due = brought.weights(job, params)
    right = loop.start == start.digest(due, params)
    note = ""
    of_a_file = " and a file has them" if job.settings.train.start else ""
    # of a resumed training the weights themselves are gone, and their digest is left
    if not right and not loop.step:
        strange = start.strangers(loop.trainer.program.params(), due)
        note = f"{len(strange)} of {len(params)} differ, the first {strange[:1]}"
    return check(
        "start",
        f"the weights before the first step, as seed {seed} draws them{of_a_file}",
        0.0 if right else 1.0,
        0.0,
        unit="digests",
        graph="train",
        note=note,
    )


def _validated(job: Job, split: Split, loop: Loop) -> list[Check]:
    """Whose poses the validation looks at: of test clips or held-out ones, and how many."""
    validation = loop.validation
    seen = sight.of(loop.feed.spec, split.protocol, job)
    clips = split.validation if heldout.asked(job.settings.train) else split.test
    cut = Cut(cutting.strips(clips), seen, seen.outputs)
    strips = {(one.clip.name, one.clip.camera_name): one for one in cut.strips}
    drawn = validation.drawn()
    places = validation.windows.origins(drawn)
    strays = [place for place in places if place[:2] not in strips]
    due = min(job.settings.train.validation_windows, len(cut))
    checks = [
        check(
            "validation",
            "windows of clips that are not validated on",
            len(strays),
            0,
            unit="windows",
            note=f"the first {strays[0]}" if strays else "",
        ),
        _held_out(split),
        check("validation", "windows", abs(len(places) - due), 0, unit="windows"),
    ]
    if strays:
        return checks
    # a name may be on both sides, where training clips are of another source
    tally = Tally()
    for row in cutting.spread(len(places), SEEN):
        take, camera, first = places[row]
        strip, frames = strips[take, camera], range(first, first + seen.outputs)
        right: Array = cutting.poses(strip, frames, seen)
        _, target = validation.windows.batch(drawn[row : row + 1])
        came, right = cutting.there(target.reshape(right.shape), right)
        tally.strays(right.astype(np.float32), right)
        tally.add(came, right, cutting.named(strip, first))
    poses = tally.check("validation", "poses of validation clips", budgeted="node")
    return [*checks, poses]


def _held_out(split: Split) -> Check:
    """That held-out takes are for nothing else."""
    others = {clip.name for clip in (*split.train, *split.test)}
    both = others & {clip.name for clip in split.validation}
    return check(
        "validation",
        "takes that are held out, and trained or tested on",
        len(both),
        0,
        unit="takes",
        note=f"the first {min(both)}" if both else "",
    )


def _batches(job: Job, loop: Loop, cut: Cut, fitted: Scaling) -> list[Check]:
    """What the train graph is fed in some steps, window by window."""
    seen, found, surface = Tally(), Tally(), Tally()
    mirrored = windows = 0
    drawn = []
    for step in cutting.spread(loop.plan.steps * loop.plan.accumulate, STEPS):
        batches = list(loop.epochs.steps(step, step + 1))
        if len(batches) != 1:
            name = f"batches of step {step}"
            return [check("batch", name, abs(len(batches) - 1), 0, unit="batches")]
        (batch,) = batches
        drawn.append((step, batch.indices))
        # the whole batch as the graph gets it; rows of a later part may be of another making
        feeds = loop.feed.batch(batch.keypoints, batch.target, batch.metres)
        order = np.random.default_rng(step).permutation(len(batch.indices))
        for row in order[:WINDOWS].tolist():
            fed = {name: array[row] for name, array in feeds.items()}
            number = int(batch.indices[row])
            flipped = _window(fed, cut, number, fitted, seen, found)
            mirrored += flipped
            windows += 1
            if VERTICES in fed:
                _surface(loop.feed, cut, number, fed[VERTICES], flipped, surface)
    graph = "train"
    surfaces = surface.check(
        "batch", "surfaces that are fed", budgeted="node", graph=graph
    )
    return [
        seen.check("batch", "keypoints that are fed", budgeted="node", graph=graph),
        found.check("batch", "targets that are fed", budgeted="node", graph=graph),
        *([surfaces] if loop.feed.skin else []),
        _mirrored(mirrored, windows, flip=job.settings.train.flip),
        *_order(drawn, len(cut), loop.epochs.batch),
    ]


def _surface(
    feed: Feed, cut: Cut, number: int, fed: Array, flipped: bool, tally: Tally
) -> None:
    """Hold a window's surface (V, 3) against the body in its true pose, metres."""
    assert feed.skin is not None  # as it has made it
    place, first = cut.place(number)
    pose: Array = cutting.truth(cut.strips[place], [first], cut.sight) / 1000
    if flipped:
        pose = cutting.mirrored(pose, cut.sight)
    due = body.posed(feed.skin.mesh, cut.sight.joints, pose)[0]
    tally.strays(due.astype(np.float32), due)
    tally.add(fed, due, cutting.named(cut.strips[place], first))


def _window(
    fed: dict[str, Array],
    cut: Cut,
    number: int,
    fitted: Scaling,
    seen: Tally,
    found: Tally,
) -> bool:
    """Hold one window against the oracle's; whether it came mirrored."""
    sight = cut.sight
    place, first = cut.place(number)
    strip = cut.strips[place]
    target: Array = cutting.due(strip, first, sight)
    screen = cutting.shown(strip, first, sight)
    rough = cutting.shown(strip, first, sight, np.float32)
    seen.strays(fitted.scaled(rough), fitted.scaled(screen), fitted.rounding(screen))
    found.strays(target.astype(np.float32), target)
    keypoints = fed[sight.reads].reshape(screen.shape)
    turned = cutting.seen_mirrored(screen, sight)
    # either may be asked for; which one it is, the nearer one says
    flipped = apart(keypoints, fitted.scaled(turned)) < apart(
        keypoints, fitted.scaled(screen)
    )
    if flipped:
        screen, target = turned, cutting.mirrored(target, sight)
    where = cutting.named(strip, first)
    seen.add(keypoints, fitted.scaled(screen), where)
    if "target" in fed:
        found.add(fed["target"].reshape(target.shape), target, where)
    return flipped


def _mirrored(mirrored: int, windows: int, *, flip: bool) -> Check:
    """How many windows came mirrored, against a half or none."""
    due, allowed = 0.0, 0.0
    if flip:
        # Hoeffding's inequality: a share of so many draws is hardly ever further off
        due, allowed = 0.5, float(np.sqrt(np.log(2 / CHANCE) / (2 * windows)))
    return check(
        "batch",
        "share of mirrored windows",
        abs(mirrored / windows - due),
        allowed,
        unit="of the windows",
        graph="train",
    )


def _order(
    drawn: Sequence[tuple[int, NDArray[np.int64]]], windows: int, batch: int
) -> list[Check]:
    """Windows of some steps: none twice in an epoch, and in no order that one sees."""
    epochs: dict[int, list[int]] = {}
    neighbours = pairs = 0
    for step, indices in drawn:
        epoch = step // max(1, windows // batch)
        epochs.setdefault(epoch, []).extend(indices.tolist())
        neighbours += int((np.diff(indices) == 1).sum())
        pairs += len(indices) - 1
    twice = sum(len(seen) - len(set(seen)) for seen in epochs.values())
    checks = [
        check(
            "batch",
            "windows that come twice in an epoch",
            twice,
            0,
            unit="windows",
            graph="train",
        )
    ]
    # of few windows a shuffled order, too, has many neighbours
    if windows >= FEW and pairs:
        share = neighbours / pairs
        name = "share of windows that follow their neighbour"
        checks.append(
            check("batch", name, share, 0.5, unit="of the windows", graph="train")
        )
    return checks
