"""What `bvh:PATH[@y-up][@cm][@30fps]` states after the path, for files that leave it open."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from bench.data.clip import UNITS
from bench.data.geometry import up_axis
from models.errors import BadInput

# Bounded, so that no number is too long to be one.
NUMBER = r"([1-9]\d{0,5}(?:\.\d{1,6})?|0\.\d{0,5}[1-9])"
RATE = re.compile(NUMBER + "fps")
LENGTH = re.compile(NUMBER + "mm")


@dataclass(frozen=True)
class Stated:
    """What somebody says of the files; empty and 0 where nothing is said."""

    up: str = ""  # a name of `up_axis.TURNS`
    unit: float = 0.0  # mm
    fps: float = 0.0


def parsed(location: str) -> tuple[Path, Stated]:
    """The path, and what stands after it in any order; a path may hold @ itself.

    Raises BadInput for no path.
    """
    stated = Stated()
    path, at, last = location.rpartition("@")
    # From the end; what is there as it stands is a path, and so is what is none of the three.
    while at and not Path(location).exists():
        if last in up_axis.TURNS:
            stated = replace(stated, up=last)
        elif last in UNITS:
            stated = replace(stated, unit=UNITS[last])
        elif length := LENGTH.fullmatch(last):
            stated = replace(stated, unit=float(length[1]))
        elif rate := RATE.fullmatch(last):
            stated = replace(stated, fps=float(rate[1]))
        else:
            break
        location = path
        path, at, last = location.rpartition("@")
    if not location:
        raise BadInput(
            "bvh: no path after the colon; give a BVH file or a folder of them, as in"
            " bvh:FOLDER"
        )
    return Path(location), stated
