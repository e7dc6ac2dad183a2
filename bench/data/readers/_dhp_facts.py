"""MPI-INF-3DHP's own facts, whoever packs its data: rates, sizes of pictures, the world's axes.

And how a camera that nobody wrote down is told from the joints it saw.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.data.geometry.calibrate import pinhole
from bench.data.geometry.cameras import Camera
from models.errors import BadInput

Array = NDArray[np.floating]

# filmed at 50 frames a second, the others at 25
FAST = {("S1", "Seq2"), ("S3", "Seq1"), ("S3", "Seq2"), ("S5", "Seq1"), ("S5", "Seq2")}
SQUARE = (2048, 2048)  # pixels of most pictures
OUTDOORS = (1920, 1080)  # of the test sequences that another camera filmed
SIZES = {"TS5": OUTDOORS, "TS6": OUTDOORS}
Y_UP = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])  # their world, y up, to ours


def frame_rate(subject: str, sequence: str) -> float:
    """Frames a second of a sequence, as `S1` and `Seq2`; 25 for the test's."""
    return 50.0 if (subject, sequence) in FAST else 25.0


def picture_size(subject: str) -> tuple[int, int]:
    """Width and height of a subject's pictures; no file of poses states them."""
    return SIZES.get(subject, SQUARE)


def told(pose: Array, keypoints: Array, size: tuple[int, int], where: str) -> Camera:
    """The camera by its joints (F, J, 3) mm and keypoints (F, J, 2) px.

    Raises BadInput led by `where`, for unequal lengths too.
    """
    if len(pose) != len(keypoints) or not len(pose):
        raise BadInput(
            f"{where}: {len(keypoints)} frames of 2D and {len(pose)} of 3D; as many, and at"
            " least one, were due"
        )
    try:
        return pinhole(pose, keypoints, width=size[0], height=size[1])
    except BadInput as error:
        raise BadInput(f"{where}: {error}") from None
