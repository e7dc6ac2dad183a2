"""How wrong a pose is.

One file, one metric: NAME, UNIT, BETTER and `values`, a number for each pose or joint; the folder
is the registry. A metric may also declare REACH, how many frames before its own it looks at, and
NEEDS, the field of `Facts` it cannot do without.

`evaluate` goes through the poses in blocks (`_blocks.py`), shows each to every metric, and makes
means of what they say. A joint that the truth lacks is NaN and is not counted (`_missing.py`).
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from itertools import repeat
from pathlib import Path
from typing import Literal, Protocol, cast

import numpy as np
from numpy.typing import ArrayLike

from bench.data import protocols
from bench.metrics import _missing
from bench.metrics._blocks import Block, Poses
from bench.metrics._facts import Array, Extras, Facts, View
from bench.records import Metric
from models.errors import UnknownName
from models.folder import files

__all__ = ["Definition", "Extras", "Facts", "View", "evaluate", "load", "names"]

HEADLINE = "mpjpe"  # what the field's tables begin with


class Definition(Protocol):
    """What a metric's module offers."""

    NAME: str
    UNIT: str
    BETTER: Literal["lower", "higher"]

    def values(self, pred: Array, true: Array, facts: Facts) -> Array:
        """One number for each joint of each pose (N, J), or for each pose (N,).

        NaN where there is none; pred and true (N, J, 3) mm, NaN where the truth lacks a joint.
        """


def names() -> tuple[str, ...]:
    """Metrics found in the folder, the headline first."""
    return tuple(
        sorted(files(Path(__file__).parent), key=lambda name: (name != HEADLINE, name))
    )


def load(name: str) -> Definition:
    """A metric by name. Raises UnknownName."""
    if name not in names():
        raise UnknownName("metric", name, names())
    return cast(Definition, importlib.import_module(f"bench.metrics.{name}"))


def evaluate(
    pred: ArrayLike,
    true: ArrayLike,
    *,
    actions: Iterable[str],
    clips: Iterable[int],
    joint_names: tuple[str, ...],
    protocol: protocols.Protocol,
    metrics: Iterable[str] | None = None,
    subjects: Iterable[str] = (),
    extras: Extras | None = None,
) -> tuple[Metric, ...]:
    """Metrics of N poses (N, J, 3) in mm, root-relative, under a protocol.

    (N, H, J, 3) where the protocol has several hypotheses. `metrics` names them; without it all are
    measured that have what they need. `actions`, `clips` and, if given, `subjects` label each pose;
    poses of a clip must be in order. A number is None where the `extras` it needs did not come and
    where changes from frame to frame are asked of a protocol that skips frames. A joint that is NaN
    in the truth is missing: a mean is that of the joints that are there. Raises BadInput for shapes
    that do not fit or poses that are otherwise not finite, UnknownName for a metric or joint.
    """
    poses = Poses(
        pred=np.asarray(pred),
        true=np.asarray(true),
        clips=np.asarray(list(clips)),
        joints=joint_names,
        protocol=protocol,
        extras=extras or Extras(),
    )
    by_action = _Groups(list(actions))
    by_subject = _Groups(list(subjects))
    poses.check(actions=len(by_action), subjects=len(by_subject))
    tallies = [_Tally(name, poses) for name in metrics or names()]
    # what was asked for by name is answered, if only by "not measured"
    tallies = [tally for tally in tallies if tally.possible or metrics]
    _measure(poses, [tally for tally in tallies if tally.measures(protocol)])
    return tuple(tally.result(by_action, by_subject) for tally in tallies)


def _measure(poses: Poses, tallies: Sequence[_Tally]) -> None:
    """Show all poses to each tally, a block after the other while it is in the cache."""
    reach = max((tally.reach for tally in tallies), default=0)
    for block in poses.blocks(reach=reach):
        # to take joints out of a block is a copy: once for all metrics that look at the same
        for joints in {tally.joints for tally in tallies}:
            part = block.of(joints)
            for tally in tallies:
                if tally.joints == joints:
                    tally.add(block, *part)


class _Groups:
    """Poses by a label."""

    def __init__(self, labels: Sequence[str]) -> None:
        self._names = sorted(set(labels))
        # numbers, as NumPy sorts half a million of them in the time of a few thousand strings
        places = {name: place for place, name in enumerate(self._names)}
        codes = np.fromiter((places[label] for label in labels), np.int64, len(labels))
        # stable, so that sums are made in one order and give one number bit by bit
        self._order = np.argsort(codes, kind="stable")
        self._starts = np.searchsorted(
            codes[self._order],
            np.arange(1, len(self._names)),
        )

    def __len__(self) -> int:
        return len(self._order)

    def means(self, values: Array, shares: Array | None) -> dict[str, float]:
        """The mean of the finite values (N,) of each label that has any, by label."""
        if not self._names:
            return {}
        parts = np.split(values[self._order], self._starts)
        shared: Iterable[Array | None] = repeat(None, len(parts))
        if shares is not None:
            shared = np.split(shares[self._order], self._starts)
        found = {
            str(name): _missing.mean(part, share)
            for name, part, share in zip(self._names, parts, shared, strict=True)
        }
        return {name: mean for name, mean in found.items() if mean is not None}


class _Tally:
    """What a metric has found so far: its values, and their sums by joint."""

    def __init__(self, name: str, poses: Poses) -> None:
        self._metric = load(name)
        self.joints = poses.scored(name)
        self._values = np.full(poses.count, np.nan)
        # of the joints of a pose, which share was there; none while all are
        self._shares: Array | None = None
        self._sums = np.zeros(len(self.joints))
        self._counts = np.zeros(len(self.joints))
        self._by_joint = False
        self.reach: int = getattr(self._metric, "REACH", 0)
        need = getattr(self._metric, "NEEDS", None)
        # one pose tells whether there is any: an empty tuple of bones is none
        first = poses.facts(slice(0, 1), self.joints)
        found = () if need is None else getattr(first, need)
        self.possible = need is None or (found is not None and len(found) > 0)

    def measures(self, protocol: protocols.Protocol) -> bool:
        """Whether the metric means anything: frames that are skipped have no neighbours."""
        return self.possible and not (self.reach and protocol.test_stride > 1)

    def add(self, block: Block, pred: Array, true: Array, facts: Facts) -> None:
        """Take in a block, given as these joints of it."""
        # without the poses that the block before has given already
        values = self._metric.values(pred, true, facts)[block.skip :]
        if values.ndim == 2:
            self._by_joint = True
            rows = values
            values, shares = _missing.means(rows)
            if shares is not None:
                rows = self._partly(block, rows, shares)
            self._sums += rows.sum(axis=0)
            self._counts += len(rows)
        self._values[block.start : block.stop] = values

    def _partly(self, block: Block, rows: Array, shares: Array) -> Array:
        """Take in the rows (n, J) that lack a joint, and give those that do not."""
        if self._shares is None:
            self._shares = np.ones(len(self._values))
        self._shares[block.start : block.stop] = shares
        part = rows[(shares > 0) & (shares < 1)]
        there = ~np.isnan(part)
        self._sums += np.where(there, part, 0.0).sum(axis=0)
        self._counts += there.sum(axis=0)
        return rows[shares == 1]

    def result(self, by_action: _Groups, by_subject: _Groups) -> Metric:
        """The means, overall and by label."""
        metric = self._metric
        actions = by_action.means(self._values, self._shares)
        subjects = by_subject.means(self._values, self._shares)
        by_joint: dict[str, float] = {}
        if self._by_joint:
            there = self._counts > 0
            means = (self._sums[there] / self._counts[there]).tolist()
            named = [self.joints[place] for place in np.flatnonzero(there)]
            by_joint = dict(zip(named, means, strict=True))
        return Metric(
            name=metric.NAME,
            unit=metric.UNIT,
            better=metric.BETTER,
            frame_wise=_missing.mean(self._values, self._shares),
            action_wise=_mean(actions),
            subject_wise=_mean(subjects),
            per_action=actions,
            per_subject=subjects,
            per_joint=by_joint,
        )


def _mean(groups: dict[str, float]) -> float | None:
    """Every label counts the same, however many poses it has."""
    return float(np.mean(list(groups.values()))) if groups else None
