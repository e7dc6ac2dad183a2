"""Faults of the harness's own pipeline, each put in the place of what it spoils."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from bench.data.batches import overlap, padded, standardizer, windows
from bench.evaluation import poses
from bench.evaluation import task as evaluate
from bench.metrics import (
    _blocks,
    _lengths,
    mpjpe,
    mpjve,
    n_mpjpe,
    pa_mpjpe,
    pck150,
)
from bench.metrics import _procrustes as procrustes
from bench.training import restored
from bench.training.feed import Feed
from tests.meta.small_pipelines import Pipeline

Plant = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True)
class Fault:
    """What is planted, in which pipeline, and the kind of check that must fail first."""

    plant: Plant
    kind: str
    pipeline: Pipeline = field(default_factory=Pipeline)


def instead(place: Any, name: str, make: Callable[[Any], Any]) -> Plant:
    """Put what `make` makes of a function in its place."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(place, name, make(getattr(place, name)))

    return plant


def always(value: Any) -> Callable[[Any], Any]:
    """Whatever was there, `value` takes its place."""
    return lambda real: value


def called_once(program: Any, feed: Any, windows: Any, shown: Any) -> Any:
    return program(feed.inputs(shown))


def not_mirrored_back(real: Any) -> Any:
    # keypoints have two channels, poses three
    return lambda values, skeleton: (
        values if values.shape[-1] == 3 else real(values, skeleton)
    )


def sides_not_swapped(values: Any, skeleton: Any) -> Any:
    turned = values.copy()
    turned[..., 0] *= -1
    return turned


def x_not_turned(values: Any, skeleton: Any) -> Any:
    return values[..., list(skeleton.mirror), :]


def absolute(pose: Any, kept: Any, root: int, *, out: Any) -> None:
    out.reshape(pose[:, kept].shape)[...] = pose[:, kept] / 1000


def of_joint(joint: int) -> Callable[[Any], Any]:
    """Relative to another joint than the root."""
    return lambda real: (
        lambda pose, kept, root, *, out: real(pose, kept, joint, out=out)
    )


def later(real: Any) -> Any:
    """Windows that begin a frame later than they say."""
    return lambda rows, starts, count: real(
        rows, np.minimum(starts + 1, len(rows) - count), count
    )


def wrapped(frames: Any, length: int, *, how: str) -> Any:
    """Beyond the end, the clip begins anew."""
    return frames % length


def newest_first(real: Any) -> Any:
    """The frames of a window in reverse, and its target where it was."""

    def batch(self: Any, *asked: Any, **more: Any) -> Any:
        keypoints, target = real(self, *asked, **more)
        return np.ascontiguousarray(keypoints[:, ::-1]), target

    return batch


def frames_rolled(real: Any) -> Any:
    """The frame that is predicted is not the one in the middle."""

    def batch(self: Any, *asked: Any, **more: Any) -> Any:
        keypoints, target = real(self, *asked, **more)
        return np.roll(keypoints, 1, axis=1), target

    return batch


def of_height(pixels: Any, *, width: int, height: int) -> Any:
    """Divided by a picture of another size than the clip's."""
    return pixels * (2 / (width + 1)) - np.array([1.0, height / width])


def reversed_poses(real: Any) -> Any:
    return lambda self: real(self)[::-1]


def neighbours_swapped(real: Any) -> Any:
    def result(self: Any) -> Any:
        found = real(self).copy()
        found[[0, 1]] = found[[1, 0]]
        return found

    return result


def sum_not_mean(real: Any) -> Any:
    return lambda self: self._sum


def across_clips(pred: Any, true: Any, facts: Any) -> Any:
    speed = np.full(pred.shape[:2], np.nan)
    speed[1:] = _lengths.lengths(np.diff(pred - true, axis=0))
    return speed


def root_mean_square(pred: Any, true: Any) -> Any:
    apart = _lengths.distances(pred, true)
    return np.broadcast_to(np.sqrt((apart**2).mean(axis=1, keepdims=True)), apart.shape)


def medians(pred: Any, true: Any) -> Any:
    apart = _lengths.distances(pred, true)
    return np.broadcast_to(np.median(apart, axis=0), apart.shape)


def reflected(pred: Any, true: Any, *, scaled: bool = True) -> Any:
    """A mirror image passes for a turn."""
    y = pred - pred.mean(axis=1, keepdims=True)
    x = true - true.mean(axis=1, keepdims=True)
    left, sizes, right = np.linalg.svd(np.swapaxes(y, 1, 2) @ x)
    scale = sizes.sum(axis=1) / (y * y).sum(axis=(1, 2))
    return np.linalg.norm(scale[:, None, None] * (y @ (left @ right)) - x, axis=-1)


def unscaled(pred: Any, true: Any) -> Any:
    return np.linalg.norm(procrustes.by_svd(pred, true, scaled=False), axis=-1)


def in_metres(real: Any) -> Any:
    """The thousand between metres and millimetres is lost."""
    return lambda pred, test, **more: real(pred / 1000, test, **more)


def every_frame(real: Any) -> Any:
    """The protocol thins the test frames, and nobody listens."""
    return lambda job, feed, clips, every=1: real(job, feed, clips)


def without_pad(real: Any) -> Any:
    """What stands beyond the ends is the default, whatever was asked for."""

    def feed(job: Any, protocol: Any, scaling: Any = None) -> Feed:
        found = real(job, protocol, scaling)
        return Feed(found.spec, found.protocol, found.standardizer)

    return feed


def never_flipped(real: Any) -> Any:
    return lambda self, *asked, **more: real(self, *asked, **{**more, "flip": False})


def never_shuffled(real: Any) -> Any:
    return lambda self, *asked, **more: real(self, *asked, **{**more, "shuffle": False})


def always_the_first(real: Any) -> Any:
    return lambda self, *asked, **more: real(
        self, *asked, **{**more, "start": 0, "count": asked[0]}
    )


def raw(self: Feed, shown: Any, numbers: Any = None) -> Any:
    """Keypoints as they are on the screen."""
    return {"keypoints": np.ascontiguousarray(self._flat(shown))}


FLIPPED = Pipeline(protocol={"flip_tta": True})
THINNED = Pipeline(protocol={"test_stride": 5})
OVERLAPPING = Pipeline("motionbert", settings={"test_every": 1})
REFLECTED = Pipeline(settings={"pad": "reflect"})
FEW_JOINTS = Pipeline(protocol={"scored": ("RWrist", "LFoot", "Head")})
NO_ROOT = Pipeline(protocol={"prediction_root": "zero"})
PIXELS = Pipeline(protocol={"lengths": "2.5d"})

# in evaluation, of a training that was right
EVALUATION = {
    "flip: not mirrored back": Fault(
        instead(poses, "mirror", not_mirrored_back), "poses", FLIPPED
    ),
    "flip: sides not swapped": Fault(
        instead(poses, "mirror", always(sides_not_swapped)), "poses", FLIPPED
    ),
    "flip: x not turned": Fault(
        instead(poses, "mirror", always(x_not_turned)), "poses", FLIPPED
    ),
    "flip: left out": Fault(
        instead(poses, "_called", always(called_once)),
        "poses",
        FLIPPED,
    ),
    "targets: root not subtracted": Fault(
        instead(padded, "_relative", always(absolute)), "truth"
    ),
    "targets: another root": Fault(instead(padded, "_relative", of_joint(7)), "truth"),
    "targets: millimetres for metres": Fault(
        instead(padded, "METRE", always(1)), "truth"
    ),
    "score: metres for millimetres": Fault(
        instead(evaluate, "score", in_metres), "score"
    ),
    "score: pixels for millimetres": Fault(
        instead(windows.Windows, "metres", always(lambda self, poses, *more: poses)),
        "truth",
        PIXELS,
    ),
    "PA-MPJPE: scale not fitted": Fault(
        instead(pa_mpjpe, "distances", always(unscaled)), "score"
    ),
    "PA-MPJPE: reflection allowed": Fault(
        instead(pa_mpjpe, "distances", always(reflected)), "score"
    ),
    "MPJPE: root mean square": Fault(
        instead(mpjpe, "distances", always(root_mean_square)), "score"
    ),
    "MPJPE: mean of medians": Fault(
        instead(mpjpe, "distances", always(medians)), "score"
    ),
    "MPJPE: all joints": Fault(
        instead(_blocks.Poses, "scored", always(lambda self, metric: self.joints)),
        "score",
        FEW_JOINTS,
    ),
    "MPJPE: predicted root kept": Fault(
        instead(
            _blocks.Poses,
            "_predicted",
            always(lambda self, span: self.pred[span]),
        ),
        "score",
        NO_ROOT,
    ),
    "MPJVE: into the next clip": Fault(
        instead(mpjve, "values", always(across_clips)), "score"
    ),
    "N-MPJPE: no scale": Fault(
        instead(n_mpjpe, "values", always(lambda p, t, f: _lengths.distances(p, t))),
        "score",
    ),
    "PCK: another threshold": Fault(
        instead(
            pck150,
            "values",
            always(lambda p, t, f: 100.0 * (_lengths.distances(p, t) < 250)),
        ),
        "score",
    ),
    "bones: not the skeleton's": Fault(
        instead(
            _blocks, "bones", always(lambda skeleton, joints: (((0, 1), (1, 4)), ()))
        ),
        "score",
    ),
    "scaling: dropped": Fault(
        instead(standardizer, "from_arrays", always(lambda arrays: None)), "scaling"
    ),
    "scaling: not applied": Fault(instead(Feed, "_read", always(raw)), "keypoints"),
    "keypoints: another picture": Fault(
        instead(padded, "to_screen", always(of_height)), "keypoints"
    ),
    "windows: a frame late": Fault(instead(windows, "gather", later), "keypoints"),
    "windows: back to front": Fault(
        instead(windows.Windows, "batch", newest_first), "keypoints"
    ),
    "windows: another centre": Fault(
        instead(windows.Windows, "batch", frames_rolled), "keypoints"
    ),
    "padding: begins anew": Fault(
        instead(padded, "_inside", always(wrapped)), "keypoints"
    ),
    "padding: not as asked": Fault(
        instead(restored, "feed_of", without_pad), "keypoints", REFLECTED
    ),
    "frames: all of them": Fault(
        instead(evaluate, "windows_of", every_frame), "windows", THINNED
    ),
    "order: back to front": Fault(
        instead(overlap.First, "result", reversed_poses), "poses"
    ),
    "order: two swapped": Fault(
        instead(overlap.First, "result", neighbours_swapped), "poses"
    ),
    "overlap: summed": Fault(
        instead(overlap.Mean, "result", sum_not_mean), "poses", OVERLAPPING
    ),
}

# in what both sides do: the train task must say so before it takes a step
TRAINING = {
    "mirror: sides not swapped": Fault(
        instead(windows, "mirror", always(sides_not_swapped)), "batch"
    ),
    "mirror: x not turned": Fault(
        instead(windows, "mirror", always(x_not_turned)), "batch"
    ),
    "targets: root not subtracted": Fault(
        instead(padded, "_relative", always(absolute)), "batch"
    ),
    "targets: another root": Fault(instead(padded, "_relative", of_joint(7)), "batch"),
    "targets: millimetres for metres": Fault(
        instead(padded, "METRE", always(1)), "batch"
    ),
    "keypoints: another picture": Fault(
        instead(padded, "to_screen", always(of_height)), "scaling"
    ),
    "windows: a frame late": Fault(instead(windows, "gather", later), "batch"),
    "windows: back to front": Fault(
        instead(windows.Windows, "batch", newest_first), "batch"
    ),
    "padding: begins anew": Fault(instead(padded, "_inside", always(wrapped)), "batch"),
    "scaling: not applied": Fault(instead(Feed, "_read", always(raw)), "batch"),
    "order: as they lie": Fault(
        instead(windows.Windows, "epoch", never_shuffled), "batch"
    ),
    "order: the first batch again": Fault(
        instead(windows.Windows, "epoch", always_the_first),
        "batch",
    ),
    "flip: never": Fault(
        instead(windows.Windows, "epoch", never_flipped),
        "batch",
        Pipeline("simple_baseline", training={"batch": 64}),
    ),
}
