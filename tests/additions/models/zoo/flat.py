"""One affine map from a frame's keypoints to its pose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.builder import Builder
from models.value import Value


@dataclass(frozen=True)
class Size:
    """No hidden width at all."""

    joints: int = 17
    frames: int = 1


def train(g: Builder, size: Size) -> Value:
    """(batch, joints * 2) -> (batch, joints * 3)."""
    keypoints = g.input("keypoints", ("batch", size.joints * 2))
    # of no use but to show that the new ops are in the language
    cubed = keypoints.cube().hinge()
    return (keypoints + cubed * 0.0).linear(size.joints * 3, name="head")


PRESETS = {"paper": Size(), "small": Size(), "tiny": Size()}
PAPER_PARAMETERS = {"paper": 34 * 51 + 51}
LOSS = {"absolute": 1.0}
OFFICIAL = "Flat"


def from_official(official: str, config: Mapping[str, Any]) -> Size:
    """Nothing to choose."""
    return Size()
