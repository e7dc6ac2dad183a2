"""The text of BVH files: hierarchy, channels and motion as arrays.

A file holds a hierarchy (offsets, channels), then one line of channel values for each frame. What
the channels do to a body is the matter of `bench.data.readers.bvh`.

Programs write the same words in many ways, and all of them are read: keywords and channels in any
case, `EndSite` in one word, end sites with names, names with blanks up to the brace or the line's
end, comments behind `#`, `//` or `;`, line ends of any system.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.data.formats import whole_file
from models.errors import BadInput

Array = NDArray[np.float64]

DUE = "a BVH file or a folder of them"
LARGE = 2**53  # from here on floating point skips whole numbers
HUGE = 1e9  # no offset, position or angle of a person comes near it in any unit
CHANNELS = {
    f"{axis}{kind}": ("XYZ".index(axis), kind)
    for axis in "XYZ"
    for kind in ("position", "rotation")
}
# Programs indent and pad what follows the hierarchy.
MOTION = re.compile(r"^[ \t]*MOTION[ \t]*$", re.MULTILINE | re.IGNORECASE)
FRAMES = re.compile(r"\s*Frames[ \t]*:?\s*(\S+)", re.IGNORECASE)
INTERVAL = re.compile(r"\s*Frame[ \t]*Time[ \t]*:?\s*(\S+)", re.IGNORECASE)
# Behind a name # is no comment: a joint may be called `Bone #1`.
COMMENT = re.compile(
    r"//.*$|^[ \t]*[#;].*$|(?<=[\d.{}])[ \t]+[#;].*$|(?<=position|rotation)[ \t]+[#;].*$",
    re.MULTILINE | re.IGNORECASE,
)
SECONDS = (1e-6, 1e6)  # of a frame: a file beyond counts in something else


@dataclass(frozen=True)
class Node:
    """A joint of the hierarchy.

    `channels` are (axis, "position" or "rotation") in file order, `column` the first one's place in
    a row of the motion.
    """

    name: str
    parent: int  # the root's is -1
    offset: tuple[float, float, float]
    channels: tuple[tuple[int, str], ...]
    column: int


@dataclass(frozen=True, eq=False)
class Motion:
    """A parsed file: the hierarchy and the raw channel values (frames, channels)."""

    nodes: tuple[Node, ...]
    fps: float
    values: Array

    @property
    def layout(self) -> tuple[tuple[str, int], ...]:
        """What two files of one skeleton share: joint names and parents."""
        return tuple((node.name, node.parent) for node in self.nodes)


def read(path: Path) -> Motion:
    """Parse one file.

    Raises BadInput with file and line: truncated, wrong channel count, NaN, zero frames, not a BVH.
    """
    # Bytes that are no text turn up as words that are no numbers, and are named with their line.
    text = whole_file.content(path, DUE).decode("utf-8-sig", errors="replace")
    text = _tidied(text)
    start = MOTION.search(text)
    if start is None:
        raise BadInput(
            f"{path}:{_line(text, len(text))}: the file ends without a MOTION section; it"
            " is truncated or not a BVH file"
        )
    nodes = _hierarchy(text[: start.start()], path)
    frames = _field(text, FRAMES, "Frames", start.end(), path)
    interval = _field(text, INTERVAL, "Frame Time", frames.end(), path)
    count = _number(frames, text, path)
    seconds = _number(interval, text, path)
    # NaN fails the comparisons; int() of it or of infinity would raise, so they come first.
    if not 1 <= count < LARGE or count != int(count):
        raise BadInput(
            f"{path}:{_line(text, frames.start(1))}: Frames is {frames[1]}; one or more"
            " whole frames were due: leave the file out"
        )
    if not SECONDS[0] <= seconds <= SECONDS[1]:
        raise BadInput(
            f"{path}:{_line(text, interval.start(1))}: Frame Time is {interval[1]}; seconds"
            " above 0 were due"
        )
    channels = sum(len(node.channels) for node in nodes)
    body = text[interval.end() :]
    first = _line(text, interval.end())
    return Motion(
        nodes, 1.0 / seconds, _values(body, int(count), channels, path, first)
    )


def _tidied(text: str) -> str:
    """Line ends as here, and no comments; every line keeps its number."""
    # Most files have neither, and may be many megabytes.
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if any(mark in text for mark in ("#", "//", ";")):
        text = COMMENT.sub("", text)
    return text


def _line(text: str, place: int) -> int:
    """The number of the line that holds a character, as editors count."""
    return text.count("\n", 0, place) + 1


def _field(
    text: str, pattern: re.Pattern[str], name: str, start: int, path: Path
) -> re.Match[str]:
    found = pattern.match(text, start)
    if found is None:
        raise BadInput(
            f"{path}:{_line(text, start)}: '{name}:' and a number were due after MOTION;"
            " the file is truncated or damaged"
        )
    return found


def _number(field: re.Match[str], text: str, path: Path) -> float:
    try:
        return float(field[1])
    except ValueError:
        raise BadInput(
            f"{path}:{_line(text, field.start(1))}: {field[1][:40]!r} where a number"
            " was due"
        ) from None


def _hierarchy(text: str, path: Path) -> tuple[Node, ...]:
    try:
        return _nodes(text)
    except _Damaged as error:
        raise BadInput(
            f"{path}:{error.line}: {error}; the hierarchy is damaged or this is not a BVH"
            " file"
        ) from None


# The files of a folder mostly share one header.
@functools.lru_cache(maxsize=8)
def _nodes(text: str) -> tuple[Node, ...]:
    """Read the header word by word, braces on lines of their own or not. Raises _Damaged."""
    tokens: list[tuple[str, int]] = []
    for number, line in enumerate(text.split("\n"), 1):
        words = line.replace("{", " { ").replace("}", " } ").split()
        tokens += [(word, number) for word in words]
    return _Header(tokens).nodes()


class _Damaged(Exception):
    """What is wrong in the header, and where."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line


class _Header:
    """A cursor over the header's tokens, each a word and the number of its line."""

    def __init__(self, tokens: list[tuple[str, int]]) -> None:
        self.tokens = tokens
        self.place = 0
        self.found: list[Node] = []
        # beside `found`: looking each name up among all nodes takes time with their square
        self.names: set[str] = set()

    @property
    def last_line(self) -> int:
        """The line of the token that was taken last."""
        return self.tokens[self.place - 1][1]

    def take(self, *due: str) -> str:
        """The next token, which must be one of `due` where any is given, in any case.

        Gives it as it stands in `due`.
        """
        if self.place >= len(self.tokens):
            line = self.tokens[-1][1] if self.tokens else 1
            what = " or ".join(due) or "a value"
            raise _Damaged(line, f"the hierarchy ends where {what} was due")
        token, line = self.tokens[self.place]
        known = {word.casefold(): word for word in due} or {token.casefold(): token}
        if token.casefold() not in known:
            # 40 characters: a damaged file may hold a word of megabytes
            raise _Damaged(line, f"{token[:40]!r} where {' or '.join(due)} was due")
        self.place += 1
        return known[token.casefold()]

    def name(self) -> str:
        """The words up to a brace or the end of their line, joined by blanks; may be empty."""
        words: list[str] = []
        while self.place < len(self.tokens):
            token, line = self.tokens[self.place]
            if token in ("{", "}") or (words and line != self.last_line):
                break
            words.append(token)
            self.place += 1
        return " ".join(words)

    def number(self) -> float:
        """The next token as a finite number."""
        token = self.take()
        try:
            value = float(token)
        except ValueError:
            value = float("nan")
        if not abs(value) < HUGE:  # NaN fails the comparison too
            raise _Damaged(
                self.last_line,
                f"{token[:40]!r} where a finite number below {HUGE:g} was due",
            )
        return value

    def nodes(self) -> tuple[Node, ...]:
        """Walk the whole hierarchy, depth first.

        Without recursion: a file may be nested as deep as it likes.
        """
        self.take("HIERARCHY")
        self.take("ROOT")
        # the joints that are open, by number; under them the root's parent
        stack = [-1]
        column = self.node(stack, 0)
        while len(stack) > 1:
            word = self.take("JOINT", "End", "EndSite", "}")
            if word == "JOINT":
                column = self.node(stack, column)
            elif word == "}":
                stack.pop()
            else:
                self.end_site(word)
        if self.place < len(self.tokens):
            token, line = self.tokens[self.place]
            raise _Damaged(
                line,
                f"{token[:40]!r} after the root's last brace: one skeleton a file was due",
            )
        return tuple(self.found)

    def node(self, stack: list[int], column: int) -> int:
        """Read one joint up to its children, push it, and give the next free channel column."""
        name = self.name()
        if not name:
            raise _Damaged(self.last_line, "no name where a joint's was due")
        if name in self.names:
            raise _Damaged(self.last_line, f"a second joint named {name[:40]!r}")
        self.names.add(name)
        self.take("{")
        self.take("OFFSET")
        offset = (self.number(), self.number(), self.number())
        self.take("CHANNELS")
        count = self.number()
        if count not in range(7):  # of three axes, a position and a rotation each
            raise _Damaged(self.last_line, f"{count:g} channels where 0 to 6 were due")
        channels = tuple(CHANNELS[self.take(*CHANNELS)] for _ in range(int(count)))
        if len({*channels}) < len(channels):
            raise _Damaged(self.last_line, "a channel that comes twice")
        self.found.append(Node(name, stack[-1], offset, channels, column))
        stack.append(len(self.found) - 1)
        return column + len(channels)

    def end_site(self, word: str) -> None:
        """Step over an end site: it has no channels and no joint of ours."""
        if word == "End":
            self.take("Site")
        self.name()  # which some programs give it
        self.take("{")
        self.take("OFFSET")
        for _ in range(3):
            self.number()
        self.take("}")


def _values(body: str, frames: int, channels: int, path: Path, line: int) -> Array:
    """The motion table (frames, channels); the first line that is wrong is named."""
    if not channels:
        raise BadInput(
            f"{path}:{line}: the hierarchy has no channel, so the file holds no motion;"
            " leave it out"
        )
    # Lines are counted before numbers are read: a frame cut short would shift all after it, and
    # numbers enough in the whole would hide it.
    counts = _words(body)
    rows = np.flatnonzero(counts)
    wrong = rows[counts[rows] != channels]
    if len(wrong):
        what = f"{counts[wrong[0]]} values where the hierarchy has {channels} channels"
        raise BadInput(
            f"{path}:{line + wrong[0]}: {what}; the line is damaged or truncated"
        )
    if len(rows) != frames:
        end = line + (rows[-1] if len(rows) else 0)
        raise BadInput(
            f"{path}:{end}: {len(rows)} lines of motion where Frames says {frames}; the"
            " file is truncated or its header wrong"
        )
    try:
        # faster than splitting the text and converting each word
        values = np.fromstring(body, dtype=np.float64, sep=" ")
    except ValueError:
        values = np.empty(0)
    # NaN fails the comparison too
    if values.size != frames * channels or not (np.abs(values) < HUGE).all():
        raise BadInput(_bad_value(body, line, path))
    return values.reshape(frames, channels)


def _words(body: str) -> NDArray[np.int64]:
    """How many words each line of a text has."""
    # A blank before and a line end after: the first word starts, and the last line ends.
    signs = np.frombuffer(f" {body}\n".encode(), dtype=np.uint8)
    # In UTF-8 all that is up to 32 is blank or control, and 10 ends a line, in no other character.
    starts = np.flatnonzero((signs[:-1] <= 32) & (signs[1:] > 32))
    ends = np.flatnonzero(signs == 10)
    return np.diff(np.searchsorted(starts, ends), prepend=0)


def _bad_value(body: str, line: int, path: Path) -> str:
    """The complaint about a motion that is no table of numbers, found word by word."""
    for number, row in enumerate(body.split("\n"), line):
        for column, token in enumerate(row.split(), 1):
            try:
                # Python reads 1_000 as a number; fromstring stops there
                good = abs(float(token)) < HUGE and "_" not in token
            except ValueError:
                good = False
            if not good:
                due = f"a finite number below {HUGE:g} was due"
                return (
                    f"{path}:{number}: {token[:40]!r} in column {column} where {due};"
                    " repair or leave out the file"
                )
    # such as digits of other scripts, which float() takes
    return (
        f"{path}: the motion holds something that is not a number; repair or leave out the"
        " file"
    )
