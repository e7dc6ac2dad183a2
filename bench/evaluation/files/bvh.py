"""Motion in BVH: the skeleton's hierarchy, each joint moved by position channels, millimetres.

Positions and no rotations: a model gives places of joints, of which no rotation about a bone and
no bone of a fixed length follows. Each is relative to its parent, the root's as it was predicted.
BVH has y up: x is the camera's, y and z are negated, as if the camera stood level. OFFSETs are a
person who stands with arms spread, with the clip's median bones; the motion does not use them.
One clip is one file; several make a folder of that name, a numbered file for each.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.evaluation.files import Poses

Array = NDArray[np.float64]
UPRIGHT = np.array([1.0, -1.0, -1.0])  # camera (x right, y down, z away) to y up
# where a child lies from its parent in the rest pose, by what its name holds; else above
DOWN = re.compile("Knee|Ankle|Foot|Toe")
BESIDE = re.compile("[LR](Hip|Shoulder|Elbow|Wrist|Hand|Clavicle|Collar|Thumb|Eye|Ear)")


def write(path: Path, poses: Poses, about: Mapping[str, Any]) -> None:
    """One file, or a folder of them where there are several clips."""
    fps: Mapping[str, float] = about["fps"]
    joints, parents = about["joints"], about["parents"]
    texts = [
        _text(pose * UPRIGHT, joints, parents, fps=fps[name])
        for name, pose in poses.items()
    ]
    if len(texts) == 1:
        path.write_text(texts[0], encoding="utf-8")
        return
    path.mkdir()
    for number, (name, text) in enumerate(zip(poses, texts, strict=True), 1):
        # a clip is called as its file was, which may be anything
        plain = re.sub(r"[^\w.-]+", "-", name)[:80]
        (path / f"{number:03}-{plain}.bvh").write_text(text, encoding="utf-8")


def _text(
    pose: Array, joints: Sequence[str], parents: Sequence[int], *, fps: float
) -> str:
    order = list(_depth_first(parents, -1))
    moves = _relative(pose, parents)
    lengths = np.median(np.linalg.norm(moves, axis=-1), axis=0)
    rest = [_rest(joint, length) for joint, length in zip(joints, lengths, strict=True)]
    rest[parents.index(-1)] = (0.0, 0.0, 0.0)
    lines = ["HIERARCHY", *_hierarchy(joints, parents, rest, parents.index(-1), "")]
    lines += ["MOTION", f"Frames: {len(pose)}", f"Frame Time: {1 / fps:.8f}"]
    for row in moves[:, order].reshape(len(pose), -1):
        lines.append(" ".join(f"{value:.6f}" for value in row))
    return "\n".join(lines) + "\n"


def _hierarchy(
    joints: Sequence[str],
    parents: Sequence[int],
    rest: Sequence[tuple[float, ...]],
    joint: int,
    indent: str,
) -> Iterator[str]:
    """The lines of a joint and of all below it."""
    inner = indent + "  "
    yield f"{indent}{'JOINT' if indent else 'ROOT'} {joints[joint]}"
    yield f"{indent}{{"
    yield f"{inner}OFFSET {' '.join(f'{value:.6f}' for value in rest[joint])}"
    yield f"{inner}CHANNELS 3 Xposition Yposition Zposition"
    children = [child for child, parent in enumerate(parents) if parent == joint]
    for child in children:
        yield from _hierarchy(joints, parents, rest, child, inner)
    if not children:
        # readers want one where a branch ends
        yield f"{inner}End Site"
        yield f"{inner}{{"
        yield f"{inner}  OFFSET 0.000000 0.000000 0.000000"
        yield f"{inner}}}"
    yield f"{indent}}}"


def _depth_first(parents: Sequence[int], above: int) -> Iterator[int]:
    """Joints in the order in which the hierarchy names them."""
    for joint, parent in enumerate(parents):
        if parent == above:
            yield joint
            yield from _depth_first(parents, joint)


def _relative(pose: Array, parents: Sequence[int]) -> Array:
    """Positions (frames, joints, 3) from each joint's parent, the root's from 0."""
    moves = pose.astype(np.float64)
    for joint, parent in enumerate(parents):
        if parent >= 0:
            moves[:, joint] = pose[:, joint] - pose[:, parent]
    return moves


def _rest(joint: str, length: float) -> tuple[float, float, float]:
    if DOWN.search(joint):
        return (0.0, -length, 0.0)
    if BESIDE.match(joint):
        # whoever looks at us has the right hand on our left
        return (-length if joint[0] == "R" else length, 0.0, 0.0)
    return (0.0, length, 0.0)
