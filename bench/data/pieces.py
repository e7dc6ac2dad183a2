"""Parts of clips, as views of their arrays: the middle of one, or long ones split and short
ones left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bench.data.clip import Clip
from models.errors import BadInput

LEAST = 16  # frames that a smoke run keeps of a clip, where it has them


def pieces(
    clips: Iterable[Clip], *, longest: int | None = None, shortest: int = 1
) -> list[Clip]:
    """Each clip cut into pieces of `longest` frames and a rest; pieces and clips of fewer
    than `shortest` frames are left out.

    Raises BadInput where nothing is left or the two numbers do not fit together.
    """
    if shortest < 1 or (longest is not None and longest < shortest):
        raise BadInput(
            f"pieces: shortest {shortest}, longest {longest}; 1 <= shortest <= longest"
            " was due"
        )
    clips, kept = list(clips), list[Clip]()
    for clip in clips:
        size = longest or clip.frames
        kept += [
            part(clip, start, min(start + size, clip.frames))
            for start in range(0, clip.frames - shortest + 1, size)
        ]
    if not kept:
        most = max((clip.frames for clip in clips), default=0)
        raise BadInput(
            f"pieces: none of {len(clips)} clips has {shortest} frames (the longest has"
            f" {most}); lower the threshold"
        )
    return kept


def middle(clip: Clip, fraction: float) -> Clip:
    """The middle `fraction` of a clip, at least 16 frames where it has them."""
    keep = min(clip.frames, max(LEAST, round(clip.frames * fraction)))
    start = (clip.frames - keep) // 2
    return part(clip, start, start + keep)


def part(clip: Clip, start: int, stop: int) -> Clip:
    """Frames `start` to `stop` of a clip."""
    arrays = {
        name: getattr(clip, name)
        for name in ("keypoints", "confidence", "camera_pose", "world_pose", "counted")
    }
    cut = {
        name: None if values is None else values[start:stop]
        for name, values in arrays.items()
    }
    return trusted(**{**vars(clip), **cut})


def trusted(**fields: Any) -> Clip:
    """A clip of arrays that were checked before: its constructor would look at every
    number, and so load what is mapped from a file.
    """
    clip = object.__new__(Clip)
    for name, value in fields.items():
        object.__setattr__(clip, name, value)
    return clip
