"""Motion capture in BVH files, one file or a folder of them, filmed by virtual cameras.

The text is read in `bench.data.formats.bvh_text`, and the joints are placed by
`bench.data.geometry.bvh_kinematics`. Files say neither their unit nor which axis is up nor whose
joints are which. The rest pose shows the axis (`geometry.up_axis`), the legs' length the unit, the
joints' names a table (`geometry.bvh_maps`). What was guessed stands in the clips' notes, and
`bvh:PATH[@y-up][@cm][@30fps]` states it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.data.clip import LEG_MM, UNITS, Clip, Take, crop, film, leg_length
from bench.data.formats.bvh_text import Motion, read
from bench.data.geometry import bvh_maps, up_axis
from bench.data.geometry.bvh_kinematics import (
    at_rest,
    keeps_offset,
    largest_turn,
    positions,
)
from bench.data.geometry.bvh_maps import Map, fitting, plain
from bench.data.geometry.cameras import Rig
from bench.data.geometry.skeletons import H36M17
from bench.data.readers._bvh_location import Stated, parsed
from models.errors import BadInput

SOURCE = (
    "bvh:PATH[@y-up][@cm][@30fps], a BVH file or a folder of them, seen by the protocol's"
    " virtual cameras"
)

Array = NDArray[np.float64]

# bytes that a joint's position (3) and rotation (9), float64, take in a frame
POSE = 96
RADIANS = 6.3  # a full turn: a take whose angles are all below may be in radians
SPARE = 500_000_000  # bytes that any file may take, however short
STATED_MM = (100.0, 3000.0)  # of a leg whose unit is stated: children and giants pass
USUAL_FPS = (5.0, 1000.0)  # of motion capture; outside, a frame's time is in no seconds


@dataclass(frozen=True, eq=False)
class Body:
    """A file's motion as Human3.6M's joints, in the file's own axes and unit."""

    path: Path
    fps: float
    pose: Array  # (frames, 17, 3)
    rest: Array  # (17, 3), before any turn
    table: Map
    notes: tuple[str, ...]


def load(location: str, *, rig: Rig, seed: int = 0, small: float = 1.0) -> list[Clip]:
    """Every take of a file, or of a folder and those in it, seen by each camera of the rig.

    Takes are sorted by path. `small` keeps the middle of each take; `seed` is unused: recorded
    motion has no randomness. Raises BadInput as `bvh_text.read` does, for unknown joint names or
    sizes, and for mixed skeletons in a folder.
    """
    root, stated = parsed(location)
    paths = _files(root)
    bodies: list[Body] = []
    first: Motion | None = None
    for path in paths:
        motion = read(path)
        first = first or motion
        _same_skeleton(first, motion, paths[0], path)
        bodies.append(to_h36m(motion, path))
    clips: list[Clip] = []
    above = root if root.is_dir() else root.parent
    for body, (axis, note) in zip(bodies, _axes(bodies, stated), strict=True):
        take = crop(_take(above, body, axis, stated, note), small)
        try:
            clips += film(take, rig.around(take.world[:, 0]))
        except BadInput as error:
            raise BadInput(f"{body.path}: {error}") from None
    return clips


def takes(location: str) -> list[str]:
    """Names of the takes, from those of the files; none where there are no files."""
    try:
        return [path.stem for path in _files(parsed(location)[0])]
    except (BadInput, OSError):
        return []  # for `load` to say


def to_h36m(motion: Motion, path: Path) -> Body:
    """Human3.6M's joints of a motion, at rest and in every frame.

    Raises BadInput for unknown joint names.
    """
    # A chain of joints without channels is short text, but a matrix each in every frame.
    needed = POSE * len(motion.nodes) * len(motion.values)
    if needed > 10 * motion.values.nbytes + SPARE:
        raise BadInput(
            f"{path}: {len(motion.nodes)} joints and few channels that move them, in"
            f" {len(motion.values)} frames; leave the file out"
        )
    names = plain([node.name for node in motion.nodes])
    table = fitting(names, path)
    shares = bvh_maps.shares(table, names)
    parts = np.flatnonzero(shares.any(axis=0)).tolist()
    shares = shares[:, parts]
    return Body(
        path=path,
        fps=motion.fps,
        pose=shares @ positions(motion, parts),
        rest=shares @ at_rest(motion, parts),
        table=table,
        notes=_said(motion, parts, table),
    )


def _said(motion: Motion, parts: Sequence[int], table: Map) -> tuple[str, ...]:
    """What was guessed of a file's joints."""
    notes = []
    if table.name != bvh_maps.FILE:
        notes.append(
            f"joints told by their names, as {table.name}'s; a {bvh_maps.FILE} beside the"
            " files states others"
        )
    if any(keeps_offset(motion, joint) for joint in parts):
        notes.append("position channels hold zeros alone; the OFFSETs stand")
    if 0 < largest_turn(motion) <= RADIANS:
        notes.append(
            "no rotation is above 6.3; they are degrees in BVH, and are taken for such"
        )
    return tuple(notes)


def _axes(bodies: Sequence[Body], stated: Stated) -> list[tuple[str, str]]:
    """The axis that is up in each file, and a note where somebody should look at it.

    One for all of them, unless rest poses speak of different ones.
    """
    if stated.up:
        return [(stated.up, "")] * len(bodies)
    rests = [up_axis.of_rest(body.rest) for body in bodies]
    spoken = sorted({axis for axis in rests if axis})
    if len(spoken) > 1:
        return [
            (axis, "") if axis else _guessed([body])
            for body, axis in zip(bodies, rests, strict=True)
        ]
    if not spoken:
        return [_guessed(bodies)] * len(bodies)
    return [(spoken[0], _doubt(bodies, spoken[0]))] * len(bodies)


def _guessed(bodies: Sequence[Body]) -> tuple[str, str]:
    """The axis where rest poses do not show it, and that it was guessed."""
    axis = up_axis.of_motion(body.pose for body in bodies)
    note = (
        f"the rest pose does not show which axis is up; {axis} guessed, by heads and feet in"
        f" all frames; @{axis} or another states it"
    )
    return axis, note


def _doubt(bodies: Sequence[Body], axis: str) -> str:
    """What to say where no take's motion would have told the axis of the rest pose."""
    told = [up_axis.of_motion([body.pose]) for body in bodies]
    if axis in told:
        return ""
    return (
        f"{axis}, as the rest pose shows, though heads are mostly {told[0]} of feet; if that"
        f" is what is up, @{told[0]} states it"
    )


def _unit(body: Body, stated: Stated) -> tuple[float, str]:
    """Millimetres in one unit of a file, and a note where they were guessed.

    What is stated, or else the map's own unit or m, inch, cm, mm, whichever makes a person's legs.
    Raises BadInput where none does, or a leg would be none.
    """
    leg = leg_length(body.pose, H36M17) or 0.0
    if stated.unit:
        if not STATED_MM[0] <= leg * stated.unit <= STATED_MM[1]:
            raise BadInput(
                f"{body.path}: a leg is {leg:.4g} units long, which in units of"
                f" {stated.unit:g} mm is no person's; state another, such as @cm, or none"
            )
        return stated.unit, ""
    for size in (body.table.unit, *UNITS.values()):
        if LEG_MM[0] <= leg * size <= LEG_MM[1]:
            name = next((name for name in UNITS if UNITS[name] == size), "")
            note = (
                f"lengths taken for {name or f'units of {size:.4g} mm'}, by the legs;"
                f" @{name or f'{size:.4g}mm'} states it"
            )
            return size, note
    raise BadInput(
        f"{body.path}: a leg is {leg:.4g} units long, which is no person's in"
        f" {', '.join(UNITS)}; scale the file, or state its unit, such as @12.5mm"
    )


def _rate(body: Body, stated: Stated) -> tuple[float, str]:
    """Frames a second, and a note where what the file says is not taken or strange."""
    # 1 / 0.033333 is 30.0003: files give the time of a frame to six digits
    own = round(body.fps, 3) or body.fps
    if stated.fps and stated.fps != own:
        return stated.fps, f"{own:g} frames a second in the file, {stated.fps:g} stated"
    if not USUAL_FPS[0] <= own <= USUAL_FPS[1]:
        note = (
            f"{own:g} frames a second by Frame Time; if that is not in seconds, state the"
            " rate, such as @30fps"
        )
        return own, note
    return own, ""


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise BadInput(
            f"bvh:{path}: no such file or folder; give the path of a BVH file or of a"
            " folder of them, then what is stated of them, as in @y-up@cm@30fps"
        )
    if not path.is_dir():
        return [path]
    # some programs write .BVH
    files = sorted(each for each in path.rglob("*") if each.suffix.lower() == ".bvh")
    if not files:
        raise BadInput(
            f"bvh:{path}: the folder holds no .bvh file; give the folder that holds them"
        )
    return files


def _same_skeleton(first: Motion, other: Motion, first_path: Path, path: Path) -> None:
    if first.layout == other.layout:
        return
    mine = [name for name, _ in other.layout]
    theirs = [name for name, _ in first.layout]
    change = next(
        (f"{a} for {b}" for a, b in zip(mine, theirs, strict=False) if a != b),
        f"{len(mine)} joints for {len(theirs)}",
    )
    # line 2 is where the hierarchy's root stands
    raise BadInput(
        f"{path}:2: another skeleton than {first_path.name} ({change}); put each skeleton"
        " in a folder of its own"
    )


def _take(root: Path, body: Body, axis: str, stated: Stated, note: str) -> Take:
    """A body in millimetres, z up, labelled by its joint map's pattern.

    What the pattern does not give is the folder for the subject and the file's name for the action.
    """
    path = body.path
    labels = {"subject": path.parent.name, "action": path.stem, "style": ""}
    pattern = body.table.labels
    known = re.fullmatch(pattern, path.stem) if pattern else None
    if known:
        labels |= known.groupdict()
    unit, of_unit = _unit(body, stated)
    fps, of_rate = _rate(body, stated)
    return Take(
        name=path.relative_to(root).with_suffix("").as_posix(),
        **labels,
        fps=fps,
        skeleton=H36M17,
        world=up_axis.z_up(body.pose, axis) * unit,
        notes=tuple(filter(None, (*body.notes, note, of_unit, of_rate))),
    )
