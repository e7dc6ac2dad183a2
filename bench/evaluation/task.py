"""Evaluate a trained model under a protocol: every metric, and a few poses to look at."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from backends.base import Backend
from bench import metrics
from bench.coordinator.job import Finding, Job, Progress
from bench.data import Split
from bench.data.batches.windows import Windows
from bench.data.pieces import pieces
from bench.evaluation import masked, several
from bench.evaluation.agreement import agreement, whole
from bench.evaluation.baselines.predictors import frames_of
from bench.evaluation.held import Held, Own, hold
from bench.evaluation.oracle.checks import check, first_failure
from bench.evaluation.poses import predicted, windows_of
from bench.evaluation.score import Surface, score
from bench.evaluation.surfaces import Made
from bench.processes.blame import RAISED, said
from bench.records import Aggregate, Check, Evaluation
from bench.training.feed import Feed, split_of
from bench.training.restored import Restored, restored

Array = NDArray[np.float32]
Point = tuple[float, float, float]
EXAMPLES = 3  # poses kept for the figure
NOBODY = np.array([], int)
ANY = "a file by its path may be of any training"


def run(job: Job, backend: Backend, device: str, progress: Progress) -> Finding:
    """Every metric of the protocol's test poses from the cell's checkpoint."""
    # no failure: the training before it has failed or was not asked for, and says so itself
    if not job.evaluated.exists() and not job.of_any_training:
        return Finding(
            None,
            "not_measured",
            "there are no trained weights; run the train task first",
        )
    progress("reading data", 0.0)
    split = split_of(job)
    model = restored(job, split.protocol, backend, device)
    test = windows_of(job, model.feed, split.test, every=split.protocol.test_stride)
    judged = _masked if model.feed.spec.masked else _whole
    own = judged(job, split, model, test, progress)
    progress("holding it against the oracle", 1.0)
    began = time.perf_counter()
    held = _held(job, split, own, model, backend, device)
    payload = _payload(job, split, own, trained_steps=model.progress["step"])
    told = {
        "checks": held.checks,
        "held_windows": held.windows,
        "held_seconds": time.perf_counter() - began,
        "left_out": held.left_out,
    }
    reason = first_failure(held.checks)
    payload = payload.model_copy(update=told)
    return Finding(payload, "failed" if reason else "ok", reason)


def _whole(
    job: Job, split: Split, model: Restored, test: Windows, progress: Progress
) -> Own:
    """The metrics of the protocol, and what can be made of several hypotheses."""
    protocol = split.protocol
    found = predicted(model.program, model.feed, test, progress)
    # mm, or pixels under 2.5D lengths, of which the metrics make mm
    pixels = test.factors() is not None
    lengths = found.poses if pixels else test.metres(found.poses)
    judged, view = lengths * 1000.0, None
    aggregates: tuple[Aggregate, ...] = ()
    left_out: dict[str, str] = {}
    if found.hypotheses is not None:
        # in float64: which one projects nearest is not to hang on a rounding
        drawn = found.hypotheses.astype(np.float64) * 1000.0
        aggregates, left_out = several.scores(
            drawn, test, split.test, protocol=protocol
        )
        if protocol.hypotheses != "one":
            judged, view = drawn, several.view_of(test, split.test)
    metrics = score(
        judged,
        test,
        protocol=protocol,
        chosen=job.config.metrics,
        view=view,
        surface=_surface(split, model.feed, test, found.vertices),
    )
    return Own(
        feed=model.feed,
        windows=test,
        poses=found.poses,
        metrics=metrics,
        hypotheses=found.hypotheses,
        vertices=found.vertices,
        aggregates=aggregates,
        left_out=left_out,
    )


def _surface(
    split: Split, feed: Feed, test: Windows, vertices: Array | None
) -> Surface | None:
    """What is scored of a surface, where the model makes one."""
    if vertices is None or feed.skin is None:
        return None
    seen = several.view_of(test, split.test)
    return Surface(Made(vertices), feed.skin, seen)


def _masked(
    job: Job, split: Split, model: Restored, test: Windows, progress: Progress
) -> Own:
    """What is hidden of all scored frames, its error, and that of what costs nothing."""
    protocol = split.protocol
    train = frames_of(pieces(split.train, joints=protocol.joints), protocol)
    guess = masked.guesses(model.feed, train)
    found = masked.answers(model.program, model.feed, test, guess, progress)
    metric, guessed = masked.scores(model.feed, test, found)
    return Own(
        feed=model.feed,
        windows=test,
        poses=found.made,
        metrics=(metric,),
        hidden=found.hidden,
        guesses=guessed,
    )


def _held(
    job: Job,
    split: Split,
    own: Own,
    model: Restored,
    backend: Backend,
    device: str,
) -> Held:
    """All that can be held against the oracle; what raises there does not lose the scores."""
    checks = whole(job, split, model)
    left_out = dict(own.left_out)
    if job.of_any_training:
        left_out["checkpoint"] = ANY
    windows = 0
    try:
        held = hold(job, split, own)
        windows = held.windows
        checks += held.checks
        left_out |= held.left_out
        batch = min(model.feed.at_once, len(own.windows))
        again: Check | str = ANY
        if not job.of_any_training:
            again = agreement(job, split, model, backend, device, batch=batch)
        if isinstance(again, str):
            left_out["validation"] = again
        else:
            checks.append(again)
    except MemoryError:
        # float64 takes twice what was evaluated, which says nothing against the model
        left_out["the oracle"] = "it needs more memory than there is"
    except RAISED as error:
        checks.append(check("oracle", "it raised", np.inf, 0.0, note=said(error)))
    return Held(tuple(checks), windows, left_out)


def _payload(job: Job, split: Split, own: Own, *, trained_steps: int) -> Evaluation:
    protocol, test = split.protocol, own.windows
    truth = test.truth()
    missing = np.any(np.isnan(truth), axis=-1)  # (M, J)
    # keypoints are no skeleton to be drawn
    drawn = own.feed.spec.makes == "poses"
    chosen = _examples(np.flatnonzero(~missing.any(axis=1)) if drawn else NOBODY)
    headline = metrics.load(protocol.headline).NAME
    return Evaluation(
        data=job.config.data,
        protocol=protocol.name,
        protocol_hash=protocol.hash,
        fraction=protocol.fraction,
        protocol_text=protocol.text,
        test_poses=test.scored,
        missing_joints=int(missing.sum()),
        rootless_poses=int(missing[:, test.root].sum()),
        metrics=own.metrics,
        guesses=own.guesses,
        hypotheses=own.feed.hypotheses,
        aggregates=own.aggregates,
        headline=headline if own.hidden is None else own.feed.measured,
        averaging=protocol.averaging,
        skeleton_bones=test.skeleton.bones,
        example_true=_poses(test.metres(truth)[chosen]),
        example_pred=_poses(test.metres(own.poses)[chosen]) if drawn else (),
        checkpoint=_place(job),
        note=f"weights after {trained_steps} steps" + _unscored(own, missing),
    )


def _place(job: Job) -> str:
    """Where the weights lie: relative in the run folder, which may be moved."""
    place = job.evaluated
    return str(place.relative_to(job.folder) if job.folder in place.parents else place)


def _unscored(own: Own, missing: NDArray[np.bool_]) -> str:
    """What the scores are of, and what they leave out: what the truth lacks, what is shown."""
    told = ""
    if own.feed.skin:
        told += f"; surfaces are of {own.feed.skin.mesh.name}"
    if missing.any():
        rootless = missing[:, own.windows.root].sum()
        told += (
            f"; {missing.sum():,} of {missing.size:,} joints are not scored, for the truth"
            f" lacks them, or the root of their pose ({rootless:,} poses)"
        )
    if own.hidden is not None:
        told += (
            f"; scored on the {own.hidden.sum():,} of {own.hidden.size:,} entries that are"
            " hidden, without flip averaging"
        )
    return told


def _examples(whole: NDArray[np.int_]) -> NDArray[np.int_]:
    """A few of the poses whose truth is whole, each once; none where there are none."""
    if len(whole) <= EXAMPLES:
        return whole
    # spread evenly over the test set: neither its first pose nor its last
    places = np.linspace(0, len(whole) - 1, EXAMPLES + 2).astype(int)[1:-1]
    return whole[places]


def _poses(metres: Array) -> tuple[tuple[Point, ...], ...]:
    """(N, J, 3) as a record holds it: mm, and numbers of Python, which JSON can write."""
    poses = []
    for pose in metres * 1000.0:
        joints = [(float(x), float(y), float(z)) for x, y, z in pose]
        poses.append(tuple(joints))
    return tuple(poses)
