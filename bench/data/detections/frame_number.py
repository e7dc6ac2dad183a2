"""Which of several numbers in the names of pictures is the frame's; the others tell videos apart.

In this order: none after `cam`, `clip`, `take` or the like, none in a folder's name, the one after
`frame`; then the one with zeros before it, after `img` or `f`, that counts without gaps, that makes
videos of more than a few pictures; the last where all this is even. What video words, folders and
`frame` do not decide is a guess.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from fractions import Fraction
from typing import NamedTuple

from bench.data.detections.names import Parts, is_day, number

FRAME = re.compile("fr|frm|frames?")
PICTURE = re.compile("f|img|images?|pic|picture|photo")
# and the letters of NTU's names, as S001C002P003R002A013
VIDEO = re.compile(
    "cam|camera|view|angle|vid|video|clip|take|trial|seq|sequence|scene|shot|rec|recording"
    "|part|session|subj|subject|person|[acprsv]"
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
        return _alone(rows[0], changing, places)
    told = {place: _told(rows[0], place) for place in changing}
    best = [place for place in changing if told[place] == max(told.values())]
    # videos of a picture each: the numbers are of something else
    best = [place for place in best if len(_videos(rows, place)) <= len(rows) / 2]
    if not best:
        return None
    chosen = max(best, key=lambda place: (*_signs(rows, place), place))
    # a folder for each frame, or of a video's frames
    contrary = any(told[place][2] > told[chosen][2] for place in changing)
    return Choice(chosen, guessed=len(best) > 1 or contrary)


def is_videos(row: Parts, place: int) -> bool:
    """Whether the word before a number says that it is a video's, as a date does."""
    return bool(VIDEO.fullmatch(_word(row, place))) or is_day(number(row, place))


def parting(row: Parts) -> tuple[int, ...]:
    """The places of numbers that are a video's by word or folder."""
    places = range(1, len(row), 2)
    return tuple(place for place in places if _told(row, place)[:2] < (0, 0))


def without(row: Parts, places: Collection[int]) -> Parts:
    """A name in which the numbers at the places are left out."""
    return tuple("" if place in places else part for place, part in enumerate(row))


def _alone(row: Parts, changing: Sequence[int], places: Sequence[int]) -> Choice | None:
    """Where one number changes at most: that one, unless it is a video's and another a frame's."""
    if changing and not is_videos(row, changing[0]):
        return Choice(changing[0], guessed=False)
    framed = [place for place in places if _is_frames(row, place)]
    # of a picture alone it is the last number, as it is of several videos
    found = [*framed, *changing, *reversed(places)]
    return Choice(found[0], guessed=bool(changing) and not framed) if found else None


def _told(row: Parts, place: int) -> tuple[int, int, int]:
    """What words and folders tell of a number: the more for a frame's, the higher."""
    folder = any("/" in str(text) for text in row[place + 1 :: 2])
    frame = bool(FRAME.fullmatch(_word(row, place)))
    return -is_videos(row, place), -folder, frame


def _is_frames(row: Parts, place: int) -> bool:
    word = _word(row, place)
    return bool(FRAME.fullmatch(word) or PICTURE.fullmatch(word))


def _word(row: Parts, place: int) -> str:
    """The word before a number, in small letters; empty where there is none."""
    found = WORD.search(str(row[place - 1]))
    return found[1].lower() if found else ""


def step(values: Sequence[Fraction]) -> Fraction:
    """The largest step in which all values are counted; 1 where all are the same."""
    scale = math.lcm(*(value.denominator for value in values))
    ticks = [int((value - values[0]) * scale) for value in values]
    return Fraction(math.gcd(*ticks), scale) or Fraction(1)


def _signs(rows: Sequence[Parts], place: int) -> tuple[bool, bool, float, bool]:
    """Zeros and a picture's word before it, parts that do not lack, more than a few pictures."""
    numbers = [number(row, place) for row in rows]
    padded = any(re.match(r"0\d", each.text) for each in numbers)
    padded = padded and len({len(each.text) for each in numbers}) == 1
    by = step([each.value for each in numbers])
    first = min(each.value for each in numbers)
    videos = _videos(rows, place).values()
    due = sum((max(video) - first) / by + 1 for video in videos)
    # to a tenth: people who are not found lack in any reading
    there = round(float(len(rows) / due), 1)
    enough = len(rows) >= FEW * len(videos)
    return padded, _is_frames(rows[0], place), there, enough


def _videos(rows: Sequence[Parts], place: int) -> dict[Parts, list[Fraction]]:
    found: dict[Parts, list[Fraction]] = defaultdict(list)
    for row in rows:
        found[without(row, (place,))].append(number(row, place).value)
    return found
