"""Ways in which the bytes of any file can be wrong, whatever its kind."""

from __future__ import annotations

import random
import re
import struct

Draw = random.Random
# fmt: off
# Bytes put in anywhere: nothing, no text, numbers that overflow, brackets without end, a path out
# of the folder, the beginning of a pickle.
JUNK = (
    b"", b"\x00", b"\xff" * 9, b"\n", b"9" * 20, b"-1", b"nan", b"1e999", b"{", b"[" * 3000, b"'",
    b"../..", b"\x80\x04",
)
NUMBERS = (
    b"-1", b"0", b"99999999999999999999", b"1e308", b"nan", b"3.5", b"18446744073709551615",
)
# fmt: on


def flip_bits(content: bytes, draw: Draw) -> bytes:
    """One to eight bits anywhere; headers lie early, so half of them there."""
    out = bytearray(content)
    for _ in range(draw.randint(1, 8)):
        place = draw.randrange(min(len(out), draw.choice([200, len(out)])))
        out[place] ^= 1 << draw.randrange(8)
    return bytes(out)


def truncate(content: bytes, draw: Draw) -> bytes:
    return content[: draw.randrange(len(content))]


def cut_out(content: bytes, draw: Draw) -> bytes:
    place = draw.randrange(len(content))
    return content[:place] + content[place + draw.choice([1, 10, 1000]) :]


def put_in(content: bytes, draw: Draw) -> bytes:
    place = draw.randrange(len(content) + 1)
    return content[:place] + draw.choice(JUNK) + content[place:]


def repeat(content: bytes, draw: Draw) -> bytes:
    start, length = draw.randrange(len(content)), draw.choice([1, 50, 5000])
    return content[: start + length] + content[start:]


def blank(content: bytes, draw: Draw) -> bytes:
    start, length = draw.randrange(len(content)), draw.choice([4, 8, 300])
    return (
        content[:start]
        + draw.choice([b"\x00", b"\xff", b" "]) * len(content[start : start + length])
        + content[start + length :]
    )


def swap_number(content: bytes, draw: Draw) -> bytes:
    """Another number, too large or none, in place of one written out in digits."""
    found = list(re.finditer(rb"-?\d+(?:\.\d+)?", content))
    one = draw.choice(found) if found else re.search(b"", content)
    assert one is not None
    return content[: one.start()] + draw.choice(NUMBERS) + content[one.end() :]


def swap_length(content: bytes, draw: Draw) -> bytes:
    """A huge or negative binary length somewhere."""
    place = draw.randrange(max(1, len(content) - 8))
    # both byte orders, and the lengths at which signs and sizes of integers turn over
    word = struct.pack(
        draw.choice(["<i", "<q", ">i"]), draw.choice([-1, 2**31 - 1, 2**30])
    )
    return content[:place] + word + content[place + len(word) :]


def swap_words(content: bytes, draw: Draw) -> bytes:
    """Two words of a text change places."""
    words = content.split(b" ")
    a, b = draw.randrange(len(words)), draw.randrange(len(words))
    words[a], words[b] = words[b], words[a]
    return b" ".join(words)


# Rules for any file; flipped bits come twice, as what happens most.
BYTES = (
    flip_bits,
    flip_bits,
    truncate,
    cut_out,
    put_in,
    repeat,
    blank,
    swap_number,
    swap_length,
)
