"""People made of sines: the data source that is always there.

Seven subjects of different build do fifteen actions. Every joint angle is a mean pose plus
a sum of three sinusoids (walking adds a gait cycle), forward kinematics turns angles into
joints, so bone lengths are exact, and the body is set on the floor by its lowest foot. The
same seed gives the same data, whatever else is generated.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from bench.data.clip import Clip, Take, film
from bench.data.geometry.cameras import Rig
from bench.data.geometry.skeletons import H36M17
from bench.data.readers._synthetic_actions import ACTIONS, SWAY, Action, Triple
from models.errors import BadInput

SOURCE = (
    "synthetic, the embedded default: seven subjects, fifteen actions, made from joint"
    " angles"
)

Array = NDArray[np.float64]

FRAMES, FPS = 300, 50.0
# fmt: off
# Stature, as a share of 1.75 m; the names are Human3.6M's, so that its split by subject holds here.
SUBJECTS = {"S1": 0.96, "S5": 0.93, "S6": 1.02, "S7": 1.05, "S8": 1.07, "S9": 1.01, "S11": 0.98}
# Bone vectors of a 1.75 m person standing, facing +y, right hand at +x, millimetres.
REST: dict[str, Triple] = {
    "Hip": (0, 0, 0), "RHip": (132, 0, 0), "RKnee": (0, 0, -445), "RFoot": (0, 0, -440),
    "LHip": (-132, 0, 0), "LKnee": (0, 0, -445), "LFoot": (0, 0, -440),
    "Spine": (0, 0, 235), "Thorax": (0, 0, 255), "Neck/Nose": (0, 45, 105), "Head": (0, -25, 112),
    "LShoulder": (-148, 0, -20), "LElbow": (0, 0, -282), "LWrist": (0, 0, -250),
    "RShoulder": (148, 0, -20), "RElbow": (0, 0, -282), "RWrist": (0, 0, -250),
}
# Body part -> the bones its angles turn, in equal shares.
BONES = {
    "pelvis": ("Hip",), "trunk": ("Spine", "Thorax"), "head": ("Neck/Nose", "Head"),
    "r_hip": ("RKnee",), "l_hip": ("LKnee",), "r_knee": ("RFoot",), "l_knee": ("LFoot",),
    "r_clavicle": ("RShoulder",), "l_clavicle": ("LShoulder",),
    "r_shoulder": ("RElbow",), "l_shoulder": ("LElbow",),
    "r_elbow": ("RWrist",), "l_elbow": ("LWrist",),
}
# fmt: on
# bones that only fold, from 0 to so many degrees
HINGES = {"RFoot": 150.0, "LFoot": 150.0, "RWrist": 150.0, "LWrist": 150.0}
# The three sinusoids of a joint: a slow sway, one at the action's tempo, and a small quick one.
RATES = np.array([0.35, 1.0, 2.1])[:, None, None]  # times the tempo
SIZES = np.array([0.75, 0.55, 0.2])[:, None, None]  # of the action's sway
LEAST = 16  # frames, in the smallest smoke run


def load(
    location: str = "", *, rig: Rig, seed: int = 0, small: float = 1.0
) -> list[Clip]:
    """All takes seen by each camera of the rig.

    `small` shortens each take to that fraction, at least 16 frames. Raises BadInput for a location:
    this source has none.
    """
    if location:
        raise BadInput(
            f"synthetic:{location}: this source takes nothing after its name; say synthetic"
        )
    frames = min(FRAMES, max(LEAST, round(FRAMES * small)))
    clips: list[Clip] = []
    for subject in SUBJECTS:
        for action in ACTIONS:
            take = make(subject, action, frames=frames, seed=seed)
            clips += film(take, rig.around(take.world[:, 0]))
    return clips


def make(subject: str, action: str, *, frames: int = FRAMES, seed: int = 0) -> Take:
    """One take, drawn from a generator seeded by its name."""
    name = f"{subject} {action}"
    draw = generator(name, seed=seed)
    time = np.arange(frames) / FPS
    plan = ACTIONS[action]
    angles = _angles(plan, time, draw)
    heading, ground = _path(plan, time, draw)
    angles[:, 0, 2] += np.degrees(heading)  # the root's turn about the vertical
    world = _kinematics(angles, build(subject)) + ground[:, None]
    return Take(name, subject, action, "", FPS, H36M17, _on_floor(world))


def generator(name: str, *, seed: int) -> np.random.Generator:
    """A generator that depends on a name and the seed only, not on what was drawn before."""
    # Python's own hash of a text differs from one process to the next.
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def build(subject: str) -> Array:
    """Bone vectors (17, 3) of a subject, millimetres.

    Stature times proportions that are the subject's own, the same left and right.
    """
    # Seed 0 whatever the data's: a subject keeps the body, only the motion is drawn anew.
    draw = generator(f"build of {subject}", seed=0)
    sizes: dict[str, float] = {}
    for joint in H36M17.joints:
        # The draw is made for either side, and dropped for the second: the stream stays as it is.
        sizes.setdefault(
            joint.lstrip("RL"), SUBJECTS[subject] * draw.uniform(0.94, 1.06)
        )
    return np.array(
        [np.array(REST[joint]) * sizes[joint.lstrip("RL")] for joint in H36M17.joints]
    )


def _table(parts: Iterable[tuple[str, Triple]]) -> Array:
    """Angle triples by body part, the later and more special winning, to (17, 3) by bone."""
    table = np.zeros((17, 3))
    # "hip" before "r_hip", which says more
    for part, triple in sorted(parts, key=lambda item: "_" in item[0]):
        for side in (part,) if part in BONES else (f"r_{part}", f"l_{part}"):
            rows = list(H36M17.indices(BONES[side]))
            table[rows] = np.array(triple) / len(rows)
    return table


def _angles(plan: Action, time: Array, draw: np.random.Generator) -> Array:
    """Joint angles (frames, 17, 3) in degrees, as the tables count them."""
    sway = np.maximum(_table(SWAY.items()), _table(plan.sway.items()))
    # The order of the draws is the data: another order would give other takes for the same seed.
    base = _table(plan.base.items()) + draw.normal(0, 0.35, (17, 3)) * sway
    rates = plan.tempo * RATES * draw.uniform(0.7, 1.3, (3, 17, 3))
    phases = draw.uniform(0, 2 * np.pi, (3, 17, 3))
    sizes = SIZES * draw.uniform(0.7, 1.3, (3, 17, 3))
    # (frames, 3, 17, 3)
    waves = np.sin(2 * np.pi * rates * time[:, None, None, None] + phases)
    angles = base + sway * (sizes * waves).sum(axis=1)
    if plan.stride:
        angles += _gait(plan.stride * draw.uniform(0.9, 1.1), time, draw)
    for bone, limit in HINGES.items():
        joint = H36M17.index(bone)
        angles[:, joint, 0] = np.clip(angles[:, joint, 0], 0, limit)
        angles[:, joint, 1:] = 0  # a knee neither leans nor twists
    return angles


def _gait(stride: float, time: Array, draw: np.random.Generator) -> Array:
    """The walking cycle, degrees (frames, 17, 3), which comes on top.

    Thighs in antiphase, a knee folds while its thigh swings forward, arms against legs.
    """
    extra = np.zeros((len(time), 17, 3))
    # A bone is named after the joint at its end: the thigh's angle is the knee's, and so on.
    reach, fold, arm = draw.uniform((24, 20, 14), (32, 29, 30))
    for side, shift in (("R", 0.0), ("L", np.pi)):
        phase = 2 * np.pi * stride * time + shift
        extra[:, H36M17.index(f"{side}Knee"), 0] = reach * np.sin(phase)
        extra[:, H36M17.index(f"{side}Foot"), 0] = fold * (1 + np.cos(phase))
        extra[:, H36M17.index(f"{side}Elbow"), 0] = -arm * np.sin(phase)
        extra[:, H36M17.index(f"{side}Wrist"), 0] = arm / 2 * (1 - np.sin(phase))
    return extra


def _path(plan: Action, time: Array, draw: np.random.Generator) -> tuple[Array, Array]:
    """Heading (frames,) in radians and ground position (frames, 3) in mm.

    Walkers round an uneven ring, others shift about a spot.
    """
    start = draw.uniform(0, 2 * np.pi)
    way = draw.choice([-1.0, 1.0])
    spot = draw.uniform(-250, 250, 2)
    level = np.zeros(len(time))  # `_on_floor` sets the height
    if not plan.speed:
        rate, phase = draw.uniform(0.1, 0.3, 2), draw.uniform(0, 6, 2)
        drift = 60 * np.sin(2 * np.pi * rate * time[:, None] + phase)
        place = spot + draw.uniform(-500, 500, 2) + drift
        return np.full(len(time), start), np.c_[place, level]
    # The ring fits the view of the four cameras around it.
    radius = draw.uniform(650, 1100)
    angle = start + way * plan.speed * draw.uniform(0.85, 1.15) * time / radius
    sides = radius * np.array([1.0, draw.uniform(0.75, 1.0)])
    ground = spot + sides * np.c_[np.cos(angle), np.sin(angle)]
    forward = way * sides * np.c_[-np.sin(angle), np.cos(angle)]
    # at heading 0 a body faces +y
    heading = np.arctan2(forward[:, 1], forward[:, 0]) - np.pi / 2
    return heading, np.c_[ground, level]


def _signs() -> Array:
    """(17, 3): turns the tables' senses into right-handed turns about x, y, z."""
    signs = np.ones((17, 3))
    trunk = ("Hip", "Spine", "Thorax", "Neck/Nose", "Head")
    signs[list(H36M17.indices(trunk)), 0] = -1  # bending forward
    signs[list(H36M17.indices(("RFoot", "LFoot"))), 0] = -1  # knees fold backward
    signs[list(H36M17.right), 1] = -1  # outward is +x on the right
    # inward is counter-clockwise from above on the right
    signs[list(H36M17.left), 2] = -1
    return signs


def _kinematics(angles: Array, bones: Array) -> Array:
    """Joint positions (frames, 17, 3) around the root.

    R(bone) = R(parent) Rx Ry Rz, position = parent + R(bone) vector. The root turns in the order
    Rz Rx Ry, so that its heading is about the vertical.
    """
    turns = np.radians(angles * _signs())
    cosine, sine = np.cos(turns), np.sin(turns)
    local = _turn(cosine, sine, 0) @ _turn(cosine, sine, 1) @ _turn(cosine, sine, 2)
    root = (cosine[:, :1], sine[:, :1])
    local[:, :1] = _turn(*root, 2) @ _turn(*root, 0) @ _turn(*root, 1)
    pose = np.zeros(angles.shape)
    frame = local.copy()  # the root's stays; the others' are turned on, parents first
    for parent, child in H36M17.bones:
        frame[:, child] = frame[:, parent] @ local[:, child]
        pose[:, child] = pose[:, parent] + frame[:, child] @ bones[child]
    return pose


def _turn(cosine: Array, sine: Array, axis: int) -> Array:
    """Rotation matrices (frames, joints, 3, 3) about one axis.

    From cosines and sines (frames, joints, 3) of the angles about all three.
    """
    second, third = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.zeros((*cosine.shape[:2], 3, 3))
    matrix[..., axis, axis] = 1.0
    matrix[..., second, second] = matrix[..., third, third] = cosine[..., axis]
    matrix[..., third, second] = sine[..., axis]
    matrix[..., second, third] = -sine[..., axis]
    return matrix


def _on_floor(world: Array) -> Array:
    """Shift each frame so that its lowest foot is at z = 0.

    Higher where another joint would sink, as the hip of somebody who sits on the floor.
    """
    feet = world[:, H36M17.indices(("RFoot", "LFoot")), 2].min(axis=1)
    lift = -np.minimum(feet, world[..., 2].min(axis=1))
    world[..., 2] += lift[:, None]
    return world
