"""What is in some clips, in words and numbers: labels, notes, and what a protocol makes of them.

`data info` prints it, a cache keeps it, and a run's report tells it. What the numbers themselves
are like is in `stats`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from bench.data import missing, protocols
from bench.data.clip import Clip
from bench.data.pictures import crops
from bench.data.protocols import Protocol
from bench.data.stats import context

SHOWN = 8  # labels that a message lists


def of(clips: Sequence[Clip]) -> dict[str, object]:
    """Counts and labels of clips, and what their reader noted."""
    return {
        "takes": _takes(clips),
        "cameras": labels(clips, "camera_name"),
        "frames": _frames(clips),
        # there for windows to see, and not scored
        "frames_of_context_alone": sum(map(context, clips)),
        # of all frames; no metric counts them
        "joints_missing_in_truth": sum(map(missing.count, clips)),
        "pictures": _pictures(clips),
        "fps": labels(clips, "fps"),
        "skeleton": clips[0].skeleton.name,
        "subjects": labels(clips, "subject"),
        "actions": labels(clips, "action"),
        "styles": labels(clips, "style"),
        "notes": sorted({note for clip in clips for note in clip.notes}),
    }


def divided(
    train: Sequence[Clip], test: Sequence[Clip], protocol: Protocol
) -> dict[str, object]:
    """What a protocol trains and tests on; frames are those of all cameras together."""
    every = [*train, *test]
    in_files = any(clip.pictures for clip in every)
    drawn = not in_files and all(crops.drawable(clip, protocol) for clip in every)
    return {
        "pictures": "drawn, of every frame" if drawn else _pictures(every),
        "train_takes": _takes(train),
        "train_frames": _frames(train),
        "train_subjects": labels(train, "subject"),
        "test_takes": _takes(test),
        "test_frames": _frames(test),
        "test_scored": sum(_scored(clip, protocol) for clip in test),
        "test_subjects": labels(test, "subject"),
        "protocol": protocol.name,
        "protocol_hash": protocol.hash,
        "part_of_each_clip": protocol.fraction,  # less makes another hash
        "protocol_text": protocol.text,
    }


def chosen(
    protocol: Protocol, kind: str, clips: Sequence[Clip], *, asked: bool
) -> dict[str, object]:
    """Why it is this protocol, and which others of the kind leave both sides takes."""
    why = "the default for such data"
    if protocol.takes:
        why = "told by the names of the takes"
    others = [one for one in protocols.dividing(kind, clips) if one != protocol.name]
    return {
        "protocol_chosen": "asked for" if asked else why,
        "other_protocols": others,
    }


def one_sided(protocol: Protocol, kind: str, clips: Sequence[Clip], side: str) -> str:
    """The complaint about a split that leaves a side empty, with the protocols that do not."""
    by = "name" if protocol.split.by == "clip" else protocol.split.by
    here = [label or "(none)" for label in labels(clips, by)]
    more = f" and {len(here) - SHOWN} more" if len(here) > SHOWN else ""
    others = protocols.dividing(kind, clips)
    what = "no other divides them: give two takes or more"
    if others:
        what = f"take --protocol {' or '.join(others)}"
    return (
        f"protocol {protocol.name} leaves no clip for {side} ({protocol.split.text}; here are"
        f" {', '.join(here[:SHOWN])}{more}); {what}"
    )


def labels(clips: Iterable[Clip], field: str) -> list[Any]:
    """The different labels of clips, sorted."""
    return sorted({getattr(clip, field) for clip in clips})


def _pictures(clips: Sequence[Clip]) -> str:
    count = _frames(clip for clip in clips if clip.pictures)
    return f"files, of {count:,} frames" if count else "none"


def _scored(clip: Clip, protocol: Protocol) -> int:
    """The frames of a test clip that a protocol scores: every n-th of those that count."""
    if clip.counted is None:
        return -(-clip.frames // protocol.test_stride)  # rounded up
    return int(np.count_nonzero(clip.counted[:: protocol.test_stride]))


def _takes(clips: Iterable[Clip]) -> int:
    return len({clip.name for clip in clips})


def _frames(clips: Iterable[Clip]) -> int:
    return sum(clip.frames for clip in clips)
