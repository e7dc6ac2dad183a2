"""Whose joints are which: from the joint names of motion-capture files to Human3.6M's 17.

A table names, for each joint of ours, the file's joints whose mean it is. A person adds one by
laying `joints.yaml` beside the files, a line for each joint of `h36m17`: `RKnee: RightLeg` or
`Neck/Nose: [Neck, Head]`. The files themselves are read in `readers/bvh.py`.

The names: Bandai-Namco Research Motiondataset; the CMU motion capture database as B. Hahne
converted it to BVH; Ubisoft La Forge LaFAN1; Adobe Mixamo, whose names carry the prefix
`mixamorig:`; Human3.6M's own joints, as `predict` writes them. Case and what stands between
words are nobody's: `left_up leg` is LeftUpLeg.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.data.formats import yaml_file
from bench.data.geometry.skeletons import H36M17
from models.errors import BadInput

FILE = "joints.yaml"
SHOWN = 4  # missing joints that a message lists


class Names:
    """A file's joints by name, as it is written or else without case and marks between words.

    What two names become without these is neither's.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.exact = {name: number for number, name in enumerate(names)}
        self.bare: dict[str, int | None] = {}
        for name, number in self.exact.items():
            bare = _bare(name)
            self.bare[bare] = None if bare in self.bare else number

    def get(self, name: str) -> int | None:
        """The number of a joint; None where there is none of the name."""
        return self.exact.get(name, self.bare.get(_bare(name)))


def _bare(name: str) -> str:
    return re.sub(r"[\s_.-]", "", name).casefold()


@dataclass(frozen=True)
class Map:
    """A named table: joint -> the file's joints whose mean it is.

    `marks` are further names that tell such files from others. `labels` is a pattern with the
    groups subject, action and style, of which a file's name may give some; `unit` is a length in
    millimetres that such files count in, tried before the common ones.
    """

    name: str
    joints: Mapping[str, tuple[str, ...]]
    marks: tuple[str, ...] = ()
    labels: str = ""
    unit: float = 0.0

    def missing(self, names: Names) -> list[str]:
        """Joints that the table wants and a file does not have, in the table's order."""
        wanted = [part for parts in self.joints.values() for part in parts]
        # a dict and not a set: each name once, in order
        once = dict.fromkeys((*wanted, *self.marks))
        return [part for part in once if names.get(part) is None]


def _sided(limbs: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Limb joints of both sides from a table whose values hold {side}."""
    return {
        f"{side[0]}{joint}": (name.format(side=side, letter=side[0]),)
        for side in ("Left", "Right")
        for joint, name in limbs.items()
    }


LIMBS = {
    "Hip": "{side}UpLeg",
    "Knee": "{side}Leg",
    "Foot": "{side}Foot",
    "Shoulder": "{side}Arm",
    "Elbow": "{side}ForeArm",
    "Wrist": "{side}Hand",
}
# the one database that does not follow MotionBuilder's names
BANDAI_LIMBS = {
    "Hip": "UpperLeg_{letter}",
    "Knee": "LowerLeg_{letter}",
    "Foot": "Foot_{letter}",
    "Shoulder": "UpperArm_{letter}",
    "Elbow": "LowerArm_{letter}",
    "Wrist": "Hand_{letter}",
}
# the spine joint lies halfway up the trunk, the thorax at the root of the neck
TRUNK = {
    "Hip": ("Hips",),
    "Spine": ("Spine1",),
    "Thorax": ("Neck",),
    "Neck/Nose": ("Neck", "Head"),
    "Head": ("Head",),
}

# the more particular first: a file that fits two is the first one's
MAPS = (
    Map(
        "Bandai-Namco",
        {
            **TRUNK,
            "Spine": ("Spine",),
            **_sided(BANDAI_LIMBS),
        },
        labels=r"(?P<subject>dataset-[^_]*)_(?P<action>[^_]*)_(?P<style>[^_]*)_[^_]*",
    ),
    Map(
        "CMU",
        {
            **TRUNK,
            "Spine": ("Spine",),
            "Neck/Nose": ("Neck1",),
            **_sided(LIMBS),
        },
        marks=("LowerBack", "LHipJoint", "RHipJoint"),
        labels=r"(?P<subject>\d+)_\d+",
        unit=25.4 / 0.45,  # the database's length scale of 0.45, in inches
    ),
    Map(
        "LaFAN",
        {**TRUNK, **_sided(LIMBS)},
        marks=("LeftToe", "RightToe"),
        labels=r"(?P<action>[A-Za-z]+)\d*_(?P<subject>subject\d+)",
    ),
    Map("Mixamo", {**TRUNK, **_sided(LIMBS)}, marks=("Spine2",)),
    # as `predict` writes poses: joints called as in the skeleton, millimetres
    Map("Human3.6M", {joint: (joint,) for joint in H36M17.joints}, unit=1.0),
)


def plain(names: Sequence[str]) -> list[str]:
    """Names without a namespace or Mixamo's prefix: `mixamorig1:Hips` -> `Hips`.

    Kept as they are where two would become one.
    """
    # either may come alone: `Character:Hips`, and `mixamorig_Hips` from tools that lose the colon
    short = [re.sub(r"^(.*:)?(mixamorig\d*_?)?", "", name) for name in names]
    return short if len(set(short)) == len(short) else list(names)


def fitting(names: Sequence[str], path: Path) -> Map:
    """The table for a file with these (plain) joint names.

    Of `joints.yaml` beside it, or the first of `MAPS` that it has all joints of.
    Raises BadInput naming the nearest table and the first joints it lacks.
    """
    own = path.parent / FILE
    maps = (read(own),) if own.exists() else MAPS
    known = Names(names)
    best = min(maps, key=lambda each: len(each.missing(known)))  # the first of equals
    lacks = best.missing(known)
    if lacks:
        more = f" and {len(lacks) - SHOWN} more" if len(lacks) > SHOWN else ""
        raise BadInput(
            f"{path}:2: no joint map fits (root {names[0]}, {len(names)} joints); the"
            f" nearest, {best.name}, lacks {', '.join(lacks[:SHOWN])}{more}: lay a {FILE}"
            " beside the file that names its joint for each of h36m17"
        )
    return best


def shares(table: Map, names: Sequence[str]) -> NDArray[np.float64]:
    """How much of each joint of a file is in each of h36m17's: (17, joints), rows of sum 1."""
    known = Names(names)
    found = np.zeros((len(H36M17.joints), len(names)))
    for row, joint in zip(found, H36M17.joints, strict=True):
        parts = table.joints[joint]
        # a file that the table fits has them all
        places = [place for part in parts if (place := known.get(part)) is not None]
        row[places] = 1 / len(parts)
    return found


def read(path: Path) -> Map:
    """A table from YAML.

    Raises BadInput where joints of h36m17 are missing or unknown, or a value is no name or
    list of names.
    """
    content = yaml_file.read(path)
    strange = [str(key) for key in content if key not in H36M17.joints]
    lacking = [joint for joint in H36M17.joints if joint not in content]
    # a misspelt name is both strange and lacking; what was written helps the reader more
    wrong = strange or lacking
    if wrong:
        raise BadInput(
            f"{path}: {wrong[0]} is missing or no joint; give one line for each of"
            f" {', '.join(H36M17.joints)}"
        )
    joints = {joint: _parts(value, joint, path) for joint, value in content.items()}
    return Map(path.name, joints)


def _parts(value: object, joint: str, path: Path) -> tuple[str, ...]:
    parts = value if isinstance(value, list) else [value]
    # YAML makes a number of `1` and null of nothing
    if not parts or not all(isinstance(part, str) and part for part in parts):
        raise BadInput(
            f"{path}: {joint}: {value!r:.60} came; the name of a joint of the file was due,"
            " or a list of names"
        )
    return tuple(parts)
