"""Of several people in the frames of a video, the one who is followed.

By the tracker's number where every person has one of their own. Elsewhere whoever is nearest to
where the one followed was seen last, unless somebody else was seen nearer, or it is farther than
people move: then the one followed is missed, and nobody else takes the place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.data.detections.video import Array, Frame, Person
from models.errors import BadInput

# How far somebody may be from where they were seen last, in their own sizes: from one frame to the
# next, and more for each frame in which they were missed (a few times the speed of walking).
LEAP, STRIDE = 1.0, 0.1
# Whoever is seen in fewer of the frames with people is a ghost, such as detectors see for a moment;
# so many frames are tried for somebody who is none.
GHOST, TRIES = 0.1, 10

# AlphaPose without a tracker gives everybody number 0.
TWICE = (
    "number {} stands for two people in frame {}, so that it is no tracker's: people are"
    " followed by nearness"
)


@dataclass(frozen=True)
class Followed:
    """One person (frames, joints, 3), and what is to be said of the choice."""

    points: Array
    notes: tuple[str, ...]


def follow(frames: Sequence[Frame], wanted: int | None, where: str) -> Followed:
    """The person followed through all frames; confidence 0 where they are missed.

    `wanted` is the tracker's number of the person, or without trackers the place, from 1, in the
    first frame with people; None takes the one most surely seen there, or soon after if that
    is a ghost. People without any joint are nobody. All must have one number of joints. Raises
    BadInput for no such person.
    """
    frames = [[person for person in frame if person.seen] for frame in frames]
    first = next((place for place, frame in enumerate(frames) if frame), None)
    if first is None:
        raise BadInput(
            f"{where}: every joint of every frame has confidence 0; leave it out"
        )
    everyone = [person for frame in frames for person in frame]
    twice = _twice(frames)
    tracked = twice is None and all(person.track is not None for person in everyone)
    if wanted is None:
        start, chosen, found = _surest(frames, tracked=tracked)
    else:
        start, chosen = first, _asked(frames, first, wanted, where, tracked=tracked)
        found = _through(frames, chosen, first, tracked=tracked)
    points = np.zeros((len(frames), *chosen.points.shape))
    for place, person in enumerate(found):
        if person is not None:
            points[place] = person.points
    crowd = max(map(len, frames))
    tracks = len({person.track for person in everyone}) if tracked else 1
    if max(crowd, tracks) == 1:
        return Followed(points, ())
    seen = sum(person is not None for person in found)
    who = _name(frames, start, chosen, tracked=tracked)
    others = f"{tracks} people" if tracked else f"up to {crowd} people in a frame"
    note = (
        f"several people; one is followed: {others}, {who} is seen in {seen} of"
        f" {len(frames)} frames; say another after the path, as in @person2"
    )
    doubt = () if twice is None else (TWICE.format(*twice),)
    return Followed(points, (*doubt, note))


def _twice(frames: Sequence[Frame]) -> tuple[int, int] | None:
    """A tracker's number that two people of a frame have, and the frame; None where none is."""
    for place, frame in enumerate(frames):
        counts = Counter(person.track for person in frame if person.track is not None)
        for number, count in counts.items():
            if count > 1:
                return number, place
    return None


def _surest(
    frames: Sequence[Frame], *, tracked: bool
) -> tuple[int, Person, list[Person | None]]:
    """The one most surely seen at first: where, who, and in each frame.

    Ghosts are passed over, unless there is nobody else.
    """
    starts = [place for place, frame in enumerate(frames) if frame]
    tried = []
    for start in starts[:TRIES]:
        chosen = max(frames[start], key=lambda person: person.points[:, 2].sum())
        found = _through(frames, chosen, start, tracked=tracked)
        seen = sum(person is not None for person in found)
        tried.append((start, chosen, found))
        if seen >= GHOST * len(starts):
            return tried[-1]
    return tried[0]


def _asked(
    frames: Sequence[Frame],
    first: int,
    wanted: int,
    where: str,
    *,
    tracked: bool,
) -> Person:
    """The person of a tracker's number, or of a place in the first frame. Raises BadInput."""
    people: dict[int | None, Person]
    if tracked:
        people = {person.track: person for frame in frames for person in frame}
    else:
        people = dict(enumerate(frames[first], start=1))
    if wanted not in people:
        known = ", ".join(str(number) for number in sorted(people, key=str)[:20])
        raise BadInput(f"{where}: person {wanted} is none of those there: {known}")
    return people[wanted]


def _name(frames: Sequence[Frame], start: int, chosen: Person, *, tracked: bool) -> str:
    if tracked:
        return f"person {chosen.track} of the tracker"
    numbered = enumerate(frames[start], start=1)
    place = next(number for number, person in numbered if person is chosen)
    return f"number {place} in frame {start}"


def _through(
    frames: Sequence[Frame], chosen: Person, start: int, *, tracked: bool
) -> list[Person | None]:
    """The chosen one in each frame; None where they are missed."""
    if tracked:
        return [_of_track(frame, chosen.track) for frame in frames]
    return _nearby(frames, chosen, start)


def _of_track(frame: Frame, track: int | None) -> Person | None:
    return next((person for person in frame if person.track == track), None)


def _nearby(frames: Sequence[Frame], chosen: Person, first: int) -> list[Person | None]:
    """The chosen one in each frame, by nearness; None where they are missed."""
    # alone throughout, they may leap as far as they like: it is nobody else
    alone = max(map(len, frames)) == 1
    found: list[Person | None] = [None] * len(frames)
    last, size, missed = chosen, _extent(chosen), 0
    others: Frame = []
    for place, frame in enumerate(frames[first:], start=first):
        if not frame:
            missed += 1
            continue
        nearest = min(frame, key=lambda each: _apart(each, last))
        reach = size * (LEAP + STRIDE * missed)
        apart = _apart(nearest, last)
        known = min((_apart(nearest, other) for other in others), default=np.inf)
        if alone or apart <= min(reach, known):
            found[place] = last = nearest
            # the largest so far: of somebody half hidden little is seen
            size, missed = max(size, _extent(nearest)), 0
        else:
            missed += 1
        others = [each for each in frame if each is not found[place]]
    return found


def _extent(person: Person) -> float:
    """The longer side of the box around what is seen of a person, pixels."""
    points = person.points[person.points[:, 2] > 0, :2]
    return float((points.max(axis=0) - points.min(axis=0)).max())


def _apart(one: Person, other: Person) -> float:
    """Mean distance of the joints that both show, pixels; of their middles where none is."""
    seen, also = one.points[:, 2] > 0, other.points[:, 2] > 0
    both = seen & also
    if both.any():
        apart = one.points[both, :2] - other.points[both, :2]
        return float(np.linalg.norm(apart, axis=-1).mean())
    middles = one.points[seen, :2].mean(axis=0) - other.points[also, :2].mean(axis=0)
    return float(np.linalg.norm(middles))
