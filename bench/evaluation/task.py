"""Evaluate a trained model under a protocol, beside the trivial baselines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from backends.base import Backend, Program, Settings
from bench import data, metrics
from bench.coordinator.job import Finding, Job, Progress
from bench.data.batches import overlap, standardizer
from bench.data.batches.windows import Windows, mirror
from bench.data.clip import Clip
from bench.data.protocols import Protocol
from bench.evaluation import baselines
from bench.records import Baseline, Evaluation
from bench.training import checkpoint as checkpoints
from bench.training.feed import Feed, build, split_of
from models.errors import BadInput

Array = NDArray[np.float32]
EXAMPLES = 3  # poses kept for the figure
BATCH = 512


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
    pred = predict(program, feed, test, progress)
    return Finding(_payload(job, split, feed, test, pred, trained_steps=steps))


def restored(
    job: Job, protocol: Protocol, backend: Backend, device: str
) -> tuple[Feed, Program, int]:
    """How a job's trained model is fed, the model with its weights, and after how many
    steps they are. Raises BadInput (checkpoint).
    """
    found = checkpoints.load(job.checkpoint)
    scaling = standardizer.from_arrays(found.scaling) if found.scaling else None
    feed = Feed(
        build(job.model, job.settings, joints=len(protocol.joints)),
        protocol,
        scaling,
        job.settings.pad,
    )
    program = backend.program(
        feed.spec.infer, Settings(device=device, precision=job.config.precision)
    )
    program.load({name: found.params[name] for name in feed.spec.infer.params})
    return feed, program, found.progress["step"]


def windows_of(job: Job, feed: Feed, clips: Sequence[Clip], *, every: int = 1) -> Windows:
    """Windows in which each frame that is scored is predicted.

    Raises BadInput where the model's `test_every` skips frames.
    """
    stride = job.settings.test_every
    windows = feed.windows(clips, stride=stride, every=every)
    # frames between would not be scored, under a protocol that says they are
    if stride and stride > windows.outputs:
        due = f"at most {windows.outputs} was due, what a window predicts"
        raise BadInput(f"configuration key model.{job.model}.test_every: {stride}; {due}")
    return windows


def predict(program: Program, feed: Feed, windows: Windows, progress: Progress) -> Array:
    """Poses (M, J, 3) in the windows' unit, one for each scored frame, as the model gives
    them: its root is not moved to zero.

    Under a protocol with flip averaging, the mean of that and of the mirror image of what
    it makes of mirrored keypoints; under one of overlapping windows, the mean of all that
    predict the frame.
    """
    poses = overlap.Mean(windows) if feed.protocol.overlap else overlap.First(windows)
    for batch in windows.epoch(BATCH, shuffle=False):
        pose = feed.poses(program(feed.inputs(batch.keypoints))["pose"])
        if feed.protocol.flip_tta:
            other = feed.poses(
                program(feed.inputs(mirror(batch.keypoints, windows.skeleton)))["pose"]
            )
            pose = (pose + mirror(other, windows.skeleton)) * np.float32(0.5)
        poses.add(batch.indices, pose)
        progress("predicting test poses", (batch.indices[-1] + 1) / len(windows))
    return poses.result()


def _payload(
    job: Job,
    split: data.Split,
    feed: Feed,
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
        metrics=baselines.score(
            pred * 1000.0, test, protocol=protocol, chosen=job.config.metrics
        ),
        baselines=_trivial(feed, split, job.config.metrics),
        headline=metrics.load(protocol.headline).NAME,
        averaging=protocol.averaging,
        skeleton_bones=test.skeleton.bones,
        example_true=_poses(test.metres(test.truth())[chosen]),
        example_pred=_poses(test.metres(pred)[chosen]),
        checkpoint=str(job.checkpoint.relative_to(job.folder)),
        note=f"weights after {trained_steps} steps",
    )


def _trivial(feed: Feed, split: data.Split, chosen: Sequence[str]) -> tuple[Baseline, ...]:
    """The trivial predictors, from x and y alone whatever the model takes, so that they are
    the same beside every model.
    """
    train = feed.windows(split.train, stride=None, channels=2)
    test = feed.windows(
        split.test, stride=None, every=split.protocol.test_stride, channels=2
    )
    return baselines.baselines(train, test, protocol=split.protocol, chosen=chosen)


def _poses(metres: Array) -> tuple[tuple[tuple[float, float, float], ...], ...]:
    return tuple(
        tuple((float(x), float(y), float(z)) for x, y, z in pose)
        for pose in metres * 1000.0
    )
