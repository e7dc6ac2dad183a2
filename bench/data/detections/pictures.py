"""Pictures by their names or numbers: which are of one video, in which order, which lack.

The order is the natural one of the whole name: numbers in it are compared as numbers (f8_1080p
before f10_1080p), decimals and clock times as what they are. The number that changes from picture
to picture is the frame's; whatever else differs (folder, words, another number) parts videos.
Detectors write nothing of a picture in which they found nobody, so a number that lacks between
others is a frame without people.
"""

from __future__ import annotations

import datetime
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

Name = str | int

UNEVEN = (
    "the pictures' names or numbers count no frames: they are taken one after the other in"
    " natural order, and none is taken to lack"
)
# Frames for each picture that is there: beyond, the numbers count something else.
MOST = 10

DATE = r"(\d{4})[-_.]?(\d\d)[-_.]?(\d\d)[-_. T]"
# 10:59:58, 10-59-58.25, 10h59m58s, a date before them or not
CLOCK = (
    rf"(?<!\d)(?:{DATE})?(\d\d?)([-_:.hH])([0-5]\d)[-_:.mM]([0-5]\d(?:[.,]\d{{1,9}})?)"
)
COMPACT = rf"(?<!\d){DATE}([01]\d|2[0-3])()([0-5]\d)([0-5]\d)"  # 20240131_105958
TIME = re.compile(rf"{CLOCK}(?!\d)|{COMPACT}(?!\d)")
DECIMAL = re.compile(r"(?<![\d.])\d{1,18}\.\d{1,18}(?![\d.])")
ENDING = re.compile(r"\.[A-Za-z]\w{0,4}$")
WHOLE = re.compile(r"\d{1,18}")


class Number(NamedTuple):
    """A number in a name, and how it is written there."""

    value: Fraction
    text: str


Parts = tuple[str | Number, ...]  # text and numbers by turns, text first and last


@dataclass(frozen=True)
class Strip:
    """The pictures of one video in order; None where one lacks, for nobody was found in it."""

    label: str  # what all its names have beside the frame's number
    pictures: list[Name | None]
    uneven: bool = False  # whether the numbers are no frames', so that none can lack
    first: Fraction = Fraction(0)  # number of the first picture
    step: Fraction = Fraction(1)  # from each to the next

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be said of the order."""
        return (UNEVEN,) if self.uneven else ()

    @property
    def holes(self) -> int:
        """How badly the numbers suit frames of a video."""
        lack = sum(picture is None for picture in self.pictures)
        return len(self.pictures) if self.uneven else lack


def strips(names: Iterable[Name]) -> list[Strip]:
    """The videos that pictures are of, in natural order of their labels."""
    names = set(names)
    decimal = _strips(names, decimals=True)
    if not any(DECIMAL.search(_stem(name)) for name in names):
        return decimal
    # `take1.8.jpg` to `take1.11.jpg` count one by one, `0.5.jpg` and `0.25.jpg` do not.
    counted = _strips(names, decimals=False)
    return min(decimal, counted, key=lambda found: sum(strip.holes for strip in found))


def natural(name: Name) -> Parts:
    """What sorts names in natural order."""
    return _parts(name, decimals=True)


def _strips(names: set[Name], *, decimals: bool) -> list[Strip]:
    alike: dict[Parts, list[tuple[Parts, Name]]] = defaultdict(list)
    for name in names:
        parts = _parts(name, decimals=decimals)
        # names without numbers tell nothing but their folder
        words = parts[::2] if len(parts) > 1 else (str(name).rpartition("/")[0],)
        alike[words].append((parts, name))
    found = [
        strip
        for words, rows in alike.items()
        for strip in _videos(words, sorted(rows, key=_order))
    ]
    return sorted(found, key=lambda strip: natural(strip.label))


def _order(row: tuple[Parts, Name]) -> tuple[Parts, str]:
    parts, name = row
    return parts, str(name)  # 1.jpg and 01.jpg are one number


def _videos(words: Parts, rows: Sequence[tuple[Parts, Name]]) -> Iterator[Strip]:
    """The videos among names of the same words."""
    place = _frame_place([parts for parts, _ in rows])
    if place is None:
        names: list[Name | None] = [name for _, name in rows]
        yield Strip(_text(words), names, uneven=len(rows) > 1)
        return
    videos: dict[Parts, list[tuple[Fraction, Name]]] = defaultdict(list)
    for parts, name in rows:
        number = parts[place]
        assert isinstance(number, Number)  # numbers stand at odd places
        videos[_without(parts, place)].append((number.value, name))
    for label, numbered in videos.items():
        yield _filled(_text(label), numbered)


def _frame_place(rows: Sequence[Parts]) -> int | None:
    """Where in the names the frame's number stands; None where no number is one.

    The number without which the fewest videos are left; the last of several.
    """
    places = range(1, len(rows[0]), 2)
    changing = [place for place in places if len({row[place] for row in rows}) > 1]
    if len(changing) <= 1:
        # of a picture alone it is the last number, as it is of several videos
        return next(iter([*changing, *reversed(places)]), None)
    videos = {place: len({_without(row, place) for row in rows}) for place in changing}
    best = min(changing, key=lambda place: (videos[place], -place))
    # videos of a picture each: the numbers are of something else
    return best if videos[best] <= len(rows) / 2 else None


def _without(parts: Parts, place: int) -> Parts:
    return (*parts[:place], "", *parts[place + 1 :])


def _filled(label: str, numbered: Sequence[tuple[Fraction, Name]]) -> Strip:
    """Pictures in order, with None for each number that lacks between them."""
    numbers = [number for number, _ in numbered]
    # every n-th frame of a video is fine
    scale = math.lcm(*(number.denominator for number in numbers))
    ticks = [int((number - numbers[0]) * scale) for number in numbers]
    step = math.gcd(*ticks) or 1
    count = ticks[-1] // step + 1
    if count > MOST * len(numbered):
        return Strip(label, [name for _, name in numbered], uneven=True)
    pictures: list[Name | None] = []
    before = -1
    for tick, (_, name) in zip(ticks, numbered, strict=True):
        pictures += [None] * (tick // step - before - 1)
        pictures.append(name)
        before = tick // step
    return Strip(label, pictures, first=numbers[0], step=Fraction(step, scale))


def _parts(name: Name, *, decimals: bool) -> Parts:
    """A name as text and numbers by turns; an ending such as .jpg is left out."""
    if isinstance(name, int):
        return "", Number(Fraction(name), str(name)), ""
    stem = _stem(name)
    parts: list[str | Number] = []
    rest = 0
    for start, end, number in _numbers(stem, decimals=decimals):
        parts += [stem[rest:start], Number(number, stem[start:end])]
        rest = end
    return (*parts, stem[rest:])


def _stem(name: Name) -> str:
    return ENDING.sub("", str(name).replace("\\", "/"))


def _numbers(stem: str, *, decimals: bool) -> Iterator[tuple[int, int, Fraction]]:
    """Start, end and value of each number in a name."""
    place = 0
    while place < len(stem):
        kinds = (TIME, DECIMAL, WHOLE) if decimals else (TIME, WHOLE)
        found = [each for kind in kinds if (each := kind.search(stem, place))]
        if not found:
            return
        # the leftmost, and of those that begin together the longest
        match = min(found, key=lambda each: (each.start(), -each.end()))
        if match.re is TIME:
            yield match.start(), match.end(), _seconds(match)
        else:
            yield match.start(), match.end(), Fraction(match[0])
        place = match.end()


def _seconds(match: re.Match[str]) -> Fraction:
    """A clock time, with its date where there is one."""
    groups = match.groups()
    year, month, day, hour, _, minute, second = groups[:7] if groups[3] else groups[7:]
    days = _days(int(year), int(month), int(day)) if year else 0
    clock = Fraction(second.replace(",", ".")) + 60 * int(minute) + 3600 * int(hour)
    return clock + 86400 * days


def _days(year: int, month: int, day: int) -> int:
    try:
        return datetime.date(year, month, day).toordinal()
    except ValueError:  # no date: its digits are in order all the same
        return (year * 100 + month) * 100 + day


def _text(label: Parts) -> str:
    """A label for people: what is between the words stays, what is around them goes."""
    texts = [part if isinstance(part, str) else part.text for part in label]
    return "".join(texts).strip("/_-. ")
