"""What is lifted of a source: some of its clips, some of their frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from bench import data
from bench.data.clip import Clip
from bench.data.protocols import Protocol
from models.errors import BadInput, UnknownName, shortened

MOST = 10_000  # surfaces, a file each, that are written without having been chosen

SPLITS = ("train", "test")


@dataclass(frozen=True)
class Part:
    """Clips by TAKE/CAMERA or TAKE, in which `*` is anything, and every n-th of their frames.

    Without clips all are meant, or those of a `split`: train or test. Raises BadInput for a number
    below 1, UnknownName for another split.
    """

    clips: Sequence[str] = ()
    every: int = 1
    split: str = ""

    def __post_init__(self) -> None:
        if self.split not in ("", *SPLITS):
            raise UnknownName("split", self.split, SPLITS)
        if self.every < 1:
            raise BadInput(f"--every {self.every}: 1 or more was due")


WHOLE = Part()


def name(clip: Clip) -> str:
    """TAKE/CAMERA."""
    return f"{clip.name}/{clip.camera_name}"


def chosen(
    clips: Sequence[Clip],
    part: Part,
    source: str,
) -> list[Clip]:
    """The clips that are asked for. Raises BadInput for a name that fits none of them."""
    for asked in part.clips:
        if not any(_fits(clip, asked) for clip in clips):
            raise BadInput(
                f"--clip {shortened(asked)}: fits none of the {len(clips):,} clips of {source},"
                f" the first of which is {shortened(name(clips[0]))}; give TAKE/CAMERA or TAKE,"
                " where * stands for anything"
            )
    if not part.clips:
        return list(clips)
    return [clip for clip in clips if any(_fits(clip, asked) for asked in part.clips)]


def side(
    clips: Sequence[Clip],
    part: Part,
    source: str,
    protocol: Protocol,
) -> list[Clip]:
    """The clips of the split that is asked for, by the protocol, or the usual one of the source.

    Raises BadInput where nothing divides the source, or nothing is on that side.
    """
    if not part.split:
        return list(clips)
    suits = data.kind_of(source) in protocol.sources
    divides = protocol if suits else data.default_protocol(source)
    if divides is None:
        raise BadInput(
            f"--split {part.split}: no protocol divides {source}; leave it out, all clips"
            " are lifted then"
        )
    found = divides.divide(clips)[SPLITS.index(part.split)]
    if not found:
        raise BadInput(
            f"--split {part.split}: protocol {divides.name} has none of the {len(clips):,}"
            f" clips of {source} on that side; leave it out"
        )
    return found


def check_surfaces(
    clips: Sequence[Clip],
    part: Part,
    out: str,
) -> None:
    """Raise BadInput for more surfaces than anybody wants by chance."""
    # rounded up
    frames = sum(-(-clip.frames // part.every) for clip in clips)
    # as an order comes, its clips may be a list
    chosen = bool(part.clips) or part.every > 1
    if frames > MOST and not chosen:
        raise BadInput(
            f"{out}: {frames:,} surfaces of {len(clips):,} clips, a file each; at most {MOST:,}"
            f" were due: choose with --clip {shortened(name(clips[0]))!r} or --every N"
        )


def _fits(clip: Clip, asked: str) -> bool:
    names = (clip.name, name(clip))
    # a name may have brackets in it, which are a choice of letters in a pattern
    return asked in names or any(fnmatchcase(each, asked) for each in names)
