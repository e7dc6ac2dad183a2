"""Faults of the harness itself: how windows are cut, predicted, averaged and scored."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from bench.audit.fault import Setting
from bench.audit.faults._piped import WINDOWS, Make, always, fault, sides_kept, x_kept

KIND = "pipeline"

FLIPPED = Setting(name="flip averaging", protocol={"flip_tta": True})
THINNED = Setting(name="every fifth frame", protocol={"test_stride": 5})
REFLECTED = Setting(name="reflected ends", model={"pad": "reflect"})
FEW_JOINTS = Setting(
    name="few joints", protocol={"scored": ("RWrist", "LFoot", "Head")}
)
NO_ROOT = Setting(name="root at zero", protocol={"prediction_root": "zero"})
OVERLAPPING = Setting(name="overlapping windows", model={"test_every": 1})
POSES = "evaluation.poses:mirror"


def _not_back(real: Any) -> Any:
    # keypoints have two channels, poses three
    return lambda values, skeleton: (
        values if values.shape[-1] == 3 else real(values, skeleton)
    )


def _once(program: Any, feed: Any, windows: Any, shown: Any) -> Any:
    return program(feed.inputs(shown))


def _absolute(pose: Any, kept: Any, root: int, *, out: Any) -> None:
    out.reshape(pose[:, kept].shape)[...] = pose[:, kept] / 1000


def _other_root(real: Any) -> Any:
    return lambda pose, kept, root, *, out: real(pose, kept, 7, out=out)


def _later(real: Any) -> Any:
    """Windows that begin a frame later than they say."""
    return lambda rows, starts, count: real(
        rows, np.minimum(starts + 1, len(rows) - count), count
    )


def _newest_first(real: Any) -> Any:
    def batch(self: Any, *asked: Any, **more: Any) -> Any:
        keypoints, target = real(self, *asked, **more)
        return np.ascontiguousarray(keypoints[:, ::-1]), target

    return batch


def _off_centre(real: Any) -> Any:
    def batch(self: Any, *asked: Any, **more: Any) -> Any:
        keypoints, target = real(self, *asked, **more)
        return np.roll(keypoints, 1, axis=1), target

    return batch


def _neighbours_targets(real: Any) -> Any:
    """Every window is given the target of another one of its batch."""

    def batch(self: Any, *asked: Any, **more: Any) -> Any:
        keypoints, target = real(self, *asked, **more)
        return keypoints, np.roll(target, 1, axis=0)

    return batch


def _wrapped(frames: Any, length: int, *, how: str) -> Any:
    """Beyond the end, the clip begins anew."""
    return frames % length


def _other_picture(pixels: Any, *, width: int, height: int) -> Any:
    return pixels * (2 / (width + 1)) - np.array([1.0, height / width])


def _backwards(real: Any) -> Any:
    return lambda self: real(self)[::-1]


def _two_swapped(real: Any) -> Any:
    def result(self: Any) -> Any:
        found = real(self).copy()
        found[[0, 1]] = found[[1, 0]]
        return found

    return result


def _root_mean_square(real: Any) -> Any:
    def distances(pred: Any, true: Any) -> Any:
        apart = real(pred, true)
        mean = np.sqrt((apart**2).mean(axis=1, keepdims=True))
        return np.broadcast_to(mean, apart.shape)

    return distances


def _medians(real: Any) -> Any:
    def distances(pred: Any, true: Any) -> Any:
        apart = real(pred, true)
        return np.broadcast_to(np.median(apart, axis=0), apart.shape)

    return distances


def _fitted(*, scale: bool, mirror: bool) -> Make:
    """Alignment by singular values, without a scale, or with mirror images for turns."""

    def distances(pred: Any, true: Any, *, scaled: bool = True) -> Any:
        y = pred - pred.mean(axis=1, keepdims=True)
        x = true - true.mean(axis=1, keepdims=True)
        left, sizes, right = np.linalg.svd(np.swapaxes(y, 1, 2) @ x)
        turned = np.linalg.det(left) * np.linalg.det(right) < 0
        sign = np.where(turned & (not mirror), -1.0, 1.0)
        left[:, :, 2] *= sign[:, None]
        sizes[:, 2] *= sign
        factor = sizes.sum(axis=1) / (y * y).sum(axis=(1, 2)) if scale else sign * sign
        apart = factor[:, None, None] * (y @ (left @ right)) - x
        return np.linalg.norm(apart, axis=-1)

    return lambda real: distances


def _in_metres(real: Any) -> Any:
    return lambda pred, test, **more: real(pred / 1000, test, **more)


def _every_frame(real: Any) -> Any:
    return lambda job, feed, clips, every=1: real(job, feed, clips)


def _without_pad(real: Any) -> Any:
    def feed(job: Any, protocol: Any, scaling: Any = None) -> Any:
        return replace(real(job, protocol, scaling), pad="edge")

    return feed


def _half_tested(real: Any) -> Any:
    def split(job: Any) -> Any:
        found = real(job)
        return replace(found, test=found.test[::2])

    return split


def _first_action(real: Any) -> Any:
    """The mean over actions is the first one's."""

    def evaluate(*given: Any, **asked: Any) -> Any:
        found = []
        for metric in real(*given, **asked):
            first = next(iter(metric.per_action.values()), None)
            found.append(metric.model_copy(update={"action_wise": first}))
        return tuple(found)

    return evaluate


FAULTS = (
    fault("flip averaging: not mirrored back", POSES, _not_back, FLIPPED),
    fault("flip averaging: sides kept", POSES, always(sides_kept), FLIPPED),
    fault("flip averaging: x kept", POSES, always(x_kept), FLIPPED),
    fault(
        "flip averaging: left out",
        "evaluation.poses:_called",
        always(_once),
        FLIPPED,
    ),
    fault("targets: root kept", "data.batches.padded:_relative", always(_absolute)),
    fault("targets: another root", "data.batches.padded:_relative", _other_root),
    fault("targets: millimetres", "data.batches.padded:METRE", always(1)),
    fault(
        "targets: of another window", f"{WINDOWS}:Windows.batch", _neighbours_targets
    ),
    fault("windows: a frame late", f"{WINDOWS}:gather", _later),
    fault("windows: back to front", f"{WINDOWS}:Windows.batch", _newest_first),
    fault("windows: another centre", f"{WINDOWS}:Windows.batch", _off_centre),
    fault(
        "ends: the clip begins anew", "data.batches.padded:_inside", always(_wrapped)
    ),
    fault("ends: not as asked", "training.restored:feed_of", _without_pad, REFLECTED),
    fault(
        "keypoints: another picture",
        "data.batches.padded:to_screen",
        always(_other_picture),
    ),
    fault("test clips: half of them", "evaluation.task:split_of", _half_tested),
    fault("headline: of the first action", "metrics:evaluate", _first_action),
    fault(
        "test frames: all of them", "evaluation.task:windows_of", _every_frame, THINNED
    ),
    fault(
        "predictions: back to front", "data.batches.overlap:First.result", _backwards
    ),
    fault(
        "predictions: two swapped", "data.batches.overlap:First.result", _two_swapped
    ),
    fault(
        "predictions: summed where they overlap",
        "data.batches.overlap:Mean.result",
        lambda real: lambda self: self._sum,
        OVERLAPPING,
        "motionbert",
    ),
    fault("score: metres", "evaluation.task:score", _in_metres),
    fault("score: root mean square", "metrics.mpjpe:distances", _root_mean_square),
    fault("score: medians", "metrics.mpjpe:distances", _medians),
    fault(
        "score: all joints",
        "metrics._blocks:Poses.scored",
        always(lambda self, metric: self.joints),
        FEW_JOINTS,
    ),
    fault(
        "score: predicted root kept",
        "metrics._blocks:Poses._predicted",
        always(lambda self, span: self.pred[span]),
        NO_ROOT,
    ),
    fault(
        "PA-MPJPE: scale not fitted",
        "metrics.pa_mpjpe:distances",
        _fitted(scale=False, mirror=False),
    ),
    fault(
        "PA-MPJPE: mirror images allowed",
        "metrics.pa_mpjpe:distances",
        _fitted(scale=True, mirror=True),
    ),
)
