"""Evaluate a trained model under a protocol: every metric, and a few poses to look at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from backends.base import Backend
from bench import metrics
from bench.coordinator.job import Finding, Job, Progress
from bench.data import Split
from bench.data.batches.windows import Windows
from bench.evaluation.poses import predicted, windows_of
from bench.evaluation.score import score
from bench.records import Evaluation
from bench.training.feed import split_of
from bench.training.restored import restored

Array = NDArray[np.float32]
Point = tuple[float, float, float]
EXAMPLES = 3  # poses kept for the figure


def run(job: Job, backend: Backend, device: str, progress: Progress) -> Finding:
    """Every metric of the protocol's test poses from the cell's checkpoint."""
    # no failure: the training before it has failed or was not asked for, and says so itself
    if not job.checkpoint.exists():
        return Finding(
            None,
            "not_measured",
            "there are no trained weights; run the train task first",
        )
    progress("reading data", 0.0)
    split = split_of(job)
    feed, program, steps = restored(job, split.protocol, backend, device)
    test = windows_of(job, feed, split.test, every=split.protocol.test_stride)
    pred = predicted(program, feed, test, progress)
    return Finding(_payload(job, split, test, pred, trained_steps=steps))


def _payload(
    job: Job,
    split: Split,
    test: Windows,
    pred: Array,
    *,
    trained_steps: int,
) -> Evaluation:
    protocol = split.protocol
    # spread evenly over the test set: neither its first pose nor its last
    chosen = np.linspace(0, len(pred) - 1, EXAMPLES + 2).astype(int)[1:-1]
    # mm, or pixels under 2.5D lengths, of which the metrics make mm
    scores = score(pred * 1000.0, test, protocol=protocol, chosen=job.config.metrics)
    return Evaluation(
        data=job.config.data,
        protocol=protocol.name,
        protocol_hash=protocol.hash,
        protocol_text=protocol.text,
        test_poses=test.scored,
        metrics=scores,
        headline=metrics.load(protocol.headline).NAME,
        averaging=protocol.averaging,
        skeleton_bones=test.skeleton.bones,
        example_true=_poses(test.metres(test.truth())[chosen]),
        example_pred=_poses(test.metres(pred)[chosen]),
        # relative, so that a run folder may be moved
        checkpoint=str(job.checkpoint.relative_to(job.folder)),
        note=f"weights after {trained_steps} steps",
    )


def _poses(metres: Array) -> tuple[tuple[Point, ...], ...]:
    """(N, J, 3) as a record holds it: mm, and numbers of Python, which JSON can write."""
    poses = []
    for pose in metres * 1000.0:
        joints = [(float(x), float(y), float(z)) for x, y, z in pose]
        poses.append(tuple(joints))
    return tuple(poses)
