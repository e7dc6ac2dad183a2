"""A few crops as a model of pictures is given them, to be looked at before it is trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.data.clip import Clip
from bench.data.geometry import skeletons
from bench.data.pictures.crops import Crops
from bench.data.pieces import part
from bench.data.protocols import Protocol

COUNT = 12
SIDE = 192  # pixels


class Sheet(NamedTuple):
    """Pictures (n, side, side, 3) of bytes, and keypoints (n, joints, 2) in their pixels."""

    names: tuple[str, ...]  # take, camera and frame of each
    pictures: NDArray[np.uint8]
    places: NDArray[np.float64]
    bones: tuple[tuple[int, int], ...]


def sheet(clips: Sequence[Clip], protocol: Protocol, *, seed: int = 0) -> Sheet:
    """Crops from beginning to end of some clips, which have the protocol's joints.

    Raises BadInput for clips of which no crops can be made.
    """
    few, names = [], []
    spread = np.linspace(0, len(clips) - 1, COUNT).astype(int)
    for place, number in enumerate(spread.tolist()):
        clip = clips[number]
        frame = place * clip.frames // COUNT
        few.append(part(clip, frame, frame + 1))
        names.append(f"{clip.name}/{clip.camera_name} {frame}")
    crops = Crops(
        few,
        size=(SIDE, SIDE),
        joints=protocol.joints,
        root=protocol.root,
        drawn=protocol.rig is not None,
        seed=seed,
    )
    shown = crops.colours(np.arange(COUNT))
    middle, sides = np.split(crops.views.boxes[:, None], 2, axis=2)
    joints = list(few[0].skeleton.indices(protocol.joints))
    seen = np.concatenate([clip.keypoints[:, joints] for clip in few])
    return Sheet(
        tuple(names),
        np.moveaxis(shown, 1, -1),
        ((seen - middle) / sides + 0.5) * SIDE,
        skeletons.load(protocol.skeleton).bones,
    )
