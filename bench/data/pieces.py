"""Parts of clips, as views of their arrays.

The middle of one, or what is trained on: long ones split, short ones and frames in which the truth
lacks a joint left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from bench.data import missing
from bench.data.clip import Clip, middle_of
from models.errors import BadInput

ARRAYS = ("keypoints", "confidence", "camera_pose", "world_pose", "counted", "boxes")


def pieces(
    clips: Iterable[Clip],
    *,
    joints: Sequence[str],
    longest: int | None = None,
    shortest: int = 1,
) -> list[Clip]:
    """Each clip cut into pieces of `longest` frames and a rest.

    A clip is cut where the truth lacks one of the joints, and these frames are left out; so are
    pieces and clips of fewer than `shortest` frames. Raises BadInput where nothing is left or the
    two numbers do not fit together.
    """
    if shortest < 1 or (longest is not None and longest < shortest):
        raise BadInput(
            f"pieces: shortest {shortest}, longest {longest}; 1 <= shortest <= longest"
            " was due"
        )
    clips, kept = list(clips), list[Clip]()
    for clip in clips:
        size = longest or clip.frames
        for whole in _whole(clip, joints):
            # up to the last place where `shortest` frames are left
            for start in range(whole.start, whole.stop - shortest + 1, size):
                kept.append(part(clip, start, min(start + size, whole.stop)))
    if not kept:
        most = max((clip.frames for clip in clips), default=0)
        raise BadInput(
            f"pieces: none of {len(clips)} clips has {shortest} frames with all joints (the"
            f" longest has {most} frames); lower the threshold"
        )
    return kept


def _whole(clip: Clip, joints: Sequence[str]) -> Iterator[range]:
    """Frames in a row, as many as there are, in which the truth has all the joints."""
    lacks = missing.frames(clip, joints)
    # before the first frame and after the last stands one that ends what is whole
    ends = np.flatnonzero(np.concatenate([[True], lacks, [True]]))
    for before, after in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True):
        if before + 1 < after:
            yield range(before, after - 1)


def middle(clip: Clip, fraction: float) -> Clip:
    """The middle `fraction` of a clip, at least 16 frames where it has them."""
    frames = middle_of(clip.frames, fraction)
    return part(clip, frames.start, frames.stop)


def part(clip: Clip, start: int, stop: int, *, name: str = "") -> Clip:
    """Frames `start` to `stop` of a clip, under its own name or another."""
    fields = vars(clip) | {"name": name or clip.name}
    for each in ARRAYS:
        values = fields[each]
        fields[each] = None if values is None else values[start:stop]
    if clip.pictures is not None:
        fields["pictures"] = clip.pictures[start:stop]
    return trusted(**fields)


def trusted(**fields: Any) -> Clip:
    """A clip of arrays that were checked before.

    Its constructor would look at every number, and so load what is mapped from a file.
    """
    clip = object.__new__(Clip)
    for name, value in fields.items():
        # the class is frozen, for everybody else
        object.__setattr__(clip, name, value)
    return clip
