"""Faults of the harness itself: how clips become batches, and predictions become a score."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from bench.audit.fault import USUAL, Fault, Patch, Setting

KIND = "pipeline"
Make = Callable[[Any], Any]

FLIPPED = Setting(name="flip averaging", protocol={"flip_tta": True})
THINNED = Setting(name="every fifth frame", protocol={"test_stride": 5})
REFLECTED = Setting(name="reflected ends", model={"pad": "reflect"})
FEW_JOINTS = Setting(
    name="few joints", protocol={"scored": ("RWrist", "LFoot", "Head")}
)
NO_ROOT = Setting(name="root at zero", protocol={"prediction_root": "zero"})
OVERLAPPING = Setting(name="overlapping windows", model={"test_every": 4})


def _always(value: Any) -> Make:
    """Whatever was there, `value` takes its place."""
    return lambda real: value


def _not_back(real: Any) -> Any:
    # keypoints have two channels, poses three
    return lambda values, skeleton: (
        values if values.shape[-1] == 3 else real(values, skeleton)
    )


def _sides_kept(values: Any, skeleton: Any) -> Any:
    turned = values.copy()
    turned[..., 0] *= -1
    return turned


def _x_kept(values: Any, skeleton: Any) -> Any:
    return values[..., list(skeleton.mirror), :]


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

    def residuals(pred: Any, true: Any, *, scaled: bool = True) -> Any:
        y = pred - pred.mean(axis=1, keepdims=True)
        x = true - true.mean(axis=1, keepdims=True)
        left, sizes, right = np.linalg.svd(np.swapaxes(y, 1, 2) @ x)
        turned = np.linalg.det(left) * np.linalg.det(right) < 0
        sign = np.where(turned & (not mirror), -1.0, 1.0)
        left[:, :, 2] *= sign[:, None]
        sizes[:, 2] *= sign
        factor = sizes.sum(axis=1) / (y * y).sum(axis=(1, 2)) if scale else sign * sign
        return factor[:, None, None] * (y @ (left @ right)) - x

    return lambda real: residuals


def _in_metres(real: Any) -> Any:
    return lambda pred, test, **more: real(pred / 1000, test, **more)


def _every_frame(real: Any) -> Any:
    return lambda job, feed, clips, every=1: real(job, feed, clips)


def _without_pad(real: Any) -> Any:
    def feed(job: Any, protocol: Any, scaling: Any = None) -> Any:
        return replace(real(job, protocol, scaling), pad="edge")

    return feed


def _raw(self: Any, keypoints: Any) -> Any:
    shaped = self._flat("keypoints", keypoints)
    return {"keypoints": np.ascontiguousarray(shaped)}


def _fitted_on_half(real: Any) -> Any:
    return lambda keypoints: real(keypoints[: len(keypoints) // 2])


def _no_deviation(real: Any) -> Any:
    """The mean alone is taken off."""

    def fit(keypoints: Any) -> Any:
        found = real(keypoints)
        return replace(found, std=np.ones_like(found.std))

    return fit


def _other_seed(real: Any) -> Any:
    return SimpleNamespace(
        draw=lambda params, *, seed: real.draw(params, seed=seed + 1)
    )


def _rescaled(real: Any) -> Any:
    def draw(params: Any, *, seed: int) -> Any:
        drawn = real.draw(params, seed=seed)
        return {
            name: array * np.float32(1.1) if array.dtype == np.float32 else array
            for name, array in drawn.items()
        }

    return SimpleNamespace(draw=draw)


def _test_for_training(real: Any) -> Any:
    """Test clips are trained on, too."""

    def split(job: Any) -> Any:
        found = real(job)
        return replace(found, train=[*found.train, *found.test[:2]])

    return split


def _older(real: Any) -> Any:
    """Weights that are not those of the checkpoint."""

    def load(path: Any) -> Any:
        found = real(path)
        moved = {
            name: array * np.float32(1.01) if array.dtype == np.float32 else array
            for name, array in found.params.items()
        }
        return replace(found, params=moved)

    return SimpleNamespace(load=load)


def _fault(
    name: str,
    place: str,
    make: Make,
    setting: Setting = USUAL,
    model: str = "videopose3d without dropout",
) -> Fault:
    module, attribute = place.split(":")
    patch: Patch = (f"bench.{module}", attribute, make)
    return Fault(
        name=name,
        patches=(patch,),
        model=model,
        setting=setting,
        tasks=("train", "evaluate"),
    )


WINDOWS = "data.batches.windows"
POSES = "evaluation.poses:mirror"
FAULTS = (
    _fault("flip averaging: not mirrored back", POSES, _not_back, FLIPPED),
    _fault("flip averaging: sides kept", POSES, _always(_sides_kept), FLIPPED),
    _fault("flip averaging: x kept", POSES, _always(_x_kept), FLIPPED),
    _fault(
        "flip averaging: left out",
        POSES,
        _always(lambda values, skeleton: values),
        FLIPPED,
    ),
    _fault("training mirror: sides kept", f"{WINDOWS}:mirror", _always(_sides_kept)),
    _fault("training mirror: x kept", f"{WINDOWS}:mirror", _always(_x_kept)),
    _fault(
        "training mirror: never",
        "training.task:Epochs",
        lambda real: lambda **asked: real(**{**asked, "flip": False}),
    ),
    _fault("targets: root kept", "data.batches.padded:_relative", _always(_absolute)),
    _fault("targets: another root", "data.batches.padded:_relative", _other_root),
    _fault("targets: millimetres", "data.batches.padded:METRE", _always(1)),
    _fault(
        "targets: of another window", f"{WINDOWS}:Windows.batch", _neighbours_targets
    ),
    _fault("windows: a frame late", f"{WINDOWS}:_gather", _later),
    _fault("windows: back to front", f"{WINDOWS}:Windows.batch", _newest_first),
    _fault("windows: another centre", f"{WINDOWS}:Windows.batch", _off_centre),
    _fault(
        "ends: the clip begins anew", "data.batches.padded:_inside", _always(_wrapped)
    ),
    _fault("ends: not as asked", "training.restored:feed_of", _without_pad, REFLECTED),
    _fault(
        "keypoints: another picture",
        "data.batches.padded:to_screen",
        _always(_other_picture),
    ),
    _fault("scaling: not applied", "training.feed:Feed.inputs", _always(_raw)),
    _fault(
        "scaling: of half of the clips",
        "training.task:standardizer.fit",
        _fitted_on_half,
    ),
    _fault("scaling: mean alone", "training.task:standardizer.fit", _no_deviation),
    _fault(
        "scaling: dropped after training",
        "training.restored:standardizer.from_arrays",
        _always(lambda arrays: None),
    ),
    _fault(
        "training clips: test clips among them",
        "training.task:split_of",
        _test_for_training,
    ),
    _fault("start: another seed", "training.task:initial", _other_seed),
    _fault("start: 10 % larger", "training.task:initial", _rescaled),
    _fault("weights: not the checkpoint's", "training.restored:checkpoints", _older),
    _fault(
        "test frames: all of them", "evaluation.task:windows_of", _every_frame, THINNED
    ),
    _fault(
        "predictions: back to front", "data.batches.overlap:First.result", _backwards
    ),
    _fault(
        "predictions: two swapped", "data.batches.overlap:First.result", _two_swapped
    ),
    _fault(
        "predictions: summed where they overlap",
        "data.batches.overlap:Mean.result",
        lambda real: lambda self: self._sum,
        OVERLAPPING,
        "motionbert",
    ),
    _fault("score: metres", "evaluation.task:score", _in_metres),
    _fault("score: root mean square", "metrics.mpjpe:distances", _root_mean_square),
    _fault("score: medians", "metrics.mpjpe:distances", _medians),
    _fault(
        "score: all joints",
        "metrics._blocks:Poses.scored",
        _always(lambda self, metric: self.joints),
        FEW_JOINTS,
    ),
    _fault(
        "score: predicted root kept",
        "metrics._blocks:Poses._predicted",
        _always(lambda self, span: self.pred[span]),
        NO_ROOT,
    ),
    _fault(
        "PA-MPJPE: scale not fitted",
        "metrics.pa_mpjpe:residuals",
        _fitted(scale=False, mirror=False),
    ),
    _fault(
        "PA-MPJPE: mirror images allowed",
        "metrics.pa_mpjpe:residuals",
        _fitted(scale=True, mirror=True),
    ),
)
