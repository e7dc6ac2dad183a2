"""Joints that the truth of a clip lacks: NaN in its poses, whatever the file said of them.

No metric counts them (`bench/metrics/_missing.py`), and no frame that lacks one is trained on
(`pieces.py`). A joint of which one coordinate is NaN is missing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from bench.data.batches.pages import give_back
from bench.data.clip import Clip
from models.errors import BadInput

NOTE = (
    "the truth lacks joints in some frames: they are not scored, and such frames are not"
    " trained on"
)


def lacking(clip: Clip) -> NDArray[np.bool_]:
    """Which joints of a clip that has poses the truth lacks (frames, joints)."""
    assert clip.camera_pose is not None  # whoever asks has made sure
    gone = np.isnan(clip.camera_pose)
    # of a clip that is mapped from a file nothing stays in memory
    give_back(clip)
    # NumPy's `any` over an axis of three takes many times as long
    found: NDArray[np.bool_] = gone[..., 0] | gone[..., 1] | gone[..., 2]
    return found


def frames(clip: Clip, names: Sequence[str]) -> NDArray[np.bool_]:
    """In which frames the truth lacks one of the named joints (frames,); in none without poses."""
    if clip.camera_pose is None:
        return np.zeros(clip.frames, dtype=np.bool_)
    places = list(clip.skeleton.indices(names))
    return np.any(lacking(clip)[:, places], axis=1)


def count(clip: Clip) -> int:
    """How many joints of all frames the truth lacks."""
    return 0 if clip.camera_pose is None else int(lacking(clip).sum())


def noted(clip: Clip) -> Clip:
    """The clip, with a note where its truth lacks joints."""
    if NOTE in clip.notes or not count(clip):
        return clip
    return dataclasses.replace(clip, notes=(*clip.notes, NOTE))


def check(
    train: Iterable[Clip],
    test: Iterable[Clip],
    source: str,
    *,
    root: str,
    joints: Sequence[str],
) -> None:
    """Raise BadInput where the truth lacks too much to score a clip, or to train at all."""
    for clip in test:
        if frames(clip, (root,)).all():
            raise BadInput(
                f"{source}: clip {clip.name}, {clip.camera_name} has the root {root} in no"
                " frame, so nothing of it can be scored; leave the clip out"
            )
    if all(frames(clip, joints).all() for clip in train):
        raise BadInput(
            f"{source}: no frame of any training clip has all {len(joints)} joints, so there"
            " is nothing to train on; complete the data"
        )
