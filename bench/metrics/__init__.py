"""How wrong a pose is. One file, one metric: NAME, UNIT, BETTER and `values`, one number per pose; the folder is the registry."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, Protocol, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.data import protocols
from bench.records import Metric
from models.errors import BadInput, UnknownName

Array = NDArray[np.float64]


class Definition(Protocol):
    """What a metric's module offers."""

    NAME: str
    UNIT: str
    BETTER: Literal["lower", "higher"]

    def values(self, pred: Array, true: Array, *, clips: NDArray[np.int64]) -> Array:
        """One number for each pose (N,), NaN where it has none; pred and true (N, J, 3) mm, `clips` (N,) the clip of each."""


def names() -> tuple[str, ...]:
    """Metrics found in the folder, the headline first."""
    return tuple(sorted((path.stem for path in Path(__file__).parent.glob("[!_]*.py")), key=lambda name: (name != "mpjpe", name)))


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
) -> tuple[Metric, ...]:
    """Every metric (or those named) of N poses (N, J, 3) in mm, root-relative, with the protocol's joints scored.

    `actions` and `clips` label each pose; poses of a clip must be in order. MPJVE is None where the protocol skips frames.
    Raises BadInput for shapes that do not fit or poses that are not finite, UnknownName for a metric or joint.
    """
    y, x = np.asarray(pred, dtype=np.float64), np.asarray(true, dtype=np.float64)
    labels, numbers = np.asarray(list(actions)), np.asarray(list(clips))
    _check(y, x, labels, numbers, joint_names)
    unknown = [joint for joint in protocol.scored if joint not in joint_names]
    if unknown:
        raise UnknownName("joint", unknown[0], joint_names)
    kept = [place for place, joint in enumerate(joint_names) if joint in (protocol.scored or joint_names)]
    joints = tuple(joint_names[place] for place in kept)
    y, x = (y[:, kept], x[:, kept]) if len(kept) < len(joint_names) else (y, x)
    return tuple(_measure(load(name), name, y, x, labels, numbers, joints, protocol) for name in metrics or names())


def _measure(
    metric: Definition,
    name: str,
    pred: Array,
    true: Array,
    actions: NDArray[np.str_],
    clips: NDArray[np.int64],
    joints: tuple[str, ...],
    protocol: protocols.Protocol,
) -> Metric:
    if name == "mpjve" and protocol.test_stride > 1:
        return Metric(name=metric.NAME, unit=metric.UNIT, better=metric.BETTER, frame_wise=None, action_wise=None)
    values = metric.values(pred, true, clips=clips)
    known = np.isfinite(values)
    values, actions = values[known], actions[known]
    groups = {str(action): float(values[actions == action].mean()) for action in np.unique(actions)}
    return Metric(
        name=metric.NAME,
        unit=metric.UNIT,
        better=metric.BETTER,
        frame_wise=float(values.mean()) if len(values) else None,
        action_wise=float(np.mean(list(groups.values()))) if groups else None,
        per_action=groups,
        per_joint=_per_joint(pred, true, joints) if name == "mpjpe" else {},
    )


def _per_joint(pred: Array, true: Array, joints: tuple[str, ...]) -> dict[str, float]:
    from bench.metrics.mpjpe import distances

    return dict(zip(joints, distances(pred, true).mean(axis=0).tolist(), strict=True))


def _check(pred: Array, true: Array, actions: NDArray[np.str_], clips: NDArray[np.int64], joints: tuple[str, ...]) -> None:
    due = (len(actions), len(joints), 3)
    if pred.shape != due or true.shape != due or len(clips) != len(actions) or not len(actions):
        raise BadInput(
            f"evaluate: pred {pred.shape}, true {true.shape}, {len(actions)} actions, {len(clips)} clips; "
            f"poses (N, {len(joints)}, 3) and N labels of each were due"
        )
    for kind, poses in (("prediction", pred), ("truth", true)):
        bad = ~np.isfinite(poses).all(axis=(1, 2))
        if bad.any():
            raise BadInput(
                f"evaluate: {int(bad.sum())} {kind}s are not finite, the first at pose {int(bad.argmax())}; "
                "the model diverged or the data is broken"
            )
