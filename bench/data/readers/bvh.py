"""Motion capture in BVH files, one file or a folder of them, filmed by virtual cameras.

A BVH file holds a hierarchy (offsets, channels) and one line of channel values per frame. A
joint's local transform is T(offset) R, R the product of its rotation channels in file
order, degrees; position channels replace the offset. The file states no unit: it is told
from the length of the legs (`millimetres_per_unit`). The world's up axis is told from the
pose (head against feet) and turned to z. Joint names are mapped to Human3.6M's 17 joints by
the tables of `bvh_maps`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.data.clip import LEG_MM, UNITS, Clip, Take, crop, film, leg_length
from bench.data.formats import whole_file
from bench.data.geometry.bvh_maps import Map, fitting, plain
from bench.data.geometry.cameras import Rig
from bench.data.geometry.skeletons import H36M17
from models.errors import BadInput

SOURCE = "bvh:PATH, a BVH file or a folder of them, seen by the protocol's virtual cameras"

Array = NDArray[np.float64]

LARGE = 2**53  # from here on floating point skips whole numbers
HUGE = 1e9  # no offset, position or angle of a person comes near it in any unit
# bytes that a joint takes in a frame, and that any file may take
POSE, SPARE = 96, 500_000_000
CHANNELS = {
    f"{axis}{kind}": ("XYZ".index(axis), kind)
    for axis in "XYZ"
    for kind in ("position", "rotation")
}


@dataclass(frozen=True)
class Node:
    """A joint of the hierarchy: `channels` are (axis, "position" or "rotation") in file
    order, `column` the first one's place in a row.
    """

    name: str
    parent: int
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

    Raises BadInput with file and line: truncated, wrong channel count, NaN, zero frames,
    not a BVH.
    """
    text = whole_file.content(path, "a BVH file or a folder of them").decode(
        "utf-8-sig", errors="replace"
    )
    start = re.search(r"^[ \t]*MOTION[ \t\r]*$", text, re.MULTILINE)
    if start is None:
        raise BadInput(
            f"{path}:{_line(text, len(text))}: the file ends without a MOTION section; it"
            " is truncated or not a BVH file"
        )
    nodes = _hierarchy(text[: start.start()], path)
    frames = _field(text, r"Frames:\s*(\S+)", start.end(), path)
    interval = _field(text, r"Frame[ \t]+Time:\s*(\S+)", frames.end(), path)
    count, seconds = _number(frames, text, path), _number(interval, text, path)
    where = f"{path}:{_line(text, frames.start(1))}"
    if not 1 <= count < LARGE or count != int(count):
        raise BadInput(
            f"{where}: Frames is {frames[1]}; one or more whole frames were due: leave the"
            " file out"
        )
    if not 1e-6 <= seconds <= 1e6:
        raise BadInput(
            f"{path}:{_line(text, interval.start(1))}: Frame Time is {interval[1]}; seconds"
            " above 0 were due"
        )
    channels = sum(len(node.channels) for node in nodes)
    body = text[interval.end() :]
    return Motion(
        nodes,
        1.0 / seconds,
        _values(body, int(count), channels, path, _line(text, interval.end())),
    )


def positions(motion: Motion, joints: Sequence[int] | None = None) -> Array:
    """Forward kinematics: world positions (frames, joints, 3) in the file's unit and axes,
    of every node or of those numbered.
    """
    wanted = range(len(motion.nodes)) if joints is None else joints
    needed = _with_ancestors(motion.nodes, wanted)
    turns, moves = _local_rotations(motion, needed), _local_offsets(motion, needed)
    places = {joint: place for place, joint in enumerate(needed)}
    world: dict[int, Array] = {}
    # (3, frames) and (3, 3, frames): each number's frames lie together
    for place, joint in enumerate(needed):
        parent = motion.nodes[joint].parent
        if parent < 0:
            world[joint] = moves[place]
            continue
        above = turns[places[parent]]
        world[joint] = world[parent] + np.einsum("ijf,jf->if", above, moves[place])
        turns[place] = np.einsum("ijf,jkf->ikf", above, turns[place])
    return np.stack([world[joint] for joint in wanted]).transpose(2, 0, 1)


def to_h36m(motion: Motion, path: Path) -> tuple[Array, Map]:
    """World positions of Human3.6M's 17 joints (frames, 17, 3), millimetres, z up, and the
    joint map that fits.

    Raises BadInput for unknown joint names or size.
    """
    if POSE * len(motion.nodes) * len(motion.values) > 10 * motion.values.nbytes + SPARE:
        raise BadInput(
            f"{path}: {len(motion.nodes)} joints and few channels that move them, in"
            f" {len(motion.values)} frames; leave the file out"
        )
    names = plain([node.name for node in motion.nodes])
    table = fitting(names, path)
    parts = list(
        dict.fromkeys(part for joint in H36M17.joints for part in table.joints[joint])
    )
    share = np.array(
        [
            [(part in table.joints[joint]) / len(table.joints[joint]) for part in parts]
            for joint in H36M17.joints
        ]
    )
    pose = share @ positions(motion, [names.index(part) for part in parts])
    return _z_up(pose) * millimetres_per_unit(pose, path, own=table.unit), table


def millimetres_per_unit(pose: Array, path: Path, *, own: float = 0.0) -> float:
    """The unit in which the median hip-knee-foot length is that of a person: `own` where
    given, or m, inch, cm, mm.

    Raises BadInput when none fits.
    """
    leg = leg_length(pose, H36M17) or 0.0
    for size in (own, *UNITS.values()):
        if LEG_MM[0] <= leg * size <= LEG_MM[1]:
            return size
    raise BadInput(
        f"{path}: a leg is {leg:.4g} units long, which is no person's in"
        f" {', '.join(UNITS)}; scale the file"
    )


def load(location: str, *, rig: Rig, seed: int = 0, small: float = 1.0) -> list[Clip]:
    """Every take of a file, or of a folder and those in it (sorted by path), seen by each
    camera of the rig.

    `small` keeps the middle of each take; `seed` is unused: recorded motion has no
    randomness. Raises BadInput as `read` does, and for mixed skeletons in a folder.
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


def _take(root: Path, path: Path, motion: Motion) -> Take:
    """Label a file by its joint map's pattern; what that does not give is the folder for
    the subject and the name for the action.
    """
    world, table = to_h36m(motion, path)
    known = re.fullmatch(table.labels, path.stem) if table.labels else None
    labels = {"subject": path.parent.name, "action": path.stem, "style": ""} | (
        known.groupdict() if known else {}
    )
    name = path.relative_to(root).with_suffix("").as_posix()
    return Take(
        name,
        labels["subject"],
        labels["action"],
        labels["style"],
        round(motion.fps, 3),
        H36M17,
        world,
    )


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise BadInput(
            f"bvh:{path}: no such file or folder; give the path of a BVH file or of a"
            " folder of them"
        )
    files = (
        sorted(each for each in path.rglob("*") if each.suffix.lower() == ".bvh")
        if path.is_dir()
        else [path]
    )
    if not files:
        raise BadInput(
            f"bvh:{path}: the folder holds no .bvh file; give the folder that holds them"
        )
    return files


def _same_skeleton(first: Motion, other: Motion, first_path: Path, path: Path) -> None:
    if first.layout == other.layout:
        return
    mine, theirs = [name for name, _ in other.layout], [name for name, _ in first.layout]
    change = next(
        (f"{a} for {b}" for a, b in zip(mine, theirs, strict=False) if a != b),
        f"{len(mine)} joints for {len(theirs)}",
    )
    raise BadInput(
        f"{path}:2: another skeleton than {first_path.name} ({change}); put each skeleton"
        " in a folder of its own"
    )


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1


def _field(text: str, pattern: str, start: int, path: Path) -> re.Match[str]:
    found = re.compile(r"\s*" + pattern).match(text, start)
    if found is None:
        name = pattern.split(":")[0].replace("[ \\t]+", " ")
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


@functools.lru_cache(maxsize=8)  # the files of a folder mostly share one header
def _nodes(text: str) -> tuple[Node, ...]:
    """Read the header line by line; braces may stand on lines of their own or not.

    Raises _Damaged.
    """
    tokens = [
        (token, number)
        for number, line in enumerate(text.split("\n"), 1)
        for token in line.replace("{", " { ").replace("}", " } ").split()
    ]
    return _Header(tokens).nodes()


class _Damaged(Exception):
    """What is wrong in the header, and where."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line


class _Header:
    """A cursor over the header's tokens."""

    def __init__(self, tokens: list[tuple[str, int]]) -> None:
        self.tokens, self.place, self.found, self.names = (
            tokens,
            0,
            list[Node](),
            set[str](),
        )

    def take(self, *due: str) -> str:
        """The next token, which must be one of `due` where any is given."""
        line = self.tokens[min(self.place, len(self.tokens) - 1)][1] if self.tokens else 1
        if self.place >= len(self.tokens):
            raise _Damaged(
                line, f"the hierarchy ends where {' or '.join(due) or 'a value'} was due"
            )
        token = self.tokens[self.place][0]
        if due and token not in due:
            raise _Damaged(line, f"{token[:40]!r} where {' or '.join(due)} was due")
        self.place += 1
        return token

    def number(self) -> float:
        """The next token as a finite number."""
        token, line = self.take(), self.tokens[self.place - 1][1]
        try:
            value = float(token)
        except ValueError:
            value = float("nan")
        if not abs(value) < HUGE:
            raise _Damaged(
                line, f"{token[:40]!r} where a finite number below {HUGE:g} was due"
            )
        return value

    def nodes(self) -> tuple[Node, ...]:
        """Walk the whole hierarchy, depth first, without recursion: a file may be nested as
        deep as it likes.
        """
        self.take("HIERARCHY")
        self.take("ROOT")
        stack, column = [-1], 0
        column = self.node(stack, column)
        while len(stack) > 1:
            word = self.take("JOINT", "End", "}")
            if word == "JOINT":
                column = self.node(stack, column)
            elif word == "End":
                self.end_site()
            else:
                stack.pop()
        if self.place < len(self.tokens):
            raise _Damaged(
                self.tokens[self.place][1],
                f"{self.tokens[self.place][0][:40]!r} after the root's last brace: one"
                " skeleton a file was due",
            )
        return tuple(self.found)

    def node(self, stack: list[int], column: int) -> int:
        """Read one joint up to its children, push it, and give the next free channel
        column.
        """
        name, line = self.take(), self.tokens[self.place - 1][1]
        if name in self.names:
            raise _Damaged(line, f"a second joint named {name[:40]!r}")
        self.names.add(name)
        self.take("{")
        self.take("OFFSET")
        offset = (self.number(), self.number(), self.number())
        self.take("CHANNELS")
        count = self.number()
        if count not in range(7):
            raise _Damaged(
                self.tokens[self.place - 1][1], f"{count:g} channels where 0 to 6 were due"
            )
        channels = tuple(CHANNELS[self.take(*CHANNELS)] for _ in range(int(count)))
        self.found.append(Node(name, stack[-1], offset, channels, column))
        stack.append(len(self.found) - 1)
        return column + len(channels)

    def end_site(self) -> None:
        """Step over an end site: it has no channels and no joint of ours."""
        for word in ("Site", "{", "OFFSET"):
            self.take(word)
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
        # faster than splitting and converting
        values = np.fromstring(body, dtype=np.float64, sep=" ")
    except ValueError:
        values = np.empty(0)
    # NaN fails the comparison too
    if values.size != frames * channels or not (np.abs(values) < HUGE).all():
        raise BadInput(_bad_value(body, line, path))
    return values.reshape(frames, channels)


def _words(body: str) -> NDArray[np.int64]:
    """How many words each line of a text has."""
    signs = np.frombuffer(f" {body}\n".encode(), dtype=np.uint8)
    starts = np.flatnonzero((signs[:-1] <= 32) & (signs[1:] > 32))
    ends = np.flatnonzero(signs == 10)
    return np.diff(np.searchsorted(starts, ends), prepend=0)


def _bad_value(body: str, line: int, path: Path) -> str:
    for number, row in enumerate(body.split("\n"), line):
        for column, token in enumerate(row.split(), 1):
            try:
                good = abs(float(token)) < HUGE and "_" not in token
            except ValueError:
                good = False
            if not good:
                due = f"a finite number below {HUGE:g} was due"
                return (
                    f"{path}:{number}: {token[:40]!r} in column {column} where {due};"
                    " repair or leave out the file"
                )
    return (
        f"{path}: the motion holds something that is not a number; repair or leave out the"
        " file"
    )


def _with_ancestors(nodes: Sequence[Node], joints: Sequence[int]) -> list[int]:
    """The joints and all above them, parents first: what forward kinematics has to pass
    through.
    """
    needed = set(joints)
    for joint in range(len(nodes) - 1, -1, -1):  # a parent stands before its children
        if joint in needed and nodes[joint].parent >= 0:
            needed.add(nodes[joint].parent)
    return sorted(needed)


def _local_offsets(motion: Motion, joints: Sequence[int]) -> Array:
    """Local translations (joints, 3, frames): the offset, each axis replaced by its
    position channel where there is one.
    """
    offsets = np.array([motion.nodes[joint].offset for joint in joints])
    moves = np.repeat(offsets[:, :, None], len(motion.values), axis=2)
    for place, joint in enumerate(joints):
        for column, (axis, kind) in enumerate(
            motion.nodes[joint].channels, motion.nodes[joint].column
        ):
            if kind == "position":
                moves[place, axis] = motion.values[:, column]
    return moves


def _local_rotations(motion: Motion, joints: Sequence[int]) -> Array:
    """Local rotations (joints, 3, 3, frames): the product of each joint's rotation channels
    in file order.
    """
    total = np.zeros((len(joints), 3, 3, len(motion.values)))
    total[:, range(3), range(3)] = 1.0
    for turn, joint in zip(total, joints, strict=True):
        for column, (axis, kind) in enumerate(
            motion.nodes[joint].channels, motion.nodes[joint].column
        ):
            if kind == "rotation":
                _turn(turn, axis, np.radians(motion.values[:, column]))
    return total


def _turn(matrix: Array, axis: int, angles: Array) -> None:
    """Multiply (3, 3, frames) from the right, in place, by turns about an axis: they mix
    the two other columns.
    """
    second, third = (axis + 1) % 3, (axis + 2) % 3
    cosine, sine = np.cos(angles), np.sin(angles)
    one, two = matrix[:, second].copy(), matrix[:, third].copy()
    matrix[:, second], matrix[:, third] = (
        cosine * one + sine * two,
        cosine * two - sine * one,
    )


def _z_up(pose: Array) -> Array:
    """Turn y up to z up, (x, y, z) -> (x, -z, y), where the head stands higher above the
    feet along y than along z.
    """
    feet, head = (
        pose[:, H36M17.indices(("RFoot", "LFoot"))].mean(axis=1),
        pose[:, H36M17.index("Head")],
    )
    tall = np.median(head - feet, axis=0)
    return (
        pose
        if tall[2] > tall[1]
        else np.stack([pose[..., 0], -pose[..., 2], pose[..., 1]], axis=-1)
    )
