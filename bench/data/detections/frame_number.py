"""Which of several numbers in the names of pictures is the frame's; the others tell videos apart.

In this order: the word before it (`frame` or `img`, and no `cam`, `clip`, `take` or the like), then
that folders are videos, zeros before it, that it counts without gaps, and that it makes videos of
more than a few pictures; the last number where all this is even. Whatever words and folders do not
decide is a guess.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from fractions import Fraction
from typing import NamedTuple

from bench.data.detections.names import Parts, is_day, number

FRAMES = re.compile("f|fr|frm|frames?|img|image|pic|picture|photo")
VIDEOS = re.compile(
    "cam|camera|view|angle|vid|video|clip|take|trial|seq|sequence|scene|shot|rec|recording"
    "|part|session|subj|subject|person"
)
# the last word of a text, apart from marks behind it, and in the same folder
WORD = re.compile(r"([A-Z]?[a-z]+|[A-Z]+)[^A-Za-z/]*$")
FEW = 5  # pictures: fewer are hardly a video


class Choice(NamedTuple):
    """Where the frame's number stands, and whether that is a guess."""

    place: int
    guessed: bool


def choose(rows: Sequence[Parts]) -> Choice | None:
    """The place of the frame's number in names of the same words; None where no number is one."""
    places = range(1, len(rows[0]), 2)
    changing = [place for place in places if len({row[place] for row in rows}) > 1]
    if len(changing) <= 1:
        alone = _alone(rows[0], changing, places)
        return None if alone is None else Choice(alone, guessed=False)
    told = {place: _told(rows[0], place) for place in changing}
    best = [place for place in changing if told[place] == max(told.values())]
    # videos of a picture each: the numbers are of something else
    best = [place for place in best if len(_videos(rows, place)) <= len(rows) / 2]
    if not best:
        return None
    chosen = max(best, key=lambda place: (*_signs(rows, place), place))
    return Choice(chosen, guessed=len(best) > 1)


def parting(row: Parts) -> tuple[int, ...]:
    """The places of numbers that are a video's by word or folder."""
    return tuple(place for place in range(1, len(row), 2) if sum(_told(row, place)) < 0)


def without(row: Parts, places: Collection[int]) -> Parts:
    """A name in which the numbers at the places are left out."""
    return tuple("" if place in places else part for place, part in enumerate(row))


def _alone(row: Parts, changing: Sequence[int], places: Sequence[int]) -> int | None:
    """Where one number changes at most: that one, unless another is the frame's by its word."""
    if changing and _told(row, changing[0])[0] >= 0:
        return changing[0]
    framed = [place for place in places if _told(row, place)[0] > 0]
    # of a picture alone it is the last number, as it is of several videos
    return next(iter([*framed, *changing, *reversed(places)]), None)


def _told(row: Parts, place: int) -> tuple[int, int]:
    """What the word before a number tells of it, and the folder: above 0 for a frame's."""
    before = WORD.search(str(row[place - 1]))
    word = before[1].lower() if before else ""
    video = bool(VIDEOS.fullmatch(word)) or is_day(number(row, place))
    frame = bool(FRAMES.fullmatch(word)) and not video
    folder = any("/" in str(text) for text in row[place + 1 :: 2])
    return frame - video, -folder


def step(values: Sequence[Fraction]) -> Fraction:
    """The largest step in which all values are counted; 1 where all are the same."""
    scale = math.lcm(*(value.denominator for value in values))
    ticks = [int((value - values[0]) * scale) for value in values]
    return Fraction(math.gcd(*ticks), scale) or Fraction(1)


def _signs(rows: Sequence[Parts], place: int) -> tuple[bool, float, bool]:
    """Zeros before it, parts that do not lack, and whether it makes more than a few pictures."""
    numbers = [number(row, place) for row in rows]
    padded = any(re.match(r"0\d", each.text) for each in numbers)
    padded = padded and len({len(each.text) for each in numbers}) == 1
    by = step([each.value for each in numbers])
    first = min(each.value for each in numbers)
    videos = _videos(rows, place).values()
    due = sum((max(video) - first) / by + 1 for video in videos)
    # to a tenth: people who are not found lack in any reading
    return padded, round(float(len(rows) / due), 1), len(rows) >= FEW * len(videos)


def _videos(rows: Sequence[Parts], place: int) -> dict[Parts, list[Fraction]]:
    found: dict[Parts, list[Fraction]] = defaultdict(list)
    for row in rows:
        found[without(row, (place,))].append(number(row, place).value)
    return found
