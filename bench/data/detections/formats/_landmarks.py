"""The numbers of MediaPipe's 33 landmarks: x, y, depth, visibility, presence.

x and y are shares of the picture's width and height, or pixels where somebody has multiplied them.
Depth is left out. World landmarks, metres around the hips, are no places in a picture.
"""

from __future__ import annotations

import numpy as np

from bench.data.detections.video import Array
from bench.data.formats.checks import NORMALISED
from models.errors import BadInput

COUNT = 33
HIPS = (23, 24)
CENTRED = 0.02  # world landmarks: metres from the origin to the middle of the hips

DEPTH = "the third number of a landmark is taken for depth, for some are below 0"
SURE = "the third number of a landmark is taken for its confidence, for none is below 0"


def read(table: Array, where: str) -> tuple[Array, tuple[str, ...]]:
    """x, y, confidence (frames, 33, 3) of numbers (frames, 33, 2 to 5), and notes.

    Frames of zeros or of NaN are without anybody. Raises BadInput for world landmarks.
    """
    places = table[..., :2]
    nobody = (np.isnan(table) | (table == 0)).all(axis=(1, 2))
    _check_picture(places[~nobody], where)
    sure = np.ones((*table.shape[:2], 1))
    notes: tuple[str, ...] = ()
    if table.shape[2] > 3:
        sure = table[..., 3:4]
    elif table.shape[2] == 3:
        deep = bool((table[..., 2] < 0).any())
        notes = (DEPTH if deep else SURE,)
        sure = sure if deep else table[..., 2:]
    points = np.concatenate([places, sure], axis=-1)
    points[nobody] = 0
    return points, notes


def are_shares(points: Array) -> bool:
    """Whether x and y are shares of the picture: a person in pixels is larger than one."""
    most = np.abs(points[..., :2]).max(initial=0.0)
    return bool(0 < most < 2 * NORMALISED)


def _check_picture(places: Array, where: str) -> None:
    hips = places[:, HIPS].mean(axis=1)
    if len(hips) and (np.abs(hips) < CENTRED).all():
        raise BadInput(
            f"{where}: the hips lie at 0, 0 in all frames, so these are world landmarks in"
            " metres; the landmarks in the picture were due"
        )
