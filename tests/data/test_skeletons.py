"""Skeletons and the rules between them: against the published index lists."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from bench.data.geometry import skeletons
from bench.data.geometry.conversions import (
    ASKED,
    RULES,
    Rule,
    convert,
    convert_clip,
    convert_confidence,
    rules,
)
from bench.data.geometry.skeletons import H36M16, H36M17, SKELETONS, Skeleton, subset
from bench.data.protocols import load
from bench.data.readers import synthetic
from models.errors import BadInput, UnknownName

NAMES = sorted(SKELETONS)
# left and right joints
PUBLISHED = {
    "h36m17": ("4 5 6 11 12 13", "1 2 3 14 15 16"),
    "h36m32": (
        "6 7 8 9 10 16 17 18 19 20 21 22 23",
        "1 2 3 4 5 24 25 26 27 28 29 30 31",
    ),
    "coco17": ("1 3 5 7 9 11 13 15", "2 4 6 8 10 12 14 16"),
    "mpii16": ("3 4 5 13 14 15", "0 1 2 10 11 12"),
    "dhp17": ("5 6 7 11 12 13", "2 3 4 8 9 10"),
}
# for each pair of skeletons, which joint of the first is each of the second's
PICKS = {
    # VideoPose3D
    "h36m32 h36m17": "0 1 2 3 6 7 8 12 13 14 15 17 18 19 25 26 27",
    # P-STMO
    "dhp28 dhp17": "7 5 14 15 16 9 10 11 23 24 25 18 19 20 4 3 6",
    # MotionAGFormer
    "dhp17 h36m17": "14 8 9 10 11 12 13 15 1 16 0 5 6 7 2 3 4",
    "h36m17 h36m16": "0 1 2 3 4 5 6 7 8 10 11 12 13 14 15 16",
    "smpl24 amass22": "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21",
    # two rules
    "dhp28 h36m17": "4 23 24 25 18 19 20 3 5 6 7 9 10 11 14 15 16",
    "h36m17 mpii16": "3 2 1 4 5 6 0 8 9 10 16 15 14 11 12 13",
}
# Martinez et al.
HOURGLASS = "6 2 1 0 3 4 5 7 8 9 13 14 15 12 11 10"
# where a mean is due, one of its joints
COCO_H36M = "11 12 14 16 11 13 15 5 5 0 1 5 7 9 6 8 10"
# they are in the names; here once more, so that a joint that goes missing is seen
COUNTS = {
    "h36m17": 17,
    "h36m16": 16,
    "h36m32": 32,
    "coco17": 17,
    "mpii16": 16,
    "dhp28": 28,
    "dhp17": 17,
    "smpl24": 24,
    "amass22": 22,
}


def places(text: str) -> list[int]:
    """Indices of joints, written in a row."""
    return [int(number) for number in text.split()]


def numbered(name: str) -> np.ndarray:
    """A pose (1, joints, 2) whose coordinates are the joint's index and its square."""
    index = np.arange(len(SKELETONS[name].joints), dtype=np.float64)
    # the square tells a mean of two joints from the joint between them
    return np.stack([index, index**2], axis=-1)[None]


def test_skeletons() -> None:
    assert len(H36M17.bones) == 16
    assert len(H36M16.bones) == 15
    assert H36M17.parents[H36M17.index("Head")] == H36M17.index("Neck/Nose")
    # the neck/nose, on which it hung, is left out
    assert H36M16.joints[H36M16.parents[H36M16.index("Head")]] == "Thorax"
    swapped = [H36M17.joints[place] for place in H36M17.mirror]
    for before, after in zip(H36M17.joints, swapped, strict=True):
        if before in ("Hip", "Spine", "Thorax", "Neck/Nose", "Head"):
            assert after == before
        else:
            assert after == {"L": "R", "R": "L"}[before[0]] + before[1:]
    # no knees: the feet hang on the hip, over two joints that are gone
    legs = subset(H36M17, "legs", ("LFoot", "RFoot", "Hip"))
    assert legs.parents == (2, 2, -1)
    assert (legs.left, legs.right) == ((0,), (1,))


@pytest.mark.parametrize("name", NAMES)
def test_every_skeleton_is_a_symmetric_tree(name: str) -> None:
    skeleton = SKELETONS[name]
    assert len(skeleton.joints) == COUNTS[name]
    assert skeleton.parents.count(-1) == 1
    # as many rounds as joints are enough for the longest chain
    reached = {skeleton.parents.index(-1)}
    for _ in skeleton.joints:
        reached |= {child for parent, child in skeleton.bones if parent in reached}
    assert len(reached) == len(skeleton.joints), "every joint hangs on the root"
    mirror = np.array(skeleton.mirror)
    assert (mirror[mirror] == np.arange(len(mirror))).all()
    # the mirror maps bones onto bones; one from left to right would break here
    bones = set(skeleton.bones)
    assert {(mirror[parent], mirror[child]) for parent, child in bones} == bones
    for left, right in skeleton.pairs:
        assert skeleton.joints[left][1:] == skeleton.joints[right][1:]
    # every joint with a side has a partner: a misspelt one would have none
    sided = [
        joint for joint in skeleton.joints if joint[0] in "LR" and joint[1].isupper()
    ]
    assert len(sided) == 2 * len(skeleton.pairs)


@pytest.mark.parametrize("name", PUBLISHED)
def test_sides_are_the_published_ones(name: str) -> None:
    left, right = map(places, PUBLISHED[name])
    # sorted, as pairs stand in the order of the array's left joints
    assert sorted(SKELETONS[name].left) == left
    assert sorted(SKELETONS[name].right) == right


def test_bad_skeletons_are_refused() -> None:
    with pytest.raises(UnknownName, match="RWrist"):
        H36M17.index("RWrst")
    with pytest.raises(UnknownName, match="h36m17"):
        skeletons.load("h36m71")
    with pytest.raises(BadInput, match="2 joints with 1 parents"):
        Skeleton("x", ("a", "b"), (-1,), (), ())
    with pytest.raises(BadInput, match="1 left against 0 right"):
        Skeleton("x", ("a",), (-1,), (0,), ())
    with pytest.raises(BadInput, match="index 7 is no joint"):
        Skeleton("x", ("a", "b"), (-1, 7), (), ())
    with pytest.raises(BadInput, match="index -1 is no joint"):
        Skeleton(
            "x",
            ("a", "b"),
            (-1, 0),
            (-1,),
            (0,),
        )


@pytest.mark.parametrize("pair", PICKS)
def test_picks_are_the_published_ones(pair: str) -> None:
    source, target = pair.split()
    pose = numbered(source).astype(np.float32)
    found = convert(pose, source, target)
    assert_array_equal(found, pose[:, places(PICKS[pair])])
    assert found.dtype == np.float32


def test_coco_goes_to_human36m_as_in_motionbert() -> None:
    pose = numbered("coco17")
    # places of COCO's joints; the four means are put in after
    due = pose[:, places(COCO_H36M)]
    due[:, 0] = (pose[:, 11] + pose[:, 12]) / 2
    due[:, 8] = (pose[:, 5] + pose[:, 6]) / 2
    due[:, 7] = (due[:, 0] + due[:, 8]) / 2
    due[:, 10] = (pose[:, 1] + pose[:, 2]) / 2
    assert_allclose(convert(pose, "coco17", "h36m17"), due)


def test_a_nan_reaches_no_other_joint() -> None:
    pose = numbered("coco17")
    # the head is the mean of the eyes, and nothing else is made of one
    pose[:, SKELETONS["coco17"].index("LEye")] = np.nan
    found = convert(pose, "coco17", "h36m17")
    assert [
        H36M17.joints[joint] for joint in np.flatnonzero(np.isnan(found[0, :, 0]))
    ] == ["Head"]


def test_hourglass_is_taken_where_it_is_named() -> None:
    pose = numbered("mpii16")
    named = convert(pose, "mpii16", "h36m16", rule="hourglass")
    assert_array_equal(named, pose[:, places(HOURGLASS)])
    # without the name the spine is half-way up, as anatomy has it
    plain = convert(pose, "mpii16", "h36m16")
    assert_allclose(plain[:, 7], (pose[:, 6] + pose[:, 7]) / 2)
    with pytest.raises(
        BadInput, match="hourglass goes from mpii16 to h36m16, not from coco17"
    ):
        convert(numbered("coco17"), "coco17", "h36m16", rule="hourglass")
    with pytest.raises(UnknownName, match="did you mean hourglass"):
        convert(pose, "mpii16", "h36m16", rule="hourglas")


def test_the_crown_is_extrapolated_for_smpl() -> None:
    pose = np.zeros((1, 22, 3))
    neck, head = SKELETONS["amass22"].indices(("Neck", "Head"))
    pose[0, [neck, head], 2] = 1500, 1600
    found = convert(pose, "amass22", "h36m17")
    # as far above the skull's base as that is above the neck
    assert found[0, H36M17.index("Head"), 2] == 1700


@pytest.mark.parametrize(
    "rule",
    [*RULES.values(), *ASKED.values()],
    ids=lambda rule: rule.name,
)
@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_rules_commute_with_moving_and_mirroring(rule: Rule, seed: int) -> None:
    draw = np.random.default_rng(seed)
    pose = draw.normal(
        0,
        500,
        (2, len(rule.source.joints), 3),
    )
    apply = {
        "from_name": rule.source.name,
        "to_name": rule.target.name,
        "rule": rule.name,
    }
    # a rotation, or one and a reflection: the rules are linear and must not care
    turn = np.linalg.qr(draw.normal(size=(3, 3)))[0]
    move = draw.normal(0, 1000, 3)
    plain = convert(pose, **apply)
    moved = convert(pose @ turn + move, **apply)
    assert_allclose(moved, plain @ turn + move, atol=1e-8)
    mirror = [-1, 1, 1]
    mirrored = convert(pose[:, list(rule.source.mirror)] * mirror, **apply)
    due = plain[:, list(rule.target.mirror)] * mirror
    assert_allclose(mirrored, due, atol=1e-8)


def test_renamings_go_back_and_forth() -> None:
    pose = numbered("dhp17")
    there = convert(pose, "dhp17", "h36m17")
    assert_array_equal(convert(there, "h36m17", "dhp17"), pose)
    assert rules("h36m17", "h36m17") == ()
    assert [rule.name for rule in rules("smpl24", "h36m17")] == [
        "smpl24-amass22",
        "amass22-h36m17",
    ]


def test_what_cannot_be_made_is_refused() -> None:
    with pytest.raises(
        BadInput,
        match="no rule makes coco17 of h36m17.*can become: h36m16, mpii16, dhp17",
    ):
        convert(numbered("h36m17"), "h36m17", "coco17")
    with pytest.raises(
        BadInput, match="16 joints came; 17 were due for skeleton coco17"
    ):
        convert(np.zeros((5, 16, 2)), "coco17", "h36m17")
    with pytest.raises(UnknownName, match="skeleton 'coco'"):
        convert(numbered("coco17"), "coco", "h36m17")
    with pytest.raises(BadInput, match="must name exactly the 16 joints"):
        Rule("x", H36M17, H36M16, {}, "")
    with pytest.raises(BadInput, match="must sum to one"):
        Rule(
            "x",
            H36M17,
            H36M17,
            {joint: {joint: 2.0} for joint in H36M17.joints},
            "",
        )


def test_a_joint_made_of_a_missed_one_is_missed() -> None:
    confidence = np.ones((2, 17), dtype=np.float32)
    # the spine is a mean over both hips, and so is the root
    confidence[0, SKELETONS["coco17"].index("LHip")] = 0
    confidence[1, SKELETONS["coco17"].index("REye")] = 0.25
    found = convert_confidence(confidence, "coco17", "h36m17")
    assert found.dtype == np.float32
    assert [H36M17.joints[joint] for joint in np.flatnonzero(found[0] == 0)] == [
        "Hip",
        "LHip",
        "Spine",
    ]
    assert found[1, H36M17.index("Head")] == 0.25
    assert (found[1] == 1).sum() == 16


def test_a_clip_is_converted_whole() -> None:
    clip = synthetic.load(rig=load("synthetic").rig, small=0.05)[0]
    found = convert_clip(clip, "dhp17")
    assert found.skeleton.name == "dhp17"
    # the picture stays the same
    assert found.camera is clip.camera
    hip = found.skeleton.index("RHip")
    for field in ("keypoints", "camera_pose", "world_pose"):
        assert_array_equal(
            getattr(found, field)[:, hip],
            getattr(clip, field)[:, H36M17.index("RHip")],
        )
    # nothing to convert is no copy
    assert convert_clip(clip, "h36m17") is clip
    flat = convert_clip(
        dataclasses.replace(clip, camera_pose=None, world_pose=None),
        "h36m16",
    )
    assert flat.camera_pose is None
    assert flat.keypoints.shape == (clip.frames, 16, 2)
