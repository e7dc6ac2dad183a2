"""What `bvh:PATH[@y-up][@cm][@30fps]` states after the path, for files that leave it open."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from bench.data.clip import UNITS
from bench.data.geometry import up_axis
from bench.data.readers import _after_path
from models.errors import BadInput

# Bounded, so that no number is too long to be one.
NUMBER = r"([1-9]\d{0,5}(?:\.\d{1,6})?|0\.\d{0,5}[1-9])"
RATE = re.compile(NUMBER + "fps")
LENGTH = re.compile(NUMBER + "mm")
KNOWN = (
    f"the axis that is up ({', '.join(up_axis.TURNS)}), the unit ({', '.join(UNITS)}, or its"
    " length, as 25.4mm), the rate, as 30fps"
)


@dataclass(frozen=True)
class Stated:
    """What somebody says of the files; empty and 0 where nothing is said."""

    up: str = ""  # a name of `up_axis.TURNS`
    unit: float = 0.0  # mm
    fps: float = 0.0


def parsed(location: str) -> tuple[Path, Stated]:
    """The path, and what stands after it in any order; a path may hold @ itself.

    Raises BadInput for no path, and for what is stated twice or is none of these.
    """
    kinds = {"up": _up, "unit": _unit, "fps": _fps}
    path, found = _after_path.stated(location, kinds, KNOWN)
    if not path:
        raise BadInput(
            "bvh: no path after the colon; give a BVH file or a folder of them, as in"
            " bvh:FOLDER"
        )
    return Path(path), Stated(**found)


def _up(word: str) -> str | None:
    return word if word in up_axis.TURNS else None


def _unit(word: str) -> float | None:
    length = LENGTH.fullmatch(word)
    return float(length[1]) if length else UNITS.get(word)


def _fps(word: str) -> float | None:
    rate = RATE.fullmatch(word)
    return float(rate[1]) if rate else None
