"""Metrics of all poses with their means by frame, action, subject and joint, held to a record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bench import metrics as known
from bench.data.geometry import skeletons
from bench.data.protocols import Protocol
from bench.evaluation.oracle import cutting, measures, scaling
from bench.evaluation.oracle.checks import apart, check
from bench.evaluation.oracle.choice import Rows
from bench.evaluation.oracle.cutting import Array, Cut, Float
from bench.records import Check, Metric

# Between two means of the same errors, mm, and as a share of a large one: float32's roundings.
SAME = (1e-3, 1e-6)
# Per cent: a joint that lies on a threshold to the last digit falls to either side of it.
COUNTED = 0.1

Numbers = dict[str, float | None]


@dataclass
class Mean:
    """A mean that grows."""

    total: float = 0.0
    count: float = 0

    def add(self, errors: Float) -> None:
        """Take in some more, (n,) or (n, joints): each pose counts by its share that is there."""
        rows = errors.reshape(len(errors), -1)
        there = ~np.isnan(rows)
        self.total += float(
            (np.where(there, rows, 0.0).sum(axis=1) / rows.shape[1]).sum()
        )
        self.count += float(there.mean(axis=1).sum())

    @property
    def value(self) -> float | None:
        """The mean, None of nothing."""
        return self.total / self.count if self.count else None


@dataclass
class Score:
    """One metric over all poses that came so far."""

    measure: measures.Measure
    reach: int  # frames that it looks back: at a clip's beginning it has no value
    joints: tuple[str, ...]  # those that count
    places: list[int]
    frames: Mean = field(default_factory=Mean)
    actions: dict[str, Mean] = field(default_factory=dict)
    subjects: dict[str, Mean] = field(default_factory=dict)
    by_joint: dict[str, Mean] = field(default_factory=dict)

    def add(self, pred: Float, true: Float, *, action: str, subject: str) -> None:
        """Take in poses (n, J, 3), mm, of one clip; NaN where the truth lacks a joint."""
        lacks = np.isnan(true).any(axis=2, keepdims=True)
        pred, true = np.where(lacks, np.nan, pred), np.where(lacks, np.nan, true)
        found = self.measure(pred[:, self.places], true[:, self.places])
        if not len(found):
            return
        if found.ndim == 2:
            for place, joint in enumerate(self.joints):
                self.by_joint.setdefault(joint, Mean()).add(found[:, place])
        self.frames.add(found)
        self.actions.setdefault(action, Mean()).add(found)
        self.subjects.setdefault(subject, Mean()).add(found)

    def numbers(self) -> Numbers:
        """Every mean of the metric by its place in a record."""
        found: Numbers = {
            "frame_wise": self.frames.value,
            "action_wise": _even(self.actions),
            "subject_wise": _even(self.subjects),
        }
        parts = {
            "per_action": self.actions,
            "per_subject": self.subjects,
            "per_joint": self.by_joint,
        }
        for part, means in parts.items():
            known = {name: mean.value for name, mean in means.items() if mean.count}
            found |= {f"{part} {name}": value for name, value in known.items()}
        return found


def scored(
    test: Cut, rows: Rows, protocol: Protocol, predicted: Callable[[int], Float]
) -> dict[str, Numbers]:
    """The means of each metric by its file, of predictions (n, J, 3) of each strip, mm.

    None where the protocol skips frames and the metric asks for neighbours.
    """
    scores = empty(protocol)
    root = test.sight.joints.index(protocol.root)
    for number, strip in enumerate(test.strips):
        pose = predicted(number)
        if protocol.prediction_root == "zero":
            pose = pose - pose[:, root : root + 1]
        true = cutting.truth(strip, rows.frames[number], test.sight)
        clip = strip.clip
        for score in scores.values():
            if not (score.reach and protocol.test_stride > 1):
                score.add(pose, true, action=clip.action, subject=clip.subject)
    return {file: score.numbers() for file, score in scores.items()}


def hidden(test: Cut, rows: Rows, made: Array, masks: NDArray[np.bool_]) -> Numbers:
    """The mean distances of what was made (M, J, C) where masks (M, J) hide it.

    Poses are measured in mm, keypoints in thousandths of the screen.
    """
    sight, poses = test.sight, test.sight.makes == "poses"
    places = list(range(len(sight.joints)))
    score = Score(measures.apart, 0, sight.joints, places)
    for number, strip in enumerate(test.strips):
        frames = rows.frames[number]
        unit = 1000 * (cutting.millimetres(strip, frames, sight) if poses else 1.0)
        if poses:
            true = cutting.truth(strip, frames, sight)
        else:
            true = 1000 * scaling.screen(strip, frames, sight)[..., :2]
        pred = made[rows.of(number)].astype(np.float64) * unit
        seen = ~masks[rows.of(number)]
        true[seen] = np.nan  # what was shown is no task
        clip = strip.clip
        score.add(pred, true, action=clip.action, subject=clip.subject)
    return score.numbers()


def held(
    metric: Metric,
    due: Mapping[str, float | None],
    *,
    of: str = "",
    same: tuple[float, float] = SAME,
) -> Check:
    """Every mean of a recorded metric as one check: the one that is furthest off.

    The bound is in the metric's unit, or a share of the mean where that is more.
    """
    came = _recorded(metric)
    least, share = same
    bound = COUNTED if metric.unit == "%" else least
    name = f"{of} {metric.name}".strip()
    worst, error = "", 0.0
    for one in {**due, **came}:
        mine, right = came.get(one), due.get(one)
        if mine is None and right is None:
            continue
        if mine is None or right is None:
            note = f"{one}: {mine} came where {right} was due"
            return check("score", name, np.inf, bound, unit=metric.unit, note=note)
        # float32 knows no more digits of a large error than of a small one
        off = apart(mine, right) / max(1.0, abs(right) * share / bound)
        if off > error or not worst:
            worst, error = one, off
    note = "not measured: the protocol skips frames"
    if worst:
        note = f"{worst}: {came[worst]:.4f}, plain arithmetic gives {due[worst]:.4f}"
    return check("score", name, error, bound, unit=metric.unit, note=note)


def all_held(
    metrics: Iterable[Metric],
    due: Mapping[str, Numbers],
    *,
    of: str = "",
    same: tuple[float, float] = SAME,
) -> tuple[list[Check], dict[str, str]]:
    """A check for each metric that has numbers here by its file, and why others have none."""
    names = {known.load(file).NAME: file for file in due}
    checks, left_out = [], {}
    for metric in metrics:
        if metric.name in names:
            checks.append(held(metric, due[names[metric.name]], of=of, same=same))
        else:
            left_out[metric.name] = "the oracle has no arithmetic of its own for it"
    return checks, left_out


def empty(protocol: Protocol) -> dict[str, Score]:
    """A score of no poses for each metric that is known here, by its file."""
    found = {}
    # which metrics there are depends on joints, and which joints on the metric
    for file in measures.by_file([(0, 1), (0, 2)], [0, 2, 1]):
        counted = protocol.joints_for(file) or protocol.joints
        joints = tuple(joint for joint in protocol.joints if joint in counted)
        known = measures.by_file(*_skeleton(protocol, joints))
        if file in known:
            measure, reach = known[file]
            places = [protocol.joints.index(joint) for joint in joints]
            found[file] = Score(measure, reach, joints, places)
    return found


def _skeleton(
    protocol: Protocol, joints: Sequence[str]
) -> tuple[measures.Bones, list[int]]:
    """Bones between joints that count, and the place of each in the mirror; -1 for none."""
    skeleton = skeletons.load(protocol.skeleton)
    names = skeleton.joints
    places = {name: place for place, name in enumerate(joints)}
    bones = [
        (places[names[parent]], places[name])
        for name, parent in zip(names, skeleton.parents, strict=True)
        if parent >= 0 and name in places and names[parent] in places
    ]
    partner = {name: name for name in names}
    for left, right in skeleton.pairs:
        partner[names[left]], partner[names[right]] = names[right], names[left]
    return bones, [places.get(partner[name], -1) for name in joints]


def _recorded(metric: Metric) -> Numbers:
    """The numbers of a record, named as `Score.numbers` names them."""
    parts: dict[str, Mapping[str, float]] = {
        "per_action": metric.per_action,
        "per_subject": metric.per_subject,
        "per_joint": metric.per_joint,
    }
    found: Numbers = {
        "frame_wise": metric.frame_wise,
        "action_wise": metric.action_wise,
        "subject_wise": metric.subject_wise,
    }
    for part, numbers in parts.items():
        found |= {f"{part} {name}": value for name, value in numbers.items()}
    return found


def _even(means: Mapping[str, Mean]) -> float | None:
    """Every label counts the same, however many poses it has."""
    values = [mean.value for mean in means.values() if mean.value is not None]
    return sum(values) / len(values) if values else None
