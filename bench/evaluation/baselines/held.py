"""The trivial predictors once more, from the raw clips and in plain NumPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from bench.data import Split
from bench.data.geometry import skeletons
from bench.data.protocols import Protocol
from bench.evaluation.oracle import (
    body,
    choice,
    cutting,
    scaling,
    scoring,
    sides,
    surfaces,
)
from bench.evaluation.oracle.choice import Rows
from bench.evaluation.oracle.cutting import Cut, Float
from bench.evaluation.oracle.scoring import Numbers
from bench.evaluation.oracle.sight import Sight
from bench.records import Baseline, Check
from models.mesh import Mesh

# How far scores may be apart: mm, and as a share of a large one. Keypoints are nearly dependent
# columns, above all of few short clips: there the roundings of float32 alone move the map of
# least squares by some hundredths of a millimetre.
SAME = {
    "mean pose": (1e-3, 1e-6),
    "least-squares linear map": (0.1, 1e-2),
}
CUT = 1e-10  # of the largest eigenvalue: what varies less has no digits in float32
Predict = Callable[[int], Float]  # poses of a strip's scored frames, mm


def hold(
    split: Split, baselines: Sequence[Baseline], mesh: Mesh | None = None
) -> tuple[tuple[Check, ...], dict[str, str]]:
    """Each predictor's scores against those of plain arithmetic, and what has none.

    Where there is a mesh, of the body in the predicted poses, too.
    """
    protocol = split.protocol
    skeleton = skeletons.load(protocol.skeleton)
    sight = Sight(
        joints=skeleton.joints,
        pairs=skeleton.pairs,
        root=protocol.root,
        frames=1,
        outputs=1,
        channels=2,
        pad="edge",
        pixels=protocol.lengths == "2.5d",
    )
    train = Cut(cutting.strips(split.train, whole=skeleton.joints), sight, 1)
    test = Cut(cutting.strips(split.test), sight, 1)
    rows = choice.rows(test, protocol.test_stride)
    fitted = {
        "mean pose": _mean_pose(train, test, rows),
        "least-squares linear map": _linear_map(train, test, rows),
    }
    checks, left_out = sides.held(split)
    for baseline in baselines:
        name = baseline.name
        if name not in fitted:
            left_out[name] = "the oracle does not know this predictor"
            continue
        due = scoring.scored(test, rows, protocol, fitted[name])
        more, unheld = _surfaces(test, rows, protocol, mesh, fitted[name])
        found, without = scoring.all_held(
            baseline.metrics, due | more, of=name, same=SAME[name]
        )
        checks += found
        left_out |= without | unheld
    return tuple(checks), left_out


def _surfaces(
    test: Cut, rows: Rows, protocol: Protocol, mesh: Mesh | None, predict: Predict
) -> tuple[dict[str, Numbers], dict[str, str]]:
    """The due means of the body in what is predicted, and why there are none."""
    if mesh is None:
        return {}, {}

    def posed(number: int) -> Float:
        return 1000 * body.posed(mesh, test.sight.joints, predict(number) / 1000)

    return surfaces.scored(test, rows, protocol, mesh, posed, predict)


def _mean_pose(train: Cut, test: Cut, rows: Rows) -> Predict:
    total, count = np.zeros((len(train.sight.joints), 3)), 0
    for number in range(len(train.strips)):
        _, poses = _pairs(train, number)
        total += poses.sum(axis=0)
        count += len(poses)
    mean = total / count

    def predicted(number: int) -> Float:
        unit = _unit(test, rows, number)
        return np.broadcast_to(mean, (len(unit), *mean.shape)) * unit

    return predicted


def _linear_map(train: Cut, test: Cut, rows: Rows) -> Predict:
    width, joints = 2 * len(train.sight.joints) + 1, len(train.sight.joints)
    square, product = np.zeros((width, width)), np.zeros((width, 3 * joints))
    for number in range(len(train.strips)):
        seen, poses = _pairs(train, number)
        square += seen.T @ seen
        product += seen.T @ poses.reshape(len(poses), -1)
    # the pseudo-inverse leaves out what does not vary, as a joint that is always in the middle
    weights = np.linalg.pinv(square, rcond=CUT, hermitian=True) @ product

    def predicted(number: int) -> Float:
        strip, frames = test.strips[number], rows.frames[number]
        flat = _affine(scaling.screen(strip, frames, test.sight)) @ weights
        return flat.reshape(len(flat), joints, 3) * _unit(test, rows, number)

    return predicted


def _pairs(train: Cut, number: int) -> tuple[Float, Float]:
    """Keypoints (n, J * 2 + 1) and poses (n, J, 3) of a strip, in the unit that is learnt."""
    strip, sight = train.strips[number], train.sight
    frames = train.scored(number)
    unit = 1000 * cutting.millimetres(strip, frames, sight)
    seen = _affine(scaling.screen(strip, frames, sight))
    return seen, cutting.truth(strip, frames, sight) / unit


def _affine(seen: Float) -> Float:
    flat = seen.reshape(len(seen), -1)
    return np.concatenate([flat, np.ones((len(flat), 1))], axis=1)


def _unit(test: Cut, rows: Rows, number: int) -> Float:
    strip, frames = test.strips[number], rows.frames[number]
    return 1000 * cutting.millimetres(strip, frames, test.sight)
