"""Faults of the harness itself: surfaces that models are taught, and are scored by."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from bench.audit.fault import Fault
from bench.audit.faults._piped import Make, always, fault

KIND = "pipeline"
SKIN, TAUGHT = "data.geometry.skinning", "training.feed:Feed.surface"
EVALUATE, MADE = "metrics:evaluate", "evaluation.surfaces:Made.__getitem__"


def _turned(real: Any) -> Any:
    """Vertices in reverse: what is true of one is said of another."""
    return lambda self, poses: np.ascontiguousarray(real(self, poses)[:, ::-1])


def _two_swapped(real: Any) -> Any:
    def posed(self: Any, poses: Any) -> Any:
        found = real(self, poses).copy()
        found[:, [0, 1]] = found[:, [1, 0]]
        return found

    return posed


def _rows(real: Any) -> Any:
    """Joints of another order, regressed from the surface."""

    def evaluate(*given: Any, **asked: Any) -> Any:
        extras = asked.get("extras")
        if extras is not None and extras.regressor is not None:
            asked["extras"] = replace(
                extras, regressor=np.roll(extras.regressor, 1, axis=0)
            )
        return real(*given, **asked)

    return evaluate


def _unstretched(real: Any) -> Any:
    """Bones turn and keep the length that they have at rest."""

    def maps(self: Any, poses: Any) -> Any:
        found = real(self, poses)
        sizes = np.linalg.norm(found[:, :, :3], axis=-1, keepdims=True)
        found[:, :, :3] /= np.maximum(sizes, 1e-9)
        return found

    return maps


def _thousandfold(real: Any) -> Any:
    return lambda self, target: real(self, target) * 1000


def _in_metres(self: Any, span: slice) -> Any:
    return self.vertices[span].astype(np.float64)


def _planted(
    name: str,
    place: str,
    make: Make,
) -> Fault:
    return fault(name, place, make, model="pose2mesh")


FAULTS = (
    _planted("surfaces: vertices in reverse", f"{SKIN}:Skin.posed", _turned),
    _planted("surfaces: bones keep their length", f"{SKIN}:Skin.maps", _unstretched),
    _planted("surfaces: two vertices swapped", TAUGHT, _two_swapped),
    _planted("surfaces: millimetres", TAUGHT, _thousandfold),
    _planted("score: joints of a surface in another order", EVALUATE, _rows),
    _planted("score: surfaces in metres", MADE, always(_in_metres)),
)
