"""Names of pictures as text and numbers by turns, which sorts them in natural order.

Decimals, clock times and dates are one number each.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

Name = str | int

DATE = r"(\d{4})[-_.]?(\d\d)[-_.]?(\d\d)[-_. T]"
# 10:59:58, 10-59-58.25, 10h59m58s, a date before them or not
CLOCK = (
    rf"(?<!\d)(?:{DATE})?(\d\d?)([-_:.hH])([0-5]\d)[-_:.mM]([0-5]\d(?:[.,]\d{{1,9}})?)"
)
COMPACT = rf"(?<!\d){DATE}([01]\d|2[0-3])()([0-5]\d)([0-5]\d)"  # 20240131_105958
TIME = re.compile(rf"{CLOCK}(?!\d)|{COMPACT}(?!\d)")
DAY = re.compile(r"(?<!\d)((?:19|20)\d\d)-(0[1-9]|1[0-2])-([0-2]\d|3[01])(?!\d)")
DECIMAL = re.compile(r"(?<![\d.])\d{1,18}\.\d{1,18}(?![\d.])")
WHOLE = re.compile(r"\d{1,18}")
# The letters of .jpg; a dot before a letter and a number, as in walk.f8, ends no name.
ENDING = re.compile(r"\.(?:[A-Za-z]{1,5}|jp2|mp4|m4v)$", re.IGNORECASE)


class Number(NamedTuple):
    """A number in a name, and how it is written there."""

    value: Fraction
    text: str


Parts = tuple[str | Number, ...]  # text and numbers by turns, text first and last


def parts(name: Name, *, decimals: bool = True) -> Parts:
    """A name as text and numbers by turns; an ending such as .jpg is left out."""
    if isinstance(name, int):
        return "", Number(Fraction(name), str(name)), ""
    stem = _stem(name)
    found: list[str | Number] = []
    rest = 0
    for start, end, number in _numbers(stem, decimals=decimals):
        found += [stem[rest:start], Number(number, stem[start:end])]
        rest = end
    return (*found, stem[rest:])


def number(row: Parts, place: int) -> Number:
    """The number at an odd place."""
    found = row[place]
    assert isinstance(found, Number)
    return found


def has_decimal(name: Name) -> bool:
    """Whether a number in the name may be a decimal."""
    return bool(DECIMAL.search(_stem(name)))


def is_time(number: Number) -> bool:
    """Whether a number is a clock time, whose value is in seconds."""
    return bool(TIME.fullmatch(number.text))


def is_day(number: Number) -> bool:
    """Whether a number is a date, whose value is in days."""
    return bool(DAY.fullmatch(number.text))


def _stem(name: Name) -> str:
    return ENDING.sub("", str(name).replace("\\", "/"))


def _numbers(stem: str, *, decimals: bool) -> Iterator[tuple[int, int, Fraction]]:
    """Start, end and value of each number in a name."""
    place = 0
    while place < len(stem):
        kinds = (TIME, DAY, DECIMAL, WHOLE) if decimals else (TIME, DAY, WHOLE)
        found = [each for kind in kinds if (each := kind.search(stem, place))]
        if not found:
            return
        # the leftmost, and of those that begin together the longest
        match = min(found, key=lambda each: (each.start(), -each.end()))
        yield match.start(), match.end(), _value(match)
        place = match.end()


def _value(match: re.Match[str]) -> Fraction:
    if match.re is TIME:
        return _seconds(match)
    if match.re is DAY:
        year, month, day = map(int, match.groups())
        return Fraction(_days(year, month, day))
    return Fraction(match[0])


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
