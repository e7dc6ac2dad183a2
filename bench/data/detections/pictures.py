"""Pictures by their names or numbers: which are of one video, in which order, which lack.

The order is the natural one of the whole name (`names`). One of the numbers that change from
picture to picture is the frame's (`frame_number`); whatever else differs (folder, words, another
number) parts videos. Detectors write nothing of a picture in which they found nobody, so a number
that lacks between others is a frame without people.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from bench.data.detections import frame_number, names
from bench.data.detections.frame_number import Choice
from bench.data.detections.names import Name, Number, Parts, number

UNEVEN = (
    "the pictures' names or numbers count no frames: they are taken one after the other in"
    " natural order, and none is taken to lack"
)
DOTTED = (
    "numbers with a dot in the pictures' names are taken for decimals, as times are: {}"
    " videos, not {}: where what is behind the dot is a frame's, name it, as in frame_12"
)
# Frames for each picture that is there: beyond, the numbers count something else.
MOST = 10


@dataclass(frozen=True)
class Strip:
    """The pictures of one video in order; None where one lacks, for nobody was found in it."""

    label: str  # what all its names have beside the frame's number
    pictures: list[Name | None]
    uneven: bool = False  # whether the numbers are no frames', so that none can lack
    first: Fraction = Fraction(0)  # number of the first picture
    step: Fraction = Fraction(1)  # from each to the next
    timed: bool = False  # whether the numbers are clock times, in seconds
    guess: str = ""  # what is to be said of the number that was taken for the frame's

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be said of the order, and of the time between frames."""
        notes = (self.guess,) if self.guess else ()
        if self.uneven:
            return (*notes, UNEVEN)
        if len(self.pictures) > 1 and (self.timed or self.step != 1):
            return (*notes, self._stepped)
        return notes

    @property
    def _stepped(self) -> str:
        unit = " s" if self.timed else ""
        return (
            f"the pictures' numbers go up by {float(self.step):g}{unit} each; they are taken"
            " for frames that follow each other at the rate of the file, or that is stated:"
            " state that of these pictures, as in FILE@3fps"
        )

    @property
    def holes(self) -> int:
        """How badly the numbers suit frames of a video."""
        lack = sum(picture is None for picture in self.pictures)
        return len(self.pictures) if self.uneven else lack


def strips(found: Iterable[Name]) -> list[Strip]:
    """The videos that pictures are of, in natural order of their labels."""
    found = set(found)
    decimal = _strips(found, decimals=True)
    if not any(names.has_decimal(name) for name in found):
        return decimal
    # `take1.8.jpg` to `take1.11.jpg` count one by one, `0.5.jpg` and `0.25.jpg` do not.
    counted = _strips(found, decimals=False)
    lost, kept = (sum(strip.holes for strip in each) for each in (counted, decimal))
    if lost < kept or (lost == kept and any(map(_is_dotted_video, found))):
        return counted
    if lost > kept or len(decimal) == len(counted):
        return decimal
    guess = DOTTED.format(len(decimal), len(counted))
    return [dataclasses.replace(strip, guess=guess) for strip in decimal]


def _is_dotted_video(name: Name) -> bool:
    """Whether a number with a dot comes after a video's word, as in take1.8."""
    parts = names.parts(name)
    return any(
        "." in number(parts, place).text and frame_number.is_videos(parts, place)
        for place in range(1, len(parts), 2)
    )


def _strips(found: set[Name], *, decimals: bool) -> list[Strip]:
    alike: dict[Parts, list[tuple[Parts, Name]]] = defaultdict(list)
    for name in found:
        parts = names.parts(name, decimals=decimals)
        # names without numbers tell nothing but their folder
        words = parts[::2] if len(parts) > 1 else (str(name).rpartition("/")[0],)
        alike[words].append((parts, name))
    videos = [
        strip
        for words, rows in alike.items()
        for strip in _videos(words, sorted(rows, key=_order))
    ]
    return sorted(videos, key=lambda strip: names.parts(strip.label))


def _order(row: tuple[Parts, Name]) -> tuple[Parts, str]:
    parts, name = row
    return parts, str(name)  # 1.jpg and 01.jpg are one number


def _videos(words: Parts, rows: Sequence[tuple[Parts, Name]]) -> Iterator[Strip]:
    """The videos among names of the same words."""
    choice = frame_number.choose([parts for parts, _ in rows])
    if choice is None:
        yield from _unnumbered(words, rows)
        return
    videos: dict[Parts, list[tuple[Number, Name]]] = defaultdict(list)
    for parts, name in rows:
        label = frame_number.without(parts, (choice.place,))
        videos[label].append((number(parts, choice.place), name))
    guess = _guess(choice, *rows[0], list(map(len, videos.values())))
    for label, numbered in videos.items():
        yield dataclasses.replace(_filled(_text(label), numbered), guess=guess)


def _guess(choice: Choice, parts: Parts, name: Name, sizes: Sequence[int]) -> str:
    """What is to be said where the frame's number is a guess; nothing where it is told."""
    if not choice.guessed:
        return ""
    text = number(parts, choice.place).text
    return (
        f"number {(choice.place + 1) // 2} in the pictures' names ({text} of"
        f" {str(name)[:60]}) is taken for the frame's, by its place and its like: videos"
        f" {len(sizes)}, pictures {min(sizes)} to {max(sizes)} each: where another is, name"
        f" it, as in frame_{text}"
    )


def _unnumbered(words: Parts, rows: Sequence[tuple[Parts, Name]]) -> Iterator[Strip]:
    """Videos of names whose numbers are no frames', by those that are videos'."""
    videos: dict[Parts, list[Name | None]] = defaultdict(list)
    for parts, name in rows:
        others = set(range(1, len(parts), 2)) - set(frame_number.parting(parts))
        videos[frame_number.without(parts, others)].append(name)
    # videos of a picture each are none
    if len(videos) > len(rows) / 2:
        videos = {words: [name for _, name in rows]}
    for label, pictures in videos.items():
        yield Strip(_text(label), pictures, uneven=len(rows) > 1)


def _filled(label: str, numbered: Sequence[tuple[Number, Name]]) -> Strip:
    """Pictures in order, with None for each number that lacks between them."""
    values = [each.value for each, _ in numbered]
    # every n-th frame of a video is fine
    step = frame_number.step(values)
    ticks = [int((value - values[0]) / step) for value in values]
    if ticks[-1] + 1 > MOST * len(numbered):
        return Strip(label, [name for _, name in numbered], uneven=True)
    pictures: list[Name | None] = []
    before = -1
    for tick, (_, name) in zip(ticks, numbered, strict=True):
        pictures += [None] * (tick - before - 1)
        pictures.append(name)
        before = tick
    timed = names.is_time(numbered[0][0])
    return Strip(label, pictures, first=values[0], step=step, timed=timed)


def _text(label: Parts) -> str:
    """A label for people: what is between the words stays, what is around them goes."""
    texts = [part if isinstance(part, str) else part.text for part in label]
    return "".join(texts).strip("/_-. ")
