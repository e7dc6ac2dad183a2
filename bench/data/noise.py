"""A 2D detector's errors, put on perfect keypoints: anisotropic Gaussians per joint, rare outliers, rare misses."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from bench.data.clip import Clip
from bench.data.synthetic import generator

FAR = {"Foot", "Wrist", "Elbow", "Knee"}  # joints that detectors place worst


@dataclass(frozen=True)
class Detector:
    """Standard deviation in pixels of near and far joints in a 1000 px picture; how often, and how far, a joint is far off or missed."""

    near: float = 3.0
    far: float = 6.0
    stretch: float = 2.0  # long over short axis of the error ellipse
    outliers: float = 0.01
    outlier: float = 60.0
    misses: float = 0.005


def detect(clip: Clip, *, detector: Detector | None = None, seed: int = 0) -> Clip:
    """The clip with noisy keypoints, drawn by clip and camera name. A miss keeps the last seen place, with confidence 0."""
    model = detector or Detector()
    draw = generator(f"detector {clip.name} {clip.camera_name}", seed=seed)
    frames, joints = clip.confidence.shape
    sizes = np.array([model.far if name.lstrip("LR") in FAR else model.near for name in clip.skeleton.joints]) * clip.camera.width / 1000
    angle = draw.uniform(0, np.pi, joints)  # each joint's ellipse keeps its direction within a clip
    axes = np.stack([np.cos(angle), np.sin(angle), -np.sin(angle), np.cos(angle)], axis=-1).reshape(joints, 2, 2)
    spread = sizes[:, None] * np.array([np.sqrt(model.stretch), 1 / np.sqrt(model.stretch)])
    error = np.einsum("fji,jik->fjk", draw.normal(size=(frames, joints, 2)) * spread, axes)
    wild = draw.random((frames, joints)) < model.outliers
    error[wild] += draw.normal(0, model.outlier * clip.camera.width / 1000, (int(wild.sum()), 2))
    keypoints = clip.keypoints + error
    missed = draw.random((frames, joints)) < model.misses
    confidence = np.exp(-((np.linalg.norm(error, axis=-1) / (4 * sizes)) ** 2) / 2) * ~missed
    return dataclasses.replace(clip, keypoints=_hold(keypoints, missed).astype(np.float32), confidence=confidence.astype(np.float32))


def _hold(keypoints: np.ndarray, missed: np.ndarray) -> np.ndarray:
    """Replace a missed joint (frames, joints) by its last seen place; before the first sight, by the first seen frame's number 0."""
    frame = np.where(missed, 0, np.arange(len(missed))[:, None])
    seen = np.maximum.accumulate(frame, axis=0)
    return keypoints[seen, np.arange(missed.shape[1])]
