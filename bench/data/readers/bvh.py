"""Motion capture in BVH files, one file or a folder of them, filmed by virtual cameras.

A joint's local transform is T(offset) R, R the product of its rotation channels in file order,
degrees; position channels replace the offset. The file states no unit: it is told from the length
of the legs (`millimetres_per_unit`). The world's up axis is told from the pose (head against feet)
and turned to z. Joint names are mapped to Human3.6M's 17 joints by the tables of
`bench.data.geometry.bvh_maps`. The text itself is read in `bench.data.formats.bvh_text`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.data.clip import LEG_MM, UNITS, Clip, Take, crop, film, leg_length
from bench.data.formats.bvh_text import Motion, Node, read
from bench.data.geometry.bvh_maps import Map, fitting, plain
from bench.data.geometry.cameras import Rig
from bench.data.geometry.skeletons import H36M17
from models.errors import BadInput

SOURCE = (
    "bvh:PATH, a BVH file or a folder of them, seen by the protocol's virtual cameras"
)

Array = NDArray[np.float64]

# bytes that a joint's position (3) and rotation (9), float64, take in a frame
POSE = 96
SPARE = 500_000_000  # bytes that any file may take, however short


def load(location: str, *, rig: Rig, seed: int = 0, small: float = 1.0) -> list[Clip]:
    """Every take of a file, or of a folder and those in it, seen by each camera of the rig.

    Takes are sorted by path. `small` keeps the middle of each take; `seed` is unused: recorded
    motion has no randomness. Raises BadInput as `bvh_text.read` does, and for mixed skeletons in a
    folder.
    """
    if not location:
        raise BadInput(
            "bvh: no path after the colon; give a BVH file or a folder of them, as in"
            " bvh:FOLDER"
        )
    root = Path(location)
    paths = _files(root)
    clips: list[Clip] = []
    first: Motion | None = None
    for path in paths:
        motion = read(path)
        first = first or motion
        _same_skeleton(first, motion, paths[0], path)
        take = crop(_take(root if root.is_dir() else root.parent, path, motion), small)
        try:
            clips += film(take, rig.around(take.world[:, 0]))
        except BadInput as error:
            raise BadInput(f"{path}: {error}") from None
    return clips


def to_h36m(motion: Motion, path: Path) -> tuple[Array, Map]:
    """World positions of Human3.6M's joints (frames, 17, 3), mm, z up, and the map that fits.

    Raises BadInput for unknown joint names or size.
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
    parts = list(
        dict.fromkeys(part for joint in H36M17.joints for part in table.joints[joint])
    )
    share = np.zeros((len(H36M17.joints), len(parts)))
    for row, joint in zip(share, H36M17.joints, strict=True):
        for part in table.joints[joint]:  # our joint is the mean of these
            row[parts.index(part)] = 1 / len(table.joints[joint])
    pose = share @ positions(motion, [names.index(part) for part in parts])
    return _z_up(pose) * millimetres_per_unit(pose, path, own=table.unit), table


def millimetres_per_unit(pose: Array, path: Path, *, own: float = 0.0) -> float:
    """The unit in which the median hip-knee-foot length is that of a person.

    `own` where it is given and fits, or m, inch, cm, mm. Raises BadInput when none fits.
    """
    leg = leg_length(pose, H36M17) or 0.0
    for size in (own, *UNITS.values()):
        if LEG_MM[0] <= leg * size <= LEG_MM[1]:
            return size
    raise BadInput(
        f"{path}: a leg is {leg:.4g} units long, which is no person's in"
        f" {', '.join(UNITS)}; scale the file"
    )


def positions(motion: Motion, joints: Sequence[int] | None = None) -> Array:
    """Forward kinematics: world positions (frames, joints, 3) in the file's unit and axes.

    Of every node, or of those numbered.
    """
    wanted = range(len(motion.nodes)) if joints is None else joints
    # Fingers and toes outnumber the body's joints, and none of ours hangs on them.
    needed = _with_ancestors(motion.nodes, wanted)
    turns = _local_rotations(motion, needed)
    moves = _local_offsets(motion, needed)
    places = {joint: place for place, joint in enumerate(needed)}
    world: dict[int, Array] = {}
    # (3, frames) and (3, 3, frames): each number's frames lie together
    for place, joint in enumerate(needed):
        parent = motion.nodes[joint].parent
        if parent < 0:
            world[joint] = moves[place]
            continue
        # Parents come first, so `turns` holds the world rotation of each by now.
        above = turns[places[parent]]
        world[joint] = world[parent] + np.einsum("ijf,jf->if", above, moves[place])
        turns[place] = np.einsum("ijf,jkf->ikf", above, turns[place])
    return np.stack([world[joint] for joint in wanted]).transpose(2, 0, 1)


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise BadInput(
            f"bvh:{path}: no such file or folder; give the path of a BVH file or of a"
            " folder of them"
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


def _take(root: Path, path: Path, motion: Motion) -> Take:
    """Label a file by its joint map's pattern.

    What the pattern does not give is the folder for the subject and the file's name for the action.
    """
    world, table = to_h36m(motion, path)
    labels = {"subject": path.parent.name, "action": path.stem, "style": ""}
    known = re.fullmatch(table.labels, path.stem) if table.labels else None
    if known:
        labels |= known.groupdict()
    return Take(
        name=path.relative_to(root).with_suffix("").as_posix(),
        **labels,
        # 1 / 0.033333 is 30.0003: files give the time of a frame to six digits
        fps=round(motion.fps, 3),
        skeleton=H36M17,
        world=world,
    )


def _with_ancestors(nodes: Sequence[Node], joints: Sequence[int]) -> list[int]:
    """The joints and all above them, parents first: what forward kinematics passes through."""
    needed = set(joints)
    for joint in range(len(nodes) - 1, -1, -1):  # a parent stands before its children
        if joint in needed and nodes[joint].parent >= 0:
            needed.add(nodes[joint].parent)
    return sorted(needed)


def _local_offsets(motion: Motion, joints: Sequence[int]) -> Array:
    """Local translations (joints, 3, frames).

    Each axis is the offset's, or its position channel's where there is one.
    """
    offsets = np.array([motion.nodes[joint].offset for joint in joints])
    moves = np.repeat(offsets[:, :, None], len(motion.values), axis=2)
    for place, joint in enumerate(joints):
        node = motion.nodes[joint]
        for column, (axis, kind) in enumerate(node.channels, node.column):
            if kind == "position":
                moves[place, axis] = motion.values[:, column]
    return moves


def _local_rotations(motion: Motion, joints: Sequence[int]) -> Array:
    """Local rotations (joints, 3, 3, frames): each joint's rotation channels in file order."""
    total = np.zeros((len(joints), 3, 3, len(motion.values)))
    total[:, range(3), range(3)] = 1.0
    for turn, joint in zip(total, joints, strict=True):
        node = motion.nodes[joint]
        for column, (axis, kind) in enumerate(node.channels, node.column):
            if kind == "rotation":
                _turn(turn, axis, np.radians(motion.values[:, column]))
    return total


def _turn(matrix: Array, axis: int, angles: Array) -> None:
    """Multiply (3, 3, frames) from the right, in place, by turns about an axis.

    They mix the two other columns, so no product of matrices is needed.
    """
    second, third = (axis + 1) % 3, (axis + 2) % 3
    cosine, sine = np.cos(angles), np.sin(angles)
    # copies: the first assignment would change what the second reads
    one, two = matrix[:, second].copy(), matrix[:, third].copy()
    matrix[:, second] = cosine * one + sine * two
    matrix[:, third] = cosine * two - sine * one


def _z_up(pose: Array) -> Array:
    """Turn y up to z up, (x, y, z) -> (x, -z, y), where the head stands higher along y."""
    feet = pose[:, H36M17.indices(("RFoot", "LFoot"))].mean(axis=1)
    head = pose[:, H36M17.index("Head")]
    # of all frames: somebody may lie down in some
    tall = np.median(head - feet, axis=0)
    if tall[2] > tall[1]:
        return pose
    return np.stack([pose[..., 0], -pose[..., 2], pose[..., 1]], axis=-1)
