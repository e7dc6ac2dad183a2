"""A plain 2D detector's errors, put on perfect keypoints.

Anisotropic Gaussians per joint, rare outliers, rare misses; sizes are round numbers, of no
detector in particular. `fitted_noise.py` has those of a real one.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from bench.data.clip import Clip
from bench.data.geometry.held import held
from bench.data.readers.synthetic import generator

FAR = {"Foot", "Ankle", "Wrist", "Elbow", "Knee"}  # joints that detectors place worst
WIDTH = 1000  # pixels of the picture that sizes are given for
WIDE = 4  # usual errors after which confidence has fallen to exp(-1/2)


@dataclass(frozen=True)
class Detector:
    """How large errors are, in pixels of a picture 1000 px wide, and how often."""

    near: float = 3.0  # standard deviation
    far: float = 6.0  # standard deviation of the joints in `FAR`
    stretch: float = 2.0  # long over short axis of the error ellipse
    outliers: float = 0.01  # share of joints that are far off
    outlier: float = 60.0  # standard deviation of those
    misses: float = 0.005  # share of joints without a detection

    # a misspelt key in a list of steps is an error
    __pydantic_config__: ClassVar = {"extra": "forbid"}


def detect(clip: Clip, *, detector: Detector | None = None, seed: int = 0) -> Clip:
    """The clip with noisy keypoints, drawn by clip and camera name.

    A miss keeps the last seen place, with confidence 0.
    """
    # by name: a clip's errors are the same alone and among others
    draw = generator(f"detector {clip.name} {clip.camera_name}", seed=seed)
    return disturb(clip, detector or Detector(), draw)


def disturb(clip: Clip, model: Detector, draw: np.random.Generator) -> Clip:
    """The clip with noisy keypoints, drawn from a given generator.

    Joints that were missed before stay so.
    """
    # the order of the draws is part of every published number: it must not change
    frames, joints = shape = clip.confidence.shape
    names = [name.lstrip("LR") for name in clip.skeleton.joints]
    pixels = np.array([model.far if name in FAR else model.near for name in names])
    sizes = pixels * clip.camera.width / WIDTH
    # each joint's ellipse keeps its direction within a clip
    angle = draw.uniform(0, np.pi, joints)
    cosine = np.cos(angle)
    sine = np.sin(angle)
    axes = np.stack([cosine, sine, -sine, cosine], axis=-1).reshape(joints, 2, 2)
    # stretched by the root either way, so that the area is a circle's
    root = np.sqrt(model.stretch)
    spread = sizes[:, None] * np.array([root, 1 / root])
    error = np.einsum(
        "fji,jik->fjk",
        draw.normal(size=(frames, joints, 2)) * spread,
        axes,
    )
    wild = draw.random(shape) < model.outliers
    far = model.outlier * clip.camera.width / WIDTH
    error[wild] += draw.normal(0, far, (int(wild.sum()), 2))
    missed = draw.random(shape) < model.misses
    # detectors are less sure where they are wrong: a bell as wide as four usual errors
    away = np.linalg.norm(error, axis=-1) / (WIDE * sizes)
    noisy = dataclasses.replace(
        clip,
        keypoints=_float32(clip.keypoints + error),
        confidence=_float32(clip.confidence * np.exp(-(away**2) / 2)),
    )
    return miss(noisy, missed)


def miss(clip: Clip, missed: NDArray[np.bool_]) -> Clip:
    """The clip with joints (frames, joints) missed: confidence 0, at the place last seen.

    At the place first seen where that comes later; a joint missed in every frame goes to the
    middle of the picture.
    """
    confidence = np.where(missed, np.float32(0), clip.confidence)
    middle = clip.camera.width / 2, clip.camera.height / 2
    keypoints = held(clip.keypoints, missed, middle)
    return dataclasses.replace(clip, keypoints=keypoints, confidence=confidence)


def _float32(values: NDArray[np.floating]) -> NDArray[np.float32]:
    return values.astype(np.float32)
