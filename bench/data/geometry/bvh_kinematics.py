"""Forward kinematics of BVH: where joints stand, from their OFFSETs and channels.

A joint's local transform is T(offset) R, R the product of its rotation channels in file order,
degrees. Position channels replace the OFFSET, as most programs write and read them. Below the
root they do not where they hold nothing but zeros: such files move no bone, and would have none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bench.data.formats.bvh_text import Motion, Node

Array = NDArray[np.float64]

NOTHING = 0.01  # of an OFFSET's length; programs round, so that a zero may not be one


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


def at_rest(motion: Motion, joints: Sequence[int]) -> Array:
    """Places (joints, 3) before any turn, with the bones of the first frame."""
    needed = _with_ancestors(motion.nodes, joints)
    moves = _local_offsets(motion, needed)[..., 0]
    world: dict[int, Array] = {}
    for joint, move in zip(needed, moves, strict=True):
        parent = motion.nodes[joint].parent
        world[joint] = world[parent] + move if parent >= 0 else move
    return np.stack([world[joint] for joint in joints])


def keeps_offset(motion: Motion, joint: int) -> bool:
    """Whether a joint's position channels say nothing, so that its OFFSET stands.

    They hold zeros in every frame, of a joint below the root that has an OFFSET.
    """
    node = motion.nodes[joint]
    columns = [column for column, _ in _channels(node, "position")]
    if node.parent < 0 or not columns:
        return False
    least = NOTHING * math.hypot(*node.offset)
    # of most files the first frame tells, and the others need no look
    for values in (motion.values[0, columns], motion.values[:, columns]):
        if not np.abs(values).max() < least:
            return False
    return True


def largest_turn(motion: Motion) -> float:
    """The largest number of any rotation channel."""
    columns = [
        column for node in motion.nodes for column, _ in _channels(node, "rotation")
    ]
    return float(np.abs(motion.values[:, columns]).max(initial=0.0))


def _with_ancestors(nodes: Sequence[Node], joints: Sequence[int]) -> list[int]:
    """The joints and all above them, parents first: what forward kinematics passes through."""
    needed = set(joints)
    for joint in range(len(nodes) - 1, -1, -1):  # a parent stands before its children
        if joint in needed and nodes[joint].parent >= 0:
            needed.add(nodes[joint].parent)
    return sorted(needed)


def _local_offsets(motion: Motion, joints: Sequence[int]) -> Array:
    """Local translations (joints, 3, frames).

    Each axis is the OFFSET's, or its position channel's where there is one that replaces it.
    """
    offsets = np.array([motion.nodes[joint].offset for joint in joints])
    moves = np.repeat(offsets[:, :, None], len(motion.values), axis=2)
    for place, joint in enumerate(joints):
        if keeps_offset(motion, joint):
            continue
        for column, axis in _channels(motion.nodes[joint], "position"):
            moves[place, axis] = motion.values[:, column]
    return moves


def _local_rotations(motion: Motion, joints: Sequence[int]) -> Array:
    """Local rotations (joints, 3, 3, frames): each joint's rotation channels in file order."""
    total = np.zeros((len(joints), 3, 3, len(motion.values)))
    total[:, range(3), range(3)] = 1.0
    for turn, joint in zip(total, joints, strict=True):
        for column, axis in _channels(motion.nodes[joint], "rotation"):
            _turn(turn, axis, np.radians(motion.values[:, column]))
    return total


def _channels(node: Node, kind: str) -> list[tuple[int, int]]:
    """Column and axis of each channel of a kind, in file order."""
    return [
        (column, axis)
        for column, (axis, each) in enumerate(node.channels, node.column)
        if each == kind
    ]


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
