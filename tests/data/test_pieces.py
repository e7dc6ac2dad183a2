"""Clips cut into pieces, and the scaling that is fitted on them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from bench.data.batches import standardizer
from bench.data.batches.windows import Windows
from bench.data.pieces import middle, pieces
from bench.evaluation.oracle import cutting
from models.errors import BadInput
from tests.data.small_clips import CLIPS

JOINTS = CLIPS[0].skeleton.joints


def test_pieces_split_and_leave_out() -> None:
    found = pieces(CLIPS, joints=JOINTS, longest=16, shortest=7)
    # clips of 30, 7, 1 and 64 frames
    assert [(each.name, each.frames) for each in found] == [
        ("a", 16),
        ("a", 14),
        ("b", 7),
        *[("d", 16)] * 4,
    ]
    joined = np.concatenate([each.keypoints for each in found if each.name == "d"])
    assert_array_equal(joined, CLIPS[3].keypoints)
    assert_array_equal(found[1].camera_pose, CLIPS[0].camera_pose[16:])
    # views: pieces of a mapped file load nothing
    assert found[0].camera is CLIPS[0].camera
    assert np.shares_memory(found[0].keypoints, CLIPS[0].keypoints)
    assert middle(CLIPS[3], 0.5).frames == 32
    assert middle(CLIPS[1], 0.5).frames == 7
    assert middle(CLIPS[0], 0.1).frames == 16
    with pytest.raises(
        BadInput, match="none of 4 clips has 65 frames with all joints .the longest has"
    ):
        pieces(CLIPS, joints=JOINTS, longest=100, shortest=65)
    with pytest.raises(BadInput, match="shortest 5, longest 4"):
        pieces(CLIPS, joints=JOINTS, longest=4, shortest=5)
    assert [each.name for each in pieces(CLIPS, joints=JOINTS, shortest=8)] == [
        "a",
        "d",
    ]


def test_standardizer() -> None:
    values = Windows(CLIPS, frames=1).truth()
    fitted = standardizer.fit(values)
    scaled = fitted.apply(values)
    assert_allclose(scaled.mean(axis=0), 0, atol=1e-5)
    assert_allclose(scaled[:, 1:].std(axis=0), 1, atol=1e-5)
    # the root never varies, and must not become NaN
    assert (scaled[:, 0] == 0).all()
    assert scaled.dtype == np.float32
    # through a checkpoint
    again = standardizer.from_arrays(fitted.arrays())
    assert_allclose(again.invert(scaled), values, atol=1e-5)
    with pytest.raises(BadInput, match="mean and std"):
        standardizer.from_arrays({"mean": fitted.mean})
    with pytest.raises(BadInput, match="no values"):
        standardizer.fit(values[:0])
    with pytest.raises(BadInput, match="not all finite"):
        standardizer.fit(values * np.nan)


def test_clips_are_cut_where_a_joint_is_missing() -> None:
    pose = CLIPS[0].camera_pose.copy()
    pose[[0, 10, 11, 20], 4, 1] = np.nan
    holed = dataclasses.replace(CLIPS[0], camera_pose=pose)
    found = pieces([holed], joints=JOINTS, longest=6, shortest=2)
    due = [(1, 7), (7, 10), (12, 18), (18, 20), (21, 27), (27, 30)]
    for each, (first, last) in zip(found, due, strict=True):
        assert_array_equal(each.keypoints, holed.keypoints[first:last])
    # a joint that nobody asks for is no hole
    others = [joint for joint in JOINTS if joint != JOINTS[4]]
    assert len(pieces([holed], joints=others)) == 1
    strips = cutting.strips([holed], whole=JOINTS, longest=6, shortest=2)
    assert [(one.begin, one.begin + one.length) for one in strips] == due
