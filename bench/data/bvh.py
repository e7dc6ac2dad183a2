"""Motion capture in BVH files, one file or a folder of them, filmed by virtual cameras.

A BVH file holds a hierarchy (offsets, channels) and one line of channel values per frame. A joint's local transform is
T(offset) R, R the product of its rotation channels in file order, degrees; position channels replace the offset. The file
states no unit: it is told from the length of the legs (`millimetres_per_unit`). The world's up axis is told from the pose
(head against feet) and turned to z. Joint names are mapped to Human3.6M's 17 joints by the tables in `MAPS`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.data.cameras import Rig
from bench.data.clip import Clip, Take, crop, film
from bench.data.skeletons import H36M17
from models.errors import BadInput

SOURCE = "bvh:PATH, a BVH file or a folder of them, seen by the protocol's virtual cameras"

Array = NDArray[np.float64]

# fmt: off
BANDAI_NAMCO = {
    "Hip": ("Hips",), "RHip": ("UpperLeg_R",), "RKnee": ("LowerLeg_R",), "RFoot": ("Foot_R",),
    "LHip": ("UpperLeg_L",), "LKnee": ("LowerLeg_L",), "LFoot": ("Foot_L",),
    "Spine": ("Spine",), "Thorax": ("Neck",), "Neck/Nose": ("Neck", "Head"), "Head": ("Head",),
    "LShoulder": ("UpperArm_L",), "LElbow": ("LowerArm_L",), "LWrist": ("Hand_L",),
    "RShoulder": ("UpperArm_R",), "RElbow": ("LowerArm_R",), "RWrist": ("Hand_R",),
}  # joint -> the file's joints whose mean it is
# fmt: on
MAPS = {"Bandai-Namco": BANDAI_NAMCO}

UNITS = {"m": 1000.0, "inch": 25.4, "cm": 10.0, "mm": 1.0}
LEG_MM = (450.0, 1100.0)  # hip-knee-foot of a person; the intervals this gives the four units do not overlap
HUGE = 1e9  # no offset, position or angle of a person comes near it in any unit
CHANNELS = {f"{axis}{kind}": ("XYZ".index(axis), kind) for axis in "XYZ" for kind in ("position", "rotation")}


@dataclass(frozen=True)
class Node:
    """A joint of the hierarchy: `channels` are (axis, "position" or "rotation") in file order, `column` the first one's place in a row."""

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
    """Parse one file. Raises BadInput with file and line: truncated, wrong channel count, NaN, zero frames, not a BVH."""
    try:
        text = path.read_bytes().decode("utf-8-sig", errors="replace")
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror}); give a BVH file or a folder of them") from None
    start = re.search(r"^[ \t]*MOTION[ \t\r]*$", text, re.MULTILINE)
    if start is None:
        raise BadInput(f"{path}:{_line(text, len(text))}: the file ends without a MOTION section; it is truncated or not a BVH file")
    nodes = _hierarchy(text[: start.start()], path)
    frames = _field(text, r"Frames:\s*(\S+)", start.end(), path)
    interval = _field(text, r"Frame[ \t]+Time:\s*(\S+)", frames.end(), path)
    count, seconds = _number(frames, text, path), _number(interval, text, path)
    where = f"{path}:{_line(text, frames.start(1))}"
    if count < 1 or count != int(count):
        raise BadInput(f"{where}: Frames is {frames[1]}; one or more whole frames were due: leave the file out")
    if not 1e-6 <= seconds <= 1e6:
        raise BadInput(f"{path}:{_line(text, interval.start(1))}: Frame Time is {interval[1]}; seconds above 0 were due")
    channels = sum(len(node.channels) for node in nodes)
    body = text[interval.end() :]
    return Motion(nodes, 1.0 / seconds, _values(body, int(count), channels, path, _line(text, interval.end())))


def positions(motion: Motion) -> Array:
    """Forward kinematics: world joint positions (frames, nodes, 3) in the file's unit and axes."""
    turns, moves = _local_rotations(motion), _local_offsets(motion)
    world, turned = np.empty_like(moves), np.empty_like(turns)
    for joint, node in enumerate(motion.nodes):
        if node.parent < 0:
            world[:, joint], turned[:, joint] = moves[:, joint], turns[:, joint]
            continue
        frame = turned[:, node.parent]
        world[:, joint] = world[:, node.parent] + np.einsum("fij,fj->fi", frame, moves[:, joint])
        turned[:, joint] = frame @ turns[:, joint]
    return world


def to_h36m(motion: Motion, path: Path) -> Array:
    """World positions of Human3.6M's 17 joints (frames, 17, 3), millimetres, z up. Raises BadInput for unknown joint names or size."""
    names = [node.name for node in motion.nodes]
    table = joint_map(names, path)
    world = positions(motion)
    pose = np.stack([np.mean([world[:, names.index(part)] for part in table[joint]], axis=0) for joint in H36M17.joints], axis=1)
    return _z_up(pose) * millimetres_per_unit(pose, path)


def joint_map(names: list[str], path: Path) -> dict[str, tuple[str, ...]]:
    """The first table of `MAPS` whose joints are all in the file. Raises BadInput naming what the nearest table lacks."""
    missing = {name: sorted({part for parts in table.values() for part in parts} - set(names)) for name, table in MAPS.items()}
    best = min(missing, key=lambda name: len(missing[name]))
    if missing[best]:
        raise BadInput(
            f"{path}:2: no joint map fits (root {names[0]}, {len(names)} joints); the nearest, {best}, lacks {', '.join(missing[best])}: "
            "add a table to bench/data/bvh.py"
        )
    return MAPS[best]


def millimetres_per_unit(pose: Array, path: Path) -> float:
    """The unit in which the median hip-knee-foot length is that of a person, of m, inch, cm and mm. Raises BadInput when none fits."""
    chain = pose[:, H36M17.indices(("RHip", "RKnee", "RFoot"))]
    leg = float(np.median(np.linalg.norm(np.diff(chain, axis=1), axis=-1).sum(axis=1)))
    for size in UNITS.values():
        if LEG_MM[0] <= leg * size <= LEG_MM[1]:
            return size
    raise BadInput(f"{path}: a leg is {leg:.4g} units long, which is no person's in {', '.join(UNITS)}; scale the file")


def load(location: str, *, rig: Rig, seed: int = 0, small: float = 1.0) -> list[Clip]:
    """Every take of a file or folder (sorted by name) seen by each camera of the rig; `small` keeps the middle of each take.

    `seed` is unused: recorded motion has no randomness. Raises BadInput as `read` does, and for mixed skeletons in a folder.
    """
    paths = _files(Path(location))
    clips: list[Clip] = []
    first: Motion | None = None
    for path in paths:
        motion = read(path)
        first = first or motion
        _same_skeleton(first, motion, paths[0], path)
        take = crop(_take(path, motion), small)
        clips += film(take, rig.around(take.world[:, 0]))
    return clips


def _take(path: Path, motion: Motion) -> Take:
    """Label a file. Bandai-Namco names are dataset_content_style_id; any other file is its own action, its folder the subject."""
    parts = path.stem.split("_")
    known = len(parts) == 4 and parts[0].startswith("dataset-")
    subject, action, style = parts[:3] if known else (path.parent.name, path.stem, "")
    return Take(path.stem, subject, action, style, round(motion.fps, 3), H36M17, to_h36m(motion, path))


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise BadInput(f"bvh:{path}: no such file or folder; give the path of a BVH file or of a folder of them")
    files = sorted(path.glob("*.bvh")) if path.is_dir() else [path]
    if not files:
        raise BadInput(f"bvh:{path}: the folder holds no .bvh file; give the folder that holds them")
    return files


def _same_skeleton(first: Motion, other: Motion, first_path: Path, path: Path) -> None:
    if first.layout == other.layout:
        return
    mine, theirs = [name for name, _ in other.layout], [name for name, _ in first.layout]
    change = next((f"{a} for {b}" for a, b in zip(mine, theirs, strict=False) if a != b), f"{len(mine)} joints for {len(theirs)}")
    raise BadInput(f"{path}:2: another skeleton than {first_path.name} ({change}); put each skeleton in a folder of its own")


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1


def _field(text: str, pattern: str, start: int, path: Path) -> re.Match[str]:
    found = re.compile(r"\s*" + pattern).match(text, start)
    if found is None:
        name = pattern.split(":")[0].replace("[ \\t]+", " ")
        raise BadInput(f"{path}:{_line(text, start)}: '{name}:' and a number were due after MOTION; the file is truncated or damaged")
    return found


def _number(field: re.Match[str], text: str, path: Path) -> float:
    try:
        return float(field[1])
    except ValueError:
        raise BadInput(f"{path}:{_line(text, field.start(1))}: {field[1][:40]!r} where a number was due") from None


def _hierarchy(text: str, path: Path) -> tuple[Node, ...]:
    """Read the header line by line; braces may stand on lines of their own or not."""
    tokens = [
        (token, number) for number, line in enumerate(text.split("\n"), 1) for token in line.replace("{", " { ").replace("}", " } ").split()
    ]
    try:
        nodes = _Header(tokens).nodes()
    except _Damaged as error:
        raise BadInput(f"{path}:{error.line}: {error}; the hierarchy is damaged or this is not a BVH file") from None
    return nodes


class _Damaged(Exception):
    """What is wrong in the header, and where."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line


class _Header:
    """A cursor over the header's tokens."""

    def __init__(self, tokens: list[tuple[str, int]]) -> None:
        self.tokens, self.place, self.found = tokens, 0, list[Node]()

    def take(self, *due: str) -> str:
        """The next token, which must be one of `due` where any is given."""
        line = self.tokens[min(self.place, len(self.tokens) - 1)][1] if self.tokens else 1
        if self.place >= len(self.tokens):
            raise _Damaged(line, f"the hierarchy ends where {' or '.join(due) or 'a value'} was due")
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
            raise _Damaged(line, f"{token[:40]!r} where a finite number below {HUGE:g} was due")
        return value

    def nodes(self) -> tuple[Node, ...]:
        """Walk the whole hierarchy, depth first, without recursion: a file may be nested as deep as it likes."""
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
                self.tokens[self.place][1], f"{self.tokens[self.place][0][:40]!r} after the root's last brace: one skeleton a file was due"
            )
        return tuple(self.found)

    def node(self, stack: list[int], column: int) -> int:
        """Read one joint up to its children, push it, and give the next free channel column."""
        name, line = self.take(), self.tokens[self.place - 1][1]
        if name in {node.name for node in self.found}:
            raise _Damaged(line, f"a second joint named {name[:40]!r}")
        self.take("{")
        self.take("OFFSET")
        offset = (self.number(), self.number(), self.number())
        self.take("CHANNELS")
        count = self.number()
        if count not in range(7):
            raise _Damaged(self.tokens[self.place - 1][1], f"{count:g} channels where 0 to 6 were due")
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
    rows = [(line + number, row) for number, row in enumerate(body.split("\n")) if row and not row.isspace()]
    for number, row in rows:
        if len(row.split()) != channels:
            raise BadInput(
                f"{path}:{number}: {len(row.split())} values where the hierarchy has {channels} channels; the line is damaged or truncated"
            )
    if len(rows) != frames:
        end = rows[-1][0] if rows else line
        raise BadInput(f"{path}:{end}: {len(rows)} lines of motion where Frames says {frames}; the file is truncated or its header wrong")
    if not channels:
        raise BadInput(f"{path}:{line}: the hierarchy has no channel, so the file holds no motion; leave it out")
    try:
        values = np.fromstring(body, dtype=np.float64, sep=" ")  # four times as fast as splitting and converting
    except ValueError:
        values = np.empty(0)
    if values.size != frames * channels or not (np.abs(values) < HUGE).all():  # NaN fails the comparison too
        raise BadInput(_bad_value(rows, path))
    return values.reshape(frames, channels)


def _bad_value(rows: list[tuple[int, str]], path: Path) -> str:
    for number, row in rows:
        for column, token in enumerate(row.split(), 1):
            try:
                good = abs(float(token)) < HUGE and "_" not in token
            except ValueError:
                good = False
            if not good:
                due = f"a finite number below {HUGE:g} was due"
                return f"{path}:{number}: {token[:40]!r} in column {column} where {due}; repair or leave out the file"
    return f"{path}: the motion holds something that is not a number; repair or leave out the file"


def _local_offsets(motion: Motion) -> Array:
    """Local translations (frames, nodes, 3): the offset, each axis replaced by its position channel where there is one."""
    moves = np.tile(np.array([node.offset for node in motion.nodes]), (len(motion.values), 1, 1))
    for joint, node in enumerate(motion.nodes):
        for place, (axis, kind) in enumerate(node.channels):
            if kind == "position":
                moves[:, joint, axis] = motion.values[:, node.column + place]
    return moves


def _local_rotations(motion: Motion) -> Array:
    """Local rotations (frames, nodes, 3, 3): the product of each joint's rotation channels in file order."""
    slots: list[list[tuple[int, int, int]]] = [[] for _ in range(6)]  # n-th rotation channel of each joint: joint, axis, column
    for joint, node in enumerate(motion.nodes):
        turns = [(axis, node.column + place) for place, (axis, kind) in enumerate(node.channels) if kind == "rotation"]
        for slot, (axis, column) in zip(slots, turns, strict=False):
            slot.append((joint, axis, column))
    total = np.tile(np.eye(3), (len(motion.values), len(motion.nodes), 1, 1))
    for slot in filter(None, slots):
        joints, axes, columns = np.array(slot).T
        total[:, joints] = total[:, joints] @ _about(np.radians(motion.values[:, columns]), axes)
    return total


def _about(angles: Array, axes: NDArray[np.int64]) -> Array:
    """Rotation matrices (frames, n, 3, 3) by angles (frames, n), each column about its own axis 0, 1 or 2."""
    column = np.arange(len(axes))
    second, third = (axes + 1) % 3, (axes + 2) % 3
    matrix = np.zeros((*angles.shape, 3, 3))
    matrix[:, column, axes, axes] = 1.0
    matrix[:, column, second, second] = matrix[:, column, third, third] = np.cos(angles)
    matrix[:, column, third, second] = np.sin(angles)
    matrix[:, column, second, third] = -matrix[:, column, third, second]
    return matrix


def _z_up(pose: Array) -> Array:
    """Turn y up to z up, (x, y, z) -> (x, -z, y), where the head stands higher above the feet along y than along z."""
    feet, head = pose[:, H36M17.indices(("RFoot", "LFoot"))].mean(axis=1), pose[:, H36M17.index("Head")]
    tall = np.median(head - feet, axis=0)
    return pose if tall[2] > tall[1] else np.stack([pose[..., 0], -pose[..., 2], pose[..., 1]], axis=-1)
