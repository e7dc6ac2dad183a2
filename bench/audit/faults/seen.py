"""Faults of the harness itself: what models of pictures are shown, taught and read back as."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from bench.audit.fault import Fault, Setting
from bench.audit.faults._piped import WINDOWS, Make, always, fault

KIND = "pipeline"
CROPS, BOX = "data.pictures.crops", "data.pictures.box"
MIRRORED = f"{WINDOWS}:Windows.mirrored"
POSES = "evaluation.poses:mirror"
# pictures are standardised by ImageNet's numbers, and not by those of their clips
SCREEN = {"inputs": "screen"}
PLAIN = Setting(name="pictures", train=SCREEN)
FLIPPED = Setting(
    name="pictures, flip averaging", train=SCREEN, protocol={"flip_tta": True}
)


def _reversed(real: Any) -> Any:
    """Blue, green and red."""
    return lambda pictures: real(pictures[:, ::-1])


def _by_255(pictures: Any) -> Any:
    """Neither ImageNet's mean nor its deviation."""
    return pictures.astype(np.float32) / np.float32(255)


def _mean_alone(pictures: Any) -> Any:
    found = pictures.astype(np.float32) / np.float32(255)
    return found - np.array([[[0.485]], [[0.456]], [[0.406]]], np.float32)


def _boxes(change: Any) -> Make:
    """The picture is of another box than the target is."""

    def make(real: Any) -> Any:
        def picture(clip: Any, place: int, box: Any, size: Any, **more: Any) -> Any:
            return real.picture(clip, place, change(box, size), size, **more)

        return SimpleNamespace(picture=picture)

    return make


def _half_pixel(box: Any, size: Any) -> Any:
    """By half a pixel of the crop."""
    return box + np.array([box[2] / size[1] / 2, 0.0, 0.0, 0.0])


def _tight(box: Any, size: Any) -> Any:
    return box / np.array([1.0, 1.0, 1.25, 1.25])


def _later_frame(real: Any) -> Any:
    return lambda self, frames: real(
        self, np.minimum(frames + 1, len(self.views.boxes) - 1)
    )


def _targets_kept(real: Any) -> Any:
    """Pictures are mirrored, and poses are not."""
    return lambda values, skeleton: values


def _upside_down(self: Any, shown: Any) -> Any:
    return shown[..., ::-1, :]


def _lens_off(real: Any) -> Any:
    def lens(
        camera: Any,
        box: Any,
        size: Any,
    ) -> Any:
        found = real(camera, box, size)
        x, y = found.centre
        return replace(found, centre=(x + 0.5, y))

    return lens


def _planted(
    name: str,
    place: str,
    make: Make,
    setting: Setting = PLAIN,
) -> Fault:
    return fault(name, place, make, setting, "integral")


FAULTS = (
    _planted("pictures: blue for red", f"{CROPS}:scaled", _reversed),
    _planted("pictures: from 0 to 1", f"{CROPS}:scaled", always(_by_255)),
    _planted("pictures: mean alone", f"{CROPS}:scaled", always(_mean_alone)),
    _planted("crops: half a pixel off", f"{CROPS}:frame", _boxes(_half_pixel)),
    _planted("crops: without a margin", f"{CROPS}:frame", _boxes(_tight)),
    _planted("crops: of the next frame", f"{CROPS}:Crops.pictures", _later_frame),
    _planted("crop units: depth over 2.2 m", f"{BOX}:DEPTH", always(2.2)),
    _planted("crop units: metres of two", f"{BOX}:METRE", always(2000.0)),
    _planted("mirror: target of a picture kept", f"{WINDOWS}:mirror", _targets_kept),
    _planted("mirror: a picture upside down", MIRRORED, always(_upside_down)),
    _planted(
        "flip averaging: of pictures not mirrored back", POSES, _targets_kept, FLIPPED
    ),
    _planted("lens: half a pixel off", "data.pictures.frame:lens", _lens_off),
)
