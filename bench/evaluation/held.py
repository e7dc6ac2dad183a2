"""What evaluation found, held against the oracle: same windows, same poses, same scores.

The checks stand in the order of the pipeline, so the first that fails names what went wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from bench.coordinator.job import Job
from bench.data import Split
from bench.data.batches.windows import Windows
from bench.evaluation.oracle import (
    choice,
    cutting,
    network,
    scaling,
    scoring,
    several,
    sides,
    sight,
    surfaces,
)
from bench.evaluation.oracle.checks import check
from bench.evaluation.oracle.choice import Frame, Rows
from bench.evaluation.oracle.cutting import Array, Cut, Float
from bench.evaluation.oracle.scaling import Scaling
from bench.evaluation.oracle.scoring import Numbers
from bench.evaluation.oracle.tally import LEAST as LEAST_SPREAD
from bench.evaluation.oracle.tally import SHARE, TIMES, Tally
from bench.records import Aggregate, Baseline, Check, Metric
from bench.training.feed import Feed
from bench.training.held import fitted_on, scaled, trained

WINDOWS = 256  # that the oracle predicts
LEAST = 2
# FLOPs of all of them: some seconds of NumPy; a large model gets fewer windows
WORK = 4e9
# FLOPs of each run in float32, which shows how far rounding goes, and seeds of what disturbs
# the weights in it: one run alone may be right by luck.
ROUGH = 5e8
NUDGES = (0, 1, 2)
MILLIONTH = 1e-6
# by how much poses in a half may be larger or smaller on the whole, where roundings even out
GROWTH = 0.01


@dataclass(frozen=True, kw_only=True)
class Own:
    """What the evaluation itself came to."""

    feed: Feed
    windows: Windows
    poses: Array  # (M, J, C), in the model's unit
    metrics: tuple[Metric, ...]
    hypotheses: Array | None = None  # (M, H, J, 3), in that unit
    vertices: Array | None = None  # (M, V, 3), metres, of a model that makes a surface
    aggregates: tuple[Aggregate, ...] = ()  # what was made of them
    left_out: Mapping[str, str] = field(default_factory=dict)  # and what was not -> why
    # (M, J) of a masked model; what was guessed there
    hidden: NDArray[np.bool_] | None = None
    guesses: tuple[Baseline, ...] = ()

    @property
    def answers(self) -> Array:
        """What the oracle's network gives: poses, and what a masked model hides behind them."""
        if self.hidden is None:
            return self.poses
        return np.concatenate([self.poses, self.hidden[..., None]], axis=-1)


@dataclass(frozen=True)
class Held:
    """The checks, how many windows the oracle predicted, and what was not held."""

    checks: tuple[Check, ...]
    windows: int
    left_out: dict[str, str]


def hold(job: Job, split: Split, own: Own) -> Held:
    """An evaluation against the oracle's own way from the raw clips to the scores."""
    seen = sight.of(own.feed.spec, split.protocol, job)
    # no picture is made that is not scored
    usual = split.protocol.test_stride if seen.reads == "images" else seen.outputs
    stride = job.settings.test_every or usual
    test = Cut(cutting.strips(split.test), seen, stride)
    rows = choice.rows(test, split.protocol.test_stride)
    checks, left_out = sides.held(split)
    checks += _counts(own, test, rows)
    predicted = 0
    # of other frames no pose and no score could be compared
    if all(one.ok for one in checks[-2:]):
        fitted, reason = _fitted(job, split, own)
        left_out |= {"scaling": reason} if reason else {}
        checks += [_truth(own, test, rows), scaled(own.feed, fitted, graph="infer")]
        found, predicted, reason = _predictions(job, own, test, rows, fitted)
        checks += found
        left_out |= {"windows": reason} if reason else {}
        found, without = _scores(split, own, test, rows)
        checks += found
        left_out |= without
    return Held(tuple(checks), predicted, left_out)


def _fitted(job: Job, split: Split, own: Own) -> tuple[Scaling, str]:
    """How keypoints are to be scaled, and what could not be held of that."""
    if not job.of_any_training:
        return fitted_on(job, own.feed, trained(job, split, own.feed)), ""
    # the clips that such a file was trained on may be others than the run's
    found = network.stored(job.evaluated, "scaling")
    seen = sight.of(own.feed.spec, split.protocol, job)
    return scaling.kept(found, seen), "taken from the file, whose clips nobody knows"


def _counts(own: Own, test: Cut, rows: Rows) -> list[Check]:
    """As many windows, as many scored frames."""
    windows, frames = len(own.windows), own.windows.scored
    return [
        check("windows", "test windows", abs(windows - len(test)), 0, unit="windows"),
        check(
            "windows",
            "scored frames",
            abs(frames - rows.starts[-1]),
            0,
            unit="frames",
            note=f"{frames:,} came, {rows.starts[-1]:,} were due",
        ),
    ]


def _truth(own: Own, test: Cut, rows: Rows) -> Check:
    """The targets of all scored frames, mm from the root."""
    came = 1000.0 * own.windows.metres(own.windows.truth())
    tally = Tally()
    for number, strip in enumerate(test.strips):
        frames = rows.frames[number]
        right = cutting.truth(strip, frames, test.sight)
        # what is missing must be so here and there; of a difference one side is no number
        found, due = cutting.there(came[rows.of(number)], right)
        tally.strays(due.astype(np.float32), due)
        tally.add(found, due, cutting.named(strip, 0))
    return tally.check("truth", "poses of the scored frames", budgeted="node")


def _predictions(
    job: Job, own: Own, test: Cut, rows: Rows, fitted: Scaling
) -> tuple[list[Check], int, str]:
    """Keypoints and poses of the oracle's windows, how many, and why not more."""
    protocol, spec = own.feed.protocol, own.feed.spec
    once = network.cost(spec.infer, spec.frames) * (2 if protocol.flip_tta else 1)
    most = min(WINDOWS, max(LEAST, int(WORK // once)))
    frames = choice.frames(test, rows, averaged=protocol.overlap > 0, most=most)
    numbers = sorted({number for frame in frames for number, _ in frame.windows})
    computed = partial(
        network.predicted,
        test=test,
        spec=spec,
        weights=network.weights(job.evaluated),
        scaling=fitted,
        flip=protocol.flip_tta,
    )
    checks = [_fed(own, test, numbers, fitted)]
    for output in ("pose", "vertices") if spec.meshed else ("pose",):
        some = partial(computed, output=output)
        made = some(numbers, precision="fp64")
        most_of = max(LEAST, int(ROUGH // once))
        strayed = _strayed(some, made, job.config.precision, most_of)
        checks += _poses(job, own, test, frames, made, strayed, output)
    reason = ""
    if most < min(WINDOWS, len(test)):
        reason = f"{len(numbers)} of {len(test):,}: one takes {once / 1e9:.1f} GFLOP"
    return checks, len(numbers), reason


def _strayed(
    computed: Callable[..., dict[int, Array]],
    poses: Mapping[int, Array],
    precision: str,
    most: int,
) -> list[dict[int, Array]]:
    """The same windows, or some, in the run's precision: how far rounding goes."""
    if precision != "fp32":
        # the mean of all counts
        return [computed(list(poses), precision=precision)]
    # the largest error counts, which comes of large values
    some = sorted(poses, key=lambda number: -float(np.abs(poses[number]).max()))
    return [computed(some[:most], precision="fp32", nudge=nudge) for nudge in NUDGES]


def _fed(own: Own, test: Cut, numbers: Sequence[int], fitted: Scaling) -> Check:
    """What the infer graph is fed of these windows."""
    feed = own.feed
    shown = feed.shown(*own.windows.batch(numbers))
    fed = feed.inputs(shown, numbers)[feed.spec.reads]
    tally = Tally()
    for came, number in zip(fed, numbers, strict=True):
        screen = network.screen(test, number, np.float64)
        due = fitted.scaled(screen)
        rough = fitted.scaled(network.screen(test, number, np.float32))
        tally.strays(rough, due, fitted.rounding(screen))
        strip, start = test.place(number)
        where = cutting.named(test.strips[strip], start)
        tally.add(came.reshape(due.shape), due, where)
    return tally.check(feed.spec.reads, "what the model is fed", budgeted="node")


def _poses(
    job: Job,
    own: Own,
    test: Cut,
    frames: Sequence[Frame],
    poses: Mapping[int, Array],
    strayed: Sequence[Mapping[int, Array]],
    output: str,
) -> list[Check]:
    """The predictions of the chosen frames, within what the precision allows."""
    what, answers = "poses", own.answers
    if output == "vertices" and own.vertices is not None:
        what, answers = output, own.vertices
    tally = Tally()
    furthest = 0.0  # mm
    for run in strayed:
        for number, rough in run.items():
            tally.strays(rough, poses[number])
    for frame in frames:
        parts = [poses[number][place] for number, place in frame.windows]
        due = network.averaged(parts)
        came = answers[frame.row]
        strip = test.strips[frame.strip]
        tally.add(came, due, cutting.named(strip, frame.frame))
        if test.sight.makes == "poses":
            places = [
                cutting.lengths(strip, [frame.frame], pose[None], test.sight)
                for pose in (came, due)
            ]
            distance = np.sqrt(((places[0] - places[1]) ** 2).sum(axis=-1))
            furthest = max(furthest, float(distance.max()))
    precision = job.config.precision
    name = f"{len(frames):,} frames"
    if precision != "fp32":
        return _half(tally, what, name, precision)
    lengths = test.sight.makes == "poses" and np.isfinite(furthest)
    shift = furthest if lengths else None
    return [tally.check(what, name, budgeted="forward", millimetres=shift)]


def _half(tally: Tally, what: str, name: str, precision: str) -> list[Check]:
    """Poses of a half, whose roundings are large and even out.

    Single joints may be far off, where a network is steep; all of them together are not. And
    errors there must be: fewer mean that float32 ran, or another half.
    """
    share = SHARE * tally.usual / (tally.spread or tally.usual * MILLIONTH or 1.0)
    exact = "more exact than this half can be: it did not run"
    return [
        check(
            what,
            f"{name} in {precision}, root mean square",
            tally.spread,
            max(LEAST_SPREAD, TIMES * tally.usual),
            note=f"NumPy rounded to {precision} has {tally.usual:.3g}",
        ),
        check(what, f"size in {precision}", abs(tally.growth), GROWTH),
        check(
            "precision",
            f"least error of {precision} over the error",
            share,
            1.0,
            unit="times",
            note=exact if share > 1 else "",
        ),
    ]


def _scores(
    split: Split, own: Own, test: Cut, rows: Rows
) -> tuple[list[Check], dict[str, str]]:
    """The record's numbers over all poses, against plain arithmetic on the same poses."""
    if own.hidden is not None:
        error = scoring.hidden(test, rows, own.poses, own.hidden)
        left_out = {one.name: "guesses are not made again" for one in own.guesses}
        return [scoring.held(own.metrics[0], error)], left_out
    poses = _made(split, own, test, rows, split.protocol.hypotheses)
    due = scoring.scored(test, rows, split.protocol, poses)
    found, without = _surfaces(split, own, test, rows, poses)
    checks, left_out = scoring.all_held(own.metrics, due | found)
    left_out |= without
    for one in own.aggregates:
        poses = _made(split, own, test, rows, one.rule)
        due = scoring.scored(test, rows, split.protocol, poses)
        held, _ = scoring.all_held(one.metrics, due, of=one.name)
        checks += held
    return checks, left_out


def _surfaces(
    split: Split, own: Own, test: Cut, rows: Rows, poses: Callable[[int], Float]
) -> tuple[dict[str, Numbers], dict[str, str]]:
    """The due means of metrics of a surface, where the model makes one, and why there are none."""
    vertices, skin = own.vertices, own.feed.skin
    if vertices is None or skin is None:
        return {}, {}

    def made(number: int) -> Float:
        return vertices[rows.of(number)].astype(np.float64) * 1000

    return surfaces.scored(test, rows, split.protocol, skin.mesh, made, poses)


def _made(
    split: Split, own: Own, test: Cut, rows: Rows, rule: str
) -> Callable[[int], Float]:
    """The poses of each strip, mm, as a rule makes them of hypotheses; "one": the model's own."""
    protocol, joints = split.protocol, test.sight.joints
    named = protocol.joints_for("mpjpe") or joints
    counted = [place for place, joint in enumerate(joints) if joint in named]
    root = joints.index(protocol.root)

    def made(number: int) -> Float:
        strip, frames = test.strips[number], rows.frames[number]
        if rule == "one" or own.hypotheses is None:
            return cutting.lengths(
                strip, frames, own.poses[rows.of(number)], test.sight
            )
        unit = 1000 * cutting.millimetres(strip, frames, test.sight)
        drawn = own.hypotheses[rows.of(number)].astype(np.float64) * unit[:, None]
        if protocol.prediction_root == "zero":
            drawn = drawn - drawn[:, :, root : root + 1]
        return several.one_of(
            rule, drawn, strip=strip, frames=frames, sight=test.sight, counted=counted
        )

    return made
