"""Evaluate a trained model under a protocol."""

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
EXAMPLES = 3  # poses kept for the figure


def run(job: Job, backend: Backend, device: str, progress: Progress) -> Finding:
    """Every metric of the protocol's test poses from the cell's checkpoint."""
    if not job.checkpoint.exists():
        return Finding(
            None, "not_measured", "there are no trained weights; run the train task first"
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
    chosen = np.linspace(0, len(pred) - 1, EXAMPLES + 2).astype(int)[1:-1]
    return Evaluation(
        data=job.config.data,
        protocol=protocol.name,
        protocol_hash=protocol.hash,
        protocol_text=protocol.text,
        test_poses=test.scored,
        metrics=score(pred * 1000.0, test, protocol=protocol, chosen=job.config.metrics),
        headline=metrics.load(protocol.headline).NAME,
        averaging=protocol.averaging,
        skeleton_bones=test.skeleton.bones,
        example_true=_poses(test.metres(test.truth())[chosen]),
        example_pred=_poses(test.metres(pred)[chosen]),
        checkpoint=str(job.checkpoint.relative_to(job.folder)),
        note=f"weights after {trained_steps} steps",
    )


def _poses(metres: Array) -> tuple[tuple[tuple[float, float, float], ...], ...]:
    return tuple(
        tuple((float(x), float(y), float(z)) for x, y, z in pose)
        for pose in metres * 1000.0
    )
