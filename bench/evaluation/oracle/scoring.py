"""MPJPE and its aligned kin by plain arithmetic, with their means by frame, action and subject."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from bench.data.protocols import Protocol
from bench.evaluation.oracle import cutting
from bench.evaluation.oracle.checks import apart, check
from bench.evaluation.oracle.choice import Rows
from bench.evaluation.oracle.cutting import Cut, Float
from bench.records import Check, Metric

SAME = 1e-3  # mm between two means of the same errors
SHARE = 1e-6  # of a large mean: the roundings of float32
# file of the metric -> how a prediction is laid over the truth first
ALIGNED = {
    "mpjpe": "root",
    "pa_mpjpe": "similarity",
    "pa_mpjpe_rigid": "rigid",
}


@dataclass
class Score:
    """One metric over all poses that came so far."""

    how: str  # a value of ALIGNED
    joints: tuple[str, ...]  # those that count
    places: list[int]
    frames: list[float] = field(default_factory=list)  # one error for each pose, mm
    actions: dict[str, list[float]] = field(default_factory=dict)
    subjects: dict[str, list[float]] = field(default_factory=dict)
    by_joint: list[Float] = field(default_factory=list)

    def add(self, pred: Float, true: Float, *, action: str, subject: str) -> None:
        """Take in poses (n, J, 3), mm, of one clip."""
        due = true[:, self.places]
        laid = _laid(pred[:, self.places], due, self.how)
        apart = np.sqrt(((laid - due) ** 2).sum(axis=-1))  # (n, joints)
        self.by_joint.append(apart)
        errors = (apart.sum(axis=1) / len(self.joints)).tolist()
        self.frames += errors
        self.actions.setdefault(action, []).extend(errors)
        self.subjects.setdefault(subject, []).extend(errors)

    def numbers(self) -> dict[str, float]:
        """Every mean of the metric by its place in a record."""
        actions = {name: _mean(part) for name, part in self.actions.items()}
        subjects = {name: _mean(part) for name, part in self.subjects.items()}
        joints = np.concatenate(self.by_joint).mean(axis=0)
        return {
            "frame_wise": _mean(self.frames),
            "action_wise": _mean(actions.values()),
            "subject_wise": _mean(subjects.values()),
            **{f"per_action {name}": mean for name, mean in actions.items()},
            **{f"per_subject {name}": mean for name, mean in subjects.items()},
            **{
                f"per_joint {name}": float(mean)
                for name, mean in zip(self.joints, joints, strict=True)
            },
        }


def empty(protocol: Protocol) -> dict[str, Score]:
    """A score of no poses for each metric that is known here, by its file."""
    found = {}
    for file, how in ALIGNED.items():
        counted = protocol.joints_for(file) or protocol.joints
        joints = tuple(joint for joint in protocol.joints if joint in counted)
        places = [protocol.joints.index(joint) for joint in joints]
        found[file] = Score(how, joints, places)
    return found


def scored(
    test: Cut, rows: Rows, protocol: Protocol, predicted: Callable[[int], Float]
) -> dict[str, dict[str, float]]:
    """The means of each metric by its file, of predictions (n, J, 3) of each strip, mm."""
    scores = empty(protocol)
    root = test.sight.joints.index(protocol.root)
    for number, strip in enumerate(test.strips):
        pose = predicted(number)
        if protocol.prediction_root == "zero":
            pose = pose - pose[:, root : root + 1]
        true = cutting.truth(strip, rows.frames[number], test.sight)
        clip = strip.clip
        for score in scores.values():
            score.add(pose, true, action=clip.action, subject=clip.subject)
    return {file: score.numbers() for file, score in scores.items()}


def held(
    metric: Metric, due: Mapping[str, float], *, of: str = "", share: float = SHARE
) -> Check:
    """Every mean of a recorded metric as one check: the one that is furthest off.

    The bound is in mm, or `share` of the mean where that is more.
    """
    came = _recorded(metric)
    name = f"{of} {metric.name}".strip()
    worst, error = "frame_wise", 0.0
    for one in {**due, **came}:
        mine, right = came.get(one), due.get(one)
        if mine is None or right is None:
            return check("score", name, np.inf, SAME, unit="mm", note=f"{one} alone")
        # float32 knows no more digits of a large error than of a small one
        off = apart(mine, right) / max(1.0, abs(right) * share / SAME)
        if off > error:
            worst, error = one, off
    note = f"{worst}: {came[worst]:.4f}, plain arithmetic gives {due[worst]:.4f}"
    return check("score", name, error, SAME, unit="mm", note=note)


def _recorded(metric: Metric) -> dict[str, float | None]:
    """The numbers of a record, named as `Score.numbers` names them."""
    parts: dict[str, Mapping[str, float]] = {
        "per_action": metric.per_action,
        "per_subject": metric.per_subject,
        "per_joint": metric.per_joint,
    }
    found: dict[str, float | None] = {
        "frame_wise": metric.frame_wise,
        "action_wise": metric.action_wise,
        "subject_wise": metric.subject_wise,
    }
    for part, numbers in parts.items():
        found |= {f"{part} {name}": value for name, value in numbers.items()}
    return found


def _laid(pred: Float, true: Float, how: str) -> Float:
    """Poses (n, J, 3), each laid over its own truth by the motion of least squares."""
    if how == "root":
        return pred
    middle = true.mean(axis=1, keepdims=True)
    y, x = pred - pred.mean(axis=1, keepdims=True), true - middle
    left, sizes, right = np.linalg.svd(np.swapaxes(y, 1, 2) @ x)
    # a turn and no mirror: the weakest direction is turned back where the two differ
    signs = np.ones_like(sizes)
    signs[:, 2] = np.sign(np.linalg.det(left @ right))
    turned = y @ (left * signs[:, None, :]) @ right
    if how == "rigid":
        return turned + middle
    spread = (y * y).sum(axis=(1, 2))
    # a prediction that is one point has no size that could be scaled
    scale = (sizes * signs).sum(axis=1) / np.where(spread > 0, spread, 1.0)
    return scale[:, None, None] * turned + middle


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found)
