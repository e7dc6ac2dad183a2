"""What evaluation found, held against the oracle: same windows, same poses, same scores.

The checks stand in the order of the pipeline, so the first that fails names what went wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bench import metrics as known
from bench.coordinator.job import Job
from bench.data import Split
from bench.data.batches.windows import Windows
from bench.evaluation.oracle import choice, cutting, network, scoring, sides, sight
from bench.evaluation.oracle.checks import apart, check
from bench.evaluation.oracle.choice import Frame, Rows
from bench.evaluation.oracle.cutting import Array, Cut, Float
from bench.evaluation.oracle.scaling import Scaling
from bench.evaluation.oracle.tally import Tally
from bench.records import Check, Metric
from bench.training.feed import Feed
from bench.training.held import fitted_on, scaled, trained

WINDOWS = 256  # that the oracle predicts
LEAST = 2
# FLOPs of all of them: some seconds of NumPy; a large model gets fewer windows
WORK = 4e9
# windows whose poses are computed in float32, too: enough to see how far rounding goes
ROUGH = 32
SCORE = 1e-3  # mm between two means of the same errors, or a millionth of them
MILLIONTH = 1e-6


@dataclass(frozen=True, kw_only=True)
class Own:
    """What the evaluation itself came to."""

    feed: Feed
    windows: Windows
    poses: Array  # (M, J, 3), in the model's unit
    metrics: tuple[Metric, ...]


@dataclass(frozen=True)
class Held:
    """The checks, how many windows the oracle predicted, and what was not held."""

    checks: tuple[Check, ...]
    windows: int
    left_out: dict[str, str]


def hold(job: Job, split: Split, own: Own) -> Held:
    """An evaluation against the oracle's own way from the raw clips to the scores."""
    seen = sight.of(own.feed.spec, split.protocol, job.settings.pad)
    stride = job.settings.test_every or seen.outputs
    test = Cut(cutting.strips(split.test), seen, stride)
    rows = choice.rows(test, split.protocol.test_stride)
    checks, left_out = sides.held(split)
    checks += _counts(own, test, rows)
    predicted = 0
    # of other frames no pose and no score could be compared
    if all(one.ok for one in checks[-2:]):
        train = trained(job, split, own.feed)
        fitted = fitted_on(job, own.feed, train)
        checks += [_truth(own, test, rows), scaled(own.feed, fitted, graph="infer")]
        found, predicted, reason = _predictions(job, own, test, rows, fitted)
        checks += found
        left_out |= {"windows": reason} if reason else {}
        checks += _scores(split, own, test, rows)
        left_out |= _beyond(own.metrics)
    return Held(tuple(checks), predicted, left_out)


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
        due = cutting.truth(strip, frames, test.sight)
        tally.strays(due.astype(np.float32), due)
        tally.add(came[rows.of(number)], due, cutting.named(strip, 0))
    return tally.check("truth", "poses of the scored frames", budgeted="node")


def _predictions(
    job: Job, own: Own, test: Cut, rows: Rows, fitted: Scaling
) -> tuple[list[Check], int, str]:
    """Keypoints and poses of the oracle's windows, how many, and why not more."""
    protocol, spec = own.feed.protocol, own.feed.spec
    once = network.cost(spec.infer, spec.frames) * (2 if protocol.flip_tta else 1)
    most = min(WINDOWS, max(LEAST, int(WORK // once)))
    averaged = protocol.overlap > 0
    frames = choice.frames(test, rows, averaged=averaged, most=most)
    numbers = sorted({number for frame in frames for number, _ in frame.windows})
    weights = network.weights(job.checkpoint)
    exact, rough = (
        network.made(
            spec,
            weights,
            sight=test.sight,
            scaling=fitted,
            flip=protocol.flip_tta,
            exact=is_exact,
        )
        for is_exact in (True, False)
    )
    seen = [_screen(test, number, np.float64) for number in numbers]
    some = numbers[:: -(-len(numbers) // ROUGH)]
    poses = dict(zip(numbers, exact.poses(seen), strict=True))
    near = [_screen(test, number, np.float32) for number in some]
    strayed = dict(zip(some, rough.poses(near), strict=True))
    checks = [_fed(own, test, dict(zip(numbers, seen, strict=True)), fitted)]
    checks += _poses(job, own, test, frames, poses, strayed)
    reason = ""
    if most < min(WINDOWS, len(test)):
        reason = f"{len(numbers)} of {len(test):,}: one takes {once / 1e9:.1f} GFLOP"
    return checks, len(numbers), reason


def _screen(test: Cut, number: int, kind: type[np.floating]) -> Array:
    strip, start = test.place(number)
    return cutting.keypoints(test.strips[strip], start, test.sight, kind)


def _fed(own: Own, test: Cut, windows: Mapping[int, Array], fitted: Scaling) -> Check:
    """What the infer graph is fed of these windows."""
    numbers = list(windows)
    batch, _ = own.windows.batch(numbers)
    fed = own.feed.inputs(batch)["keypoints"]
    tally = Tally()
    for came, (number, screen) in zip(fed, windows.items(), strict=True):
        due = fitted.scaled(screen)
        rough = fitted.scaled(_screen(test, number, np.float32))
        tally.strays(rough, due)
        strip, start = test.place(number)
        where = cutting.named(test.strips[strip], start)
        tally.add(came.reshape(due.shape), due, where)
    return tally.check("keypoints", "what the model is fed", budgeted="node")


def _poses(
    job: Job,
    own: Own,
    test: Cut,
    frames: Sequence[Frame],
    poses: Mapping[int, Float],
    strayed: Mapping[int, Array],
) -> list[Check]:
    """The predictions of the chosen frames, within what the precision allows."""
    tally = Tally()
    furthest = 0.0  # mm
    for number, rough in strayed.items():
        tally.strays(rough, poses[number])
    for frame in frames:
        parts = [poses[number][place] for number, place in frame.windows]
        due = network.averaged(parts)
        came = own.poses[frame.row]
        strip = test.strips[frame.strip]
        tally.add(came, due, cutting.named(strip, frame.frame))
        unit = 1000 * cutting.millimetres(strip, [frame.frame], test.sight)[0]
        distance = np.sqrt((((came - due) * unit) ** 2).sum(axis=-1))
        furthest = max(furthest, float(distance.max()))
    precision = job.config.precision
    found = tally.check(
        "poses",
        f"{len(frames):,} frames",
        budgeted="forward",
        precision=precision,
        millimetres=furthest if np.isfinite(furthest) else None,
    )
    return [found, *_precision(tally, precision)]


def _precision(tally: Tally, precision: str) -> list[Check]:
    """A half that was asked for has errors of its own; none means that float32 ran."""
    if precision == "fp32":
        return []
    share = tally.bound("forward") / (tally.relative or MILLIONTH)
    note = "poses as exact as float32's: the half that was asked for did not run"
    return [
        check(
            "precision",
            f"float32's budget over the error of {precision}",
            share,
            1.0,
            unit="of the error",
            note=note if share > 1 else "",
        )
    ]


def _scores(split: Split, own: Own, test: Cut, rows: Rows) -> list[Check]:
    """The record's numbers over all poses, against plain arithmetic on the same poses."""
    protocol = split.protocol
    scores = scoring.empty(protocol)
    root = test.sight.joints.index(protocol.root)
    for number, strip in enumerate(test.strips):
        frames = rows.frames[number]
        unit = 1000 * cutting.millimetres(strip, frames, test.sight)
        pose = own.poses[rows.of(number)].astype(np.float64) * unit
        if protocol.prediction_root == "zero":
            pose = pose - pose[:, root : root + 1]
        true = cutting.truth(strip, frames, test.sight)
        clip = strip.clip
        for score in scores.values():
            score.add(pose, true, action=clip.action, subject=clip.subject)
    names = {known.load(file).NAME: file for file in scores}
    return [
        _score(metric, scores[names[metric.name]].numbers())
        for metric in own.metrics
        if metric.name in names
    ]


def _score(metric: Metric, due: Mapping[str, float]) -> Check:
    """Every mean of one metric, as one check: the one that is furthest off."""
    came = scoring.recorded(metric)
    worst, error = "frame_wise", 0.0
    for name in {**due, **came}:
        mine, right = came.get(name), due.get(name)
        if mine is None or right is None:
            return check("score", metric.name, np.inf, SCORE, unit="mm", note=name)
        # float32 knows no more digits of a large error than of a small one
        off = apart(mine, right) / max(1.0, abs(right) * MILLIONTH / SCORE)
        if off > error:
            worst, error = name, off
    note = f"{worst}: {came[worst]:.4f}, plain arithmetic gives {due[worst]:.4f}"
    return check("score", metric.name, error, SCORE, unit="mm", note=note)


def _beyond(metrics: Iterable[Metric]) -> dict[str, str]:
    names = {known.load(file).NAME for file in scoring.ALIGNED}
    others = [metric.name for metric in metrics if metric.name not in names]
    if not others:
        return {}
    return {", ".join(others): "the oracle has no arithmetic of its own for them"}
