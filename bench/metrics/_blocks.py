"""Predictions and truth in blocks that fit the processor's cache, in float64, each
coordinate of a joint contiguous over the poses.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.data.geometry import skeletons
from bench.data.protocols import Protocol
from bench.metrics import _hypotheses
from bench.metrics._facts import Array, Extras, Facts, View, bones
from models.errors import BadInput, UnknownName

Joints = tuple[str, ...]

# joints of a block: 5,294 poses of 17, which spreads the cost of a call and fits the shared
# cache
POINTS = 90_000
FEWEST = 64  # poses of a block, however many vertices each has


@dataclass(frozen=True, eq=False)
class Poses:
    """All that is to be scored, as `evaluate` was given it: pred (N, J, 3), or (N, H, J, 3)
    for several hypotheses, and true (N, J, 3).
    """

    pred: NDArray[Any]
    true: NDArray[Any]
    clips: NDArray[np.int64]
    joints: Joints
    protocol: Protocol
    extras: Extras

    @property
    def count(self) -> int:
        """N."""
        return len(self.clips)

    def check(self, *, labels: tuple[int, int]) -> None:
        """Raise BadInput where shapes, labels (of actions and, 0 for none, subjects) or
        extras do not fit together.
        """
        actions, subjects = labels
        due = (actions, len(self.joints), 3)
        pred = (
            self.pred.shape
            if self.protocol.hypotheses == "one"
            else self.pred.shape[:1] + self.pred.shape[2:]
        )
        if (
            pred != due
            or self.true.shape != due
            or self.count != actions
            or subjects not in (0, actions)
            or not actions
        ):
            raise BadInput(
                f"evaluate: pred {self.pred.shape}, true {self.true.shape}, {actions}"
                f" actions, {self.count} clips, {subjects} subjects; poses (N,"
                f" {len(self.joints)},"
                f" 3){'' if self.protocol.hypotheses == 'one' else ', N x H of them predicted,'}"
                " and N labels of each were due"
            )
        for array in (self.pred, self.true):
            if array.dtype.kind not in "fiu":
                raise BadInput(f"evaluate: poses of {array.dtype} came; numbers were due")
        if (self.protocol.lengths == "2.5d") != (self.extras.factors is not None):
            what = (
                "no factors came: give extras.factors"
                if self.extras.factors is None
                else "factors came: leave them out"
            )
            raise BadInput(
                f"evaluate: protocol {self.protocol.name} is of {self.protocol.lengths}"
                f" lengths and {what}"
            )
        self._check_extras()

    def _check_extras(self) -> None:
        extras, view, count = self.extras, self.extras.view, self.count
        vertices = np.shape(extras.vertices[0])[1:2] if extras.vertices else ()
        for name, arrays, due in (
            ("roots", extras.roots or (), (count, 3)),
            ("vertices", extras.vertices or (), (count, *vertices, 3)),
            ("factors", () if extras.factors is None else (extras.factors,), (count,)),
            (
                "view.keypoints",
                (view.keypoints,) if view else (),
                (count, len(self.joints), 2),
            ),
            ("view.roots", (view.roots,) if view else (), (count, 3)),
        ):
            for array in arrays:
                if np.shape(array) != due or not np.isfinite(array).all():
                    raise BadInput(
                        f"evaluate: extras.{name} is {np.shape(array)}; {due}, all finite,"
                        " was due"
                    )

    def scored(self, metric: str) -> Joints:
        """The joints that count for a metric, in array order. Raises UnknownName."""
        wanted = self.protocol.joints_for(metric) or self.joints
        unknown = [joint for joint in wanted if joint not in self.joints]
        if unknown:
            raise UnknownName("joint", unknown[0], self.joints)
        return tuple(joint for joint in self.joints if joint in wanted)

    def facts(self, span: slice, joints: Joints) -> Facts:
        """About some of the poses."""
        roots, vertices = (
            _cut(pair, span) for pair in (self.extras.roots, self.extras.vertices)
        )
        found, twins = bones(skeletons.load(self.protocol.skeleton), joints)
        return Facts(self.clips[span], found, twins, roots, vertices)

    def blocks(self, *, reach: int) -> Iterator[Block]:
        """Blocks in order, each with up to `reach` poses before its first.

        Raises BadInput for numbers that are not finite.
        """
        widest = max(
            len(self.joints),
            np.shape(self.extras.vertices[0])[1] if self.extras.vertices else 0,
        )
        size = max(FEWEST, POINTS // widest)
        room = np.empty((2, 3, len(self.joints), size + reach))
        for start in range(0, self.count, size):
            span = slice(max(0, start - reach), min(self.count, start + size))
            pred, true = room[..., : span.stop - span.start]
            true[...] = self.true[span].transpose(2, 1, 0)
            with np.errstate(over="ignore", invalid="ignore"):  # refused in the next line
                pred[...] = self._predicted(span).transpose(2, 1, 0)
            if not (np.isfinite(pred).all() and np.isfinite(true).all()):
                self._refuse()
            yield Block(self, span, start, pred, true)

    def _predicted(self, span: slice) -> NDArray[Any]:
        """(n, J, 3): in mm, with one pose for each frame, as the protocol makes it."""
        protocol, factors = self.protocol, self.extras.factors
        if (
            factors is None
            and protocol.prediction_root == "free"
            and protocol.hypotheses == "one"
        ):
            return self.pred[span]
        pose = self.pred[span].astype(np.float64)
        if factors is not None:
            pose *= np.asarray(factors)[span].reshape(-1, *(1,) * (pose.ndim - 1))
        if protocol.prediction_root == "zero":
            root = self.joints.index(protocol.root)
            pose -= pose[..., root : root + 1, :].copy()
        if protocol.hypotheses == "one":
            return pose
        view = self.extras.view
        part = view and View(view.keypoints[span], view.roots[span], view.cameras)
        counted = [self.joints.index(joint) for joint in self.scored("mpjpe")]
        return _hypotheses.reduce(
            protocol.hypotheses,
            pose,
            self.true[span],
            counted=counted,
            view=part,
            clips=self.clips[span],
        )

    def _refuse(self) -> None:
        for kind, poses in (("prediction", self.pred), ("truth", self.true)):
            bad = ~np.isfinite(poses).reshape(self.count, -1).all(axis=1)
            if bad.any():
                raise BadInput(
                    f"evaluate: {int(bad.sum())} {kind}s are not finite, the first at pose"
                    f" {int(bad.argmax())}; the model diverged or the data is broken"
                )
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
        return (
            pred.transpose(2, 1, 0),
            true.transpose(2, 1, 0),
            self.poses.facts(self.span, joints),
        )


def _cut(pair: tuple[Array, Array] | None, span: slice) -> tuple[Array, Array] | None:
    return pair and (
        np.asarray(pair[0][span], np.float64),
        np.asarray(pair[1][span], np.float64),
    )
