"""A 2D detector's errors, put on perfect keypoints: anisotropic Gaussians per joint, rare
outliers, rare misses.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from bench.data.clip import Clip
from bench.data.readers.synthetic import generator

FAR = {"Foot", "Ankle", "Wrist", "Elbow", "Knee"}  # joints that detectors place worst


@dataclass(frozen=True)
class Detector:
    """Standard deviation in pixels of near and far joints in a 1000 px picture; how often,
    and how far, a joint is far off or missed.
    """

    near: float = 3.0
    far: float = 6.0
    stretch: float = 2.0  # long over short axis of the error ellipse
    outliers: float = 0.01
    outlier: float = 60.0
    misses: float = 0.005

    # a misspelt key in a list of steps is an error
    __pydantic_config__: ClassVar = {"extra": "forbid"}


def detect(clip: Clip, *, detector: Detector | None = None, seed: int = 0) -> Clip:
    """The clip with noisy keypoints, drawn by clip and camera name.

    A miss keeps the last seen place, with confidence 0.
    """
    return disturb(
        clip,
        detector or Detector(),
        generator(f"detector {clip.name} {clip.camera_name}", seed=seed),
    )


def disturb(clip: Clip, model: Detector, draw: np.random.Generator) -> Clip:
    """The clip with noisy keypoints, drawn from a given generator; joints that were missed
    before stay so.
    """
    frames, joints = clip.confidence.shape
    sizes = (
        np.array(
            [
                model.far if name.lstrip("LR") in FAR else model.near
                for name in clip.skeleton.joints
            ]
        )
        * clip.camera.width
        / 1000
    )
    # each joint's ellipse keeps its direction within a clip
    angle = draw.uniform(0, np.pi, joints)
    axes = np.stack(
        [np.cos(angle), np.sin(angle), -np.sin(angle), np.cos(angle)], axis=-1
    ).reshape(joints, 2, 2)
    spread = sizes[:, None] * np.array([np.sqrt(model.stretch), 1 / np.sqrt(model.stretch)])
    error = np.einsum("fji,jik->fjk", draw.normal(size=(frames, joints, 2)) * spread, axes)
    wild = draw.random((frames, joints)) < model.outliers
    error[wild] += draw.normal(
        0, model.outlier * clip.camera.width / 1000, (int(wild.sum()), 2)
    )
    missed = draw.random((frames, joints)) < model.misses
    confidence = clip.confidence * np.exp(
        -((np.linalg.norm(error, axis=-1) / (4 * sizes)) ** 2) / 2
    )
    return miss(
        dataclasses.replace(
            clip,
            keypoints=_float32(clip.keypoints + error),
            confidence=_float32(confidence),
        ),
        missed,
    )


def miss(clip: Clip, missed: NDArray[np.bool_]) -> Clip:
    """The clip with joints (frames, joints) missed: confidence 0, at the place last seen,
    or first seen where that comes later.

    A joint missed in every frame goes to the middle of the picture.
    """
    confidence = np.where(missed, np.float32(0), clip.confidence)
    frame = np.where(missed, -1, np.arange(len(missed))[:, None])
    last = np.maximum.accumulate(frame, axis=0)
    first = (~missed).argmax(axis=0)
    held = clip.keypoints[np.where(last < 0, first, last), np.arange(missed.shape[1])]
    held[:, missed.all(axis=0)] = clip.camera.width / 2, clip.camera.height / 2
    return dataclasses.replace(clip, keypoints=held, confidence=confidence)


def _float32(values: NDArray[np.floating]) -> NDArray[np.float32]:
    return values.astype(np.float32)
