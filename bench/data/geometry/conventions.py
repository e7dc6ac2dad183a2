"""Where a camera stands, from the ways in which data sets write it down.

All give the rotation (3, 3) and the translation (3,) of X_camera = R X_world + t, in mm. One
more convention is one more function in `CONVENTIONS`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.errors import BadInput, UnknownName

Float = NDArray[np.float64]


def extrinsics(
    convention: str,
    rotation: ArrayLike,
    translation: ArrayLike,
) -> tuple[Float, Float]:
    """World-to-camera rotation (3, 3) and translation (3,) from a convention of `CONVENTIONS`.

    `rotation` is a quaternion (4,), real part first, for videopose3d and (3, 3) otherwise; lengths
    in millimetres in and out. Raises UnknownName for a convention and BadInput for a wrong shape.
    """
    if convention not in CONVENTIONS:
        raise UnknownName("extrinsics convention", convention, CONVENTIONS)
    turn = np.asarray(rotation, dtype=np.float64)
    # some files hold a column (3, 1)
    move = np.asarray(translation, dtype=np.float64).reshape(-1)
    due = (4,) if convention == "videopose3d" else (3, 3)
    if turn.shape != due or move.shape != (3,):
        raise BadInput(
            f"{convention} extrinsics: shapes {turn.shape} and {move.shape}; {due} and (3,)"
            " were due"
        )
    return CONVENTIONS[convention](turn, move)


def _to_camera(turn: Float, move: Float) -> tuple[Float, Float]:
    """X_camera = R X + t."""
    return turn, move


def _about_position(turn: Float, move: Float) -> tuple[Float, Float]:
    """X_camera = R (X - T)."""
    return turn, -turn @ move


def _to_world(turn: Float, move: Float) -> tuple[Float, Float]:
    """X_world = R X_camera + T."""
    return turn.T, -turn.T @ move


def _quaternion(turn: Float, move: Float) -> tuple[Float, Float]:
    """X_camera = q^-1 (X - T): the quaternion is the camera's orientation in the world."""
    return _to_world(matrix_of(turn), move)


CONVENTIONS = {
    "pose2mesh": _to_camera,
    "integral": _about_position,
    "mmpose": _to_world,
    "videopose3d": _quaternion,
}


def matrix_of(quaternion: ArrayLike) -> Float:
    """The rotation matrix (3, 3) of a quaternion (4,), real part first, of any length above 0.

    Raises BadInput for a zero one.
    """
    given = np.asarray(quaternion, dtype=np.float64)
    length = np.linalg.norm(given)
    # `not above`: a NaN length is refused as well
    if not length > 0 or not np.isfinite(length):
        raise BadInput(
            f"camera: quaternion {given.tolist()} is no rotation; four numbers, not all"
            " zero, were due"
        )
    w, x, y, z = given / length
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )
