"""Values as pickle's protocols 0 and 1 write them: each a line of text, read without `eval`."""

from __future__ import annotations

import re

from bench.data.formats.pickled_arrays import Refused

# what Python 2 escapes in a str: bytes by number, quotes, ends of lines
ESCAPED = re.compile(rb"\\(?:x([0-9a-fA-F]{2})|([\\'\"nrt]))")
LETTERS = {b"n": b"\n", b"r": b"\r", b"t": b"\t"}
TRUTH = {b"00": False, b"01": True}  # only these two of all whole numbers


def whole(line: bytes) -> int:
    """A whole number, or a truth value, which is written as one."""
    return TRUTH[line] if line in TRUTH else int(line)


def long(line: bytes) -> int:
    """A whole number of any length, with the L of Python 2 behind it."""
    return int(line.removesuffix(b"L"))


def unicode(line: bytes) -> str:
    """Text with its line ends written as \\u000a."""
    return line.decode("raw-unicode-escape")


def quoted(line: bytes) -> str:
    """Python 2's str in quotes, its bytes as the characters of those numbers.

    Raises Refused where the quotes are not closed.
    """
    if len(line) < 2 or line[:1] != line[-1:] or line[:1] not in (b"'", b'"'):
        raise Refused("the pickle is damaged: text without its quotes")
    return ESCAPED.sub(_unescaped, line[1:-1]).decode("latin-1")


def _unescaped(match: re.Match[bytes]) -> bytes:
    number, letter = match.groups()
    return LETTERS.get(letter, letter) if letter else bytes([int(number, 16)])
