"""Predictions and truth in blocks that fit the processor's cache.

In float64, each coordinate of a joint contiguous over the poses: metrics then run near memory
speed. Here poses are made what the protocol says; what they are worth is the metrics' affair.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.data.geometry import skeletons
from bench.data.protocols import Protocol
from bench.metrics import _hypotheses
from bench.metrics._facts import Array, Extras, Facts, Surfaces, View, bones
from bench.metrics._lengths import POINTS
from models.errors import BadInput, UnknownName

Joints = tuple[str, ...]

FEWEST = 64  # poses of a block, however many vertices each has


@dataclass(frozen=True, eq=False)
class Poses:
    """All that is to be scored, as `evaluate` was given it."""

    pred: NDArray[Any]  # (N, J, 3), or (N, H, J, 3) for several hypotheses
    true: NDArray[Any]  # (N, J, 3)
    clips: NDArray[np.int64]  # (N,), the clip of each
    joints: Joints
    protocol: Protocol
    extras: Extras

    @property
    def count(self) -> int:
        """N."""
        return len(self.clips)

    def check(self, *, actions: int, subjects: int) -> None:
        """Raise BadInput where shapes, numbers of labels or extras do not fit together.

        Subjects are 0 where they were not given.
        """
        self._check_shapes(actions, subjects)
        for array in (self.pred, self.true):
            if array.dtype.kind not in "fiu":
                raise BadInput(
                    f"evaluate: poses of {array.dtype} came; numbers were due"
                )
        factors = self.extras.factors
        # without them pixels would be scored as millimetres, with them millimetres as pixels
        if (self.protocol.lengths == "2.5d") != (factors is not None):
            what = "no factors came: give extras.factors"
            if factors is not None:
                what = "factors came: leave them out"
            raise BadInput(
                f"evaluate: protocol {self.protocol.name} is of {self.protocol.lengths}"
                f" lengths and {what}"
            )
        self._check_extras()

    def _check_shapes(self, actions: int, subjects: int) -> None:
        due = (actions, len(self.joints), 3)
        one = self.protocol.hypotheses == "one"
        # the axis of hypotheses may have any length
        pred = self.pred.shape if one else self.pred.shape[:1] + self.pred.shape[2:]
        labelled = self.count == actions and subjects in (0, actions)
        if pred != due or self.true.shape != due or not labelled or not actions:
            several = "" if one else ", N x H of them predicted,"
            raise BadInput(
                f"evaluate: pred {self.pred.shape}, true {self.true.shape}, {actions}"
                f" actions, {self.count} clips, {subjects} subjects; poses (N,"
                f" {len(self.joints)}, 3){several} and N labels of each were due"
            )

    def _check_extras(self) -> None:
        extras, count = self.extras, self.count
        _check_all("roots", extras.roots or (), (count, 3))
        if extras.vertices:
            self._check_vertices(extras.vertices, extras.regressor)
        if extras.factors is not None:
            _check_all("factors", (extras.factors,), (count,))
        if extras.view:
            seen = (count, len(self.joints), 2)
            _check_all("view.keypoints", (extras.view.keypoints,), seen)
            _check_all("view.roots", (extras.view.roots,), (count, 3))

    def _check_vertices(
        self, surfaces: tuple[Surfaces, Surfaces], regressor: Array | None
    ) -> None:
        """By their shapes: their numbers are looked at block by block."""
        # as many as the first has, and both the same
        due = (self.count, *surfaces[0].shape[1:2], 3)
        for surface in surfaces:
            if surface.shape != due:
                raise BadInput(
                    f"evaluate: extras.vertices is {surface.shape}; {due} was due"
                )
        if regressor is not None:
            _check_all("regressor", (regressor,), (len(self.joints), due[1]))

    def scored(self, metric: str) -> Joints:
        """The joints that count for a metric, in array order. Raises UnknownName."""
        wanted = self.protocol.joints_for(metric) or self.joints
        unknown = [joint for joint in wanted if joint not in self.joints]
        if unknown:
            raise UnknownName("joint", unknown[0], self.joints)
        return tuple(joint for joint in self.joints if joint in wanted)

    def facts(self, span: slice, joints: Joints) -> Facts:
        """About some of the poses."""
        found, twins = bones(skeletons.load(self.protocol.skeleton), joints)
        vertices, regressed = self._surfaces(span, joints)
        return Facts(
            clips=self.clips[span],
            bones=found,
            twins=twins,
            roots=_cut(self.extras.roots, span),
            vertices=vertices,
            regressed=regressed,
        )

    def _surfaces(
        self, span: slice, joints: Joints
    ) -> tuple[tuple[Array, Array] | None, Array | None]:
        """Both surfaces of some poses, and the joints that the predicted one has."""
        both = _cut(self.extras.vertices, span)
        if both is None:
            return None, None
        pred, true = both
        if not np.isfinite(pred).all():
            raise BadInput(
                "evaluate: predicted vertices are not finite; the model diverged"
            )
        if self.extras.regressor is None:
            return both, None
        # (n, J, 3)
        regressed = np.matmul(self.extras.regressor, pred)
        if self.protocol.prediction_root == "zero":
            # the surface lies about the joint that it has itself, as Choi et al. (2020) do
            root = self.joints.index(self.protocol.root)
            middle = regressed[:, root : root + 1].copy()
            pred, regressed = pred - middle, regressed - middle
        kept = [self.joints.index(joint) for joint in joints]
        return (pred, true), regressed[:, kept]

    def blocks(self, *, reach: int) -> Iterator[Block]:
        """Blocks in order, each with up to `reach` poses before its first.

        What the truth lacks is NaN in both. Raises BadInput for numbers that are otherwise not
        finite.
        """
        widest = len(self.joints)
        if self.extras.vertices:
            widest = max(widest, self.extras.vertices[0].shape[1])
        size = max(FEWEST, POINTS // widest)
        # one room for all blocks, which so stays in the cache
        room = np.empty((2, 3, len(self.joints), size + reach))
        for start in range(0, self.count, size):
            span = slice(max(0, start - reach), min(self.count, start + size))
            pred, true = room[..., : span.stop - span.start]
            # copied, made float64 and turned round in one go
            true[...] = self.true[span].transpose(2, 1, 0)
            # what overflows is refused right after
            with np.errstate(over="ignore", invalid="ignore"):
                pred[...] = self._predicted(span).transpose(2, 1, 0)
            whole = np.isfinite(true).all()
            if not np.isfinite(pred).all() or (not whole and np.isinf(true).any()):
                self._refuse()
            if not whole:
                missing = np.isnan(true).any(axis=0)
                pred[:, missing] = true[:, missing] = np.nan
            yield Block(self, span, start, pred, true)

    def _predicted(self, span: slice) -> NDArray[Any]:
        """(n, J, 3): in mm, with one pose for each frame, as the protocol makes it."""
        protocol, factors = self.protocol, self.extras.factors
        free = protocol.prediction_root == "free"
        one = protocol.hypotheses == "one"
        # most protocols change nothing, and then nothing is copied
        if factors is None and free and one:
            return self.pred[span]
        pose = self.pred[span].astype(np.float64)
        if factors is not None:
            # (n, 1, 1), or (n, 1, 1, 1) over hypotheses
            pose *= np.asarray(factors)[span].reshape(-1, *(1,) * (pose.ndim - 1))
        if not free:
            root = self.joints.index(protocol.root)
            # a copy: the root itself becomes 0 on the way
            pose -= pose[..., root : root + 1, :].copy()
        return pose if one else self._reduced(pose, span)

    def _reduced(self, pose: Array, span: slice) -> Array:
        """One pose (n, J, 3) out of the hypotheses (n, H, J, 3) of a frame."""
        view = self.extras.view
        part = view and View(view.keypoints[span], view.roots[span], view.cameras)
        # the best hypothesis is the best by the metric that papers choose it by
        counted = [self.joints.index(joint) for joint in self.scored("mpjpe")]
        return _hypotheses.reduce(
            self.protocol.hypotheses,
            pose,
            self.true[span],
            counted=counted,
            view=part,
            clips=self.clips[span],
        )

    def _refuse(self) -> None:
        """Raise BadInput saying what is not finite, and where over all poses it begins."""
        infinite = {"prediction": ~np.isfinite(self.pred), "truth": np.isinf(self.true)}
        for kind, wrong in infinite.items():
            bad = wrong.reshape(self.count, -1).any(axis=1)
            if bad.any():
                raise BadInput(
                    f"evaluate: {int(bad.sum())} {kind}s are not finite, the first at pose"
                    f" {int(bad.argmax())}; the model diverged or the data is broken"
                )
        # each number is finite and their product is not
        raise BadInput(
            "evaluate: predictions are too large to be millimetres; check the factors and"
            " the units"
        )


@dataclass(frozen=True, eq=False)
class Block:
    """Poses `start` to `stop` and `skip` before them, as coordinates (3, J, n)."""

    poses: Poses
    span: slice
    start: int
    pred: Array
    true: Array

    @property
    def stop(self) -> int:
        """One past the last pose."""
        return int(self.span.stop)

    @property
    def skip(self) -> int:
        """How many poses belong to the block before."""
        return self.start - int(self.span.start)

    def of(self, joints: Joints) -> tuple[Array, Array, Facts]:
        """Prediction and truth (n, j, 3) of some joints, and the facts about them."""
        pred, true = self.pred, self.true
        if joints != self.poses.joints:
            kept = [self.poses.joints.index(joint) for joint in joints]
            pred, true = pred[:, kept], true[:, kept]
        facts = self.poses.facts(self.span, joints)
        # views: in memory the poses stay last
        return pred.transpose(2, 1, 0), true.transpose(2, 1, 0), facts


def _check_all(name: str, arrays: Iterable[ArrayLike], due: tuple[int, ...]) -> None:
    for array in arrays:
        if np.shape(array) != due or not np.isfinite(array).all():
            raise BadInput(
                f"evaluate: extras.{name} is {np.shape(array)}; {due}, all finite, was due"
            )


def _cut(
    pair: tuple[Surfaces, Surfaces] | None, span: slice
) -> tuple[Array, Array] | None:
    if pair is None:
        return None
    pred, true = pair
    return np.asarray(pred[span], np.float64), np.asarray(true[span], np.float64)
