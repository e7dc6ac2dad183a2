"""Forty random poses, and metrics of them by name or all at once."""

from __future__ import annotations

import numpy as np

from bench import metrics
from bench.data import protocols
from bench.data.geometry.skeletons import H36M17
from bench.metrics import Facts
from bench.metrics._facts import bones
from bench.records import Metric

PROTOCOL = protocols.load("synthetic")
DRAW = np.random.default_rng(0)
POSES = DRAW.normal(0, 300, (40, 17, 3))
CLIPS = np.repeat([0, 1], 20)
BONES, TWINS = bones(H36M17, H36M17.joints)


def value(
    name: str,
    pred: np.ndarray,
    true: np.ndarray,
    clips: np.ndarray | None = None,
) -> np.ndarray:
    """A metric's number for each pose."""
    # one clip, where none is said
    clips = np.zeros(len(pred), int) if clips is None else clips
    found = metrics.load(name).values(pred, true, Facts(clips, BONES, TWINS))
    return found if found.ndim == 1 else found.mean(axis=1)


def run(pred: np.ndarray, true: np.ndarray, **options: object) -> dict[str, Metric]:
    """All metrics by the names that reports show, of poses labelled as these forty are."""
    labels: dict[str, object] = {
        # uneven, so that the mean over actions is not the mean over frames
        "actions": ["a"] * 30 + ["b"] * 10,
        "clips": CLIPS,
        "joint_names": H36M17.joints,
        "protocol": PROTOCOL,
    }
    found = metrics.evaluate(pred, true, **(labels | options))
    return {metric.name: metric for metric in found}


def mpjpe(pred: np.ndarray, true: np.ndarray, **options: object) -> float | None:
    """The mean over frames, mm."""
    return run(pred, true, **options)["MPJPE"].frame_wise


def under(**changes: object) -> protocols.Protocol:
    """A protocol that differs in this from the synthetic data's."""
    return PROTOCOL.model_copy(update=changes)
