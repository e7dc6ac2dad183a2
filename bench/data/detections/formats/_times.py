"""Frames that say their own number or time: their order, the frames that lack, and the rate."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from bench.data.detections import pictures
from bench.data.detections.formats import _entries
from bench.data.detections.names import Name
from bench.data.detections.video import Array, Frame
from bench.data.formats.checks import array, mapping, whole
from models.errors import BadInput

NUMBER = re.compile(r"frame(_?(id|no|num|number|idx|index))?", re.IGNORECASE)
TIME = re.compile(r"(time|time_?stamp)(_?(s|sec|ms|us|ns))?", re.IGNORECASE)

# Units of a second, by the rate that they make: cameras are slower and faster by less than 1000.
UNITS = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
SLOWEST = 2.0  # frames a second


class Ordered(NamedTuple):
    """Frames in order, the rate if times tell it, and notes."""

    frames: list[Frame]
    fps: float | None = None
    notes: tuple[str, ...] = ()


def ordered(entries: Sequence[Any], people: Sequence[Frame], where: str) -> Ordered:
    """The people of each entry by the number or the time that it says; as they come without.

    Raises BadInput for entries without one where others have it, and for one that comes twice.
    """
    number, time = _key(entries, NUMBER), _key(entries, TIME)
    times = None if time is None else _times(entries, time, where)
    if number is not None:
        found = _by_number(
            [each[number] for each in _all(entries, number, where)], people, where
        )
    elif times is not None:
        found = _by_time(times, people)
    else:
        return Ordered(list(people))
    # uneven ones tell no rate
    if times is None or pictures.UNEVEN in found.notes or len(found.frames) < 2:
        return found
    fps, unit = _rate(len(found.frames) - 1, float(np.ptp(times)))
    note = f"{fps:.4g} frames a second by the file's {time}, taken for {unit}"
    return found._replace(fps=fps, notes=(*found.notes, note))


def _key(entries: Sequence[Any], known: re.Pattern[str]) -> str | None:
    """The key of this kind in the entries; None where none has it."""
    keys = [key for each in entries if isinstance(each, dict) for key in each]
    return next((key for key in keys if known.fullmatch(key)), None)


def _all(entries: Sequence[Any], key: str, where: str) -> list[Any]:
    return [
        mapping(each, f"{where}: frame {place}", key)
        for place, each in enumerate(entries)
    ]


def _by_number(numbers: Sequence[Any], people: Sequence[Frame], where: str) -> Ordered:
    frames: dict[Name, Frame] = {}
    for value, frame in zip(numbers, people, strict=True):
        number = whole(value, f"{where}: frame")
        if number in frames:
            raise BadInput(f"{where}: frame {number} comes twice; leave one out")
        frames[number] = frame
    (video,) = _entries.videos(frames)
    return Ordered(video.frames, notes=video.notes)


def _times(entries: Sequence[Any], key: str, where: str) -> Array:
    values = [each[key] for each in _all(entries, key, where)]
    times = array(values, (len(values),), f"{where}: {key}")
    if len(set(times.tolist())) < len(times):
        raise BadInput(f"{where}: a {key} comes twice; leave one of the frames out")
    return times


def _by_time(times: Array, people: Sequence[Frame]) -> Ordered:
    """Frames in the order of their times, an empty one for each usual step that lacks."""
    order = np.argsort(times)
    gaps = np.diff(times[order])
    steps = np.rint(gaps / np.median(gaps)) if len(gaps) else gaps
    places = np.concatenate([[0.0], np.cumsum(steps)])
    uneven = (steps == 0).any() or places[-1] >= pictures.MOST * len(people)
    if uneven:
        return Ordered([people[at] for at in order], notes=(pictures.UNEVEN,))
    frames: list[Frame] = [[] for _ in range(int(places[-1]) + 1)]
    for place, at in zip(places, order, strict=True):
        frames[int(place)] = people[at]
    return Ordered(frames)


def _rate(steps: int, span: float) -> tuple[float, str]:
    """Frames a second, and the unit of the times that makes sense of them."""
    rates = {unit: steps / span * each for unit, each in UNITS.items()}
    sane = [unit for unit, rate in rates.items() if rate >= SLOWEST]
    # beyond nanoseconds nobody counts
    unit = min(sane or ["ns"], key=lambda unit: rates[unit])
    return rates[unit], unit
