"""The oracle's own parts by hand: it judges all else, and nothing judges it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bench.data import protocols
from bench.data.geometry.skeletons import H36M17
from bench.evaluation.oracle import choice, cutting, measures, scaling, scoring
from bench.evaluation.oracle.checks import apart, check, first_failure
from bench.evaluation.oracle.cutting import Cut
from bench.evaluation.oracle.sight import Sight
from bench.evaluation.oracle.tally import Tally
from bench.records import Metric
from tests.data.small_clips import CAMERA, CLIPS, clip

SIGHT = Sight(
    joints=H36M17.joints,
    pairs=H36M17.pairs,
    root="Hip",
    frames=5,
    outputs=1,
    channels=3,
    pad="edge",
    pixels=False,
)
PROTOCOL = protocols.load("synthetic")


def cut(frames: int = 5, outputs: int = 1, stride: int = 1) -> Cut:
    sight = replace(SIGHT, frames=frames, outputs=outputs)
    return Cut(cutting.strips(CLIPS), sight, stride)


@pytest.mark.parametrize(
    ("pad", "due"),
    [("edge", [0, 0, 0, 1, 2, 2, 2]), ("reflect", [2, 1, 0, 1, 2, 1, 0])],
)
def test_beyond_the_ends_of_a_clip(pad: str, due: list[int]) -> None:
    assert [cutting.inside(frame, 3, pad) for frame in range(-2, 5)] == due
    assert cutting.inside(-7, 1, pad) == 0, "one frame has no other"


@pytest.mark.parametrize(
    ("length", "outputs", "stride", "due"),
    [
        (7, 1, 1, [0, 1, 2, 3, 4, 5, 6]),
        (7, 3, 3, [0, 3, 4]),  # the last is moved back
        (6, 3, 3, [0, 3]),
        (7, 3, 2, [0, 2, 4]),
        (7, 1, 3, [0, 3, 6]),
        (7, 1, 4, [0, 4]),  # gaps are meant, at the end too
        (2, 3, 3, [0]),
    ],
)
def test_where_windows_begin(
    length: int, outputs: int, stride: int, due: list[int]
) -> None:
    sight = replace(SIGHT, outputs=outputs, frames=5)
    one = Cut(cutting.strips([clip(length)]), sight, stride)
    assert list(one.starts(one.strips[0])) == due
    assert len(one) == len(due)


def test_numbers_run_through_all_clips() -> None:
    windows = cut(outputs=3, stride=3)
    places = [windows.place(number) for number in range(len(windows))]
    due = []
    for strip, one in enumerate(windows.strips):
        due += [(strip, start) for start in windows.starts(one)]
    assert places == due
    # of 7 frames: 0 to 2, 3 to 5, and 4 to 6 moved back
    first = windows.numbers(1)[0]
    assert windows.covering(1, 4) == [(first + 1, 1), (first + 2, 0)]


def test_frames_that_are_scored() -> None:
    assert cut().scored(1, every=3) == [0, 3, 6]
    assert cut(stride=4).scored(1) == [0, 4], "no window predicts those between"
    marks = np.array([1, 0, 1, 1, 0, 1, 1], np.float32)
    thinned = replace(clip(7, "b"), counted=marks)
    one = Cut(cutting.strips([thinned]), SIGHT, 1)
    assert one.scored(0, every=2) == [0, 2, 6]


def test_pieces_of_a_clip() -> None:
    found = cutting.strips([clip(7)], longest=3, shortest=1)
    assert [(one.begin, one.length) for one in found] == [(0, 3), (3, 3), (6, 1)]
    found = cutting.strips([clip(7)], longest=3, shortest=2)
    assert [(one.begin, one.length) for one in found] == [(0, 3), (3, 3)]


def test_a_window_by_hand() -> None:
    one = CLIPS[1]
    (strip,) = cutting.strips([one])
    window = cutting.keypoints(strip, 0, SIGHT)
    assert window.shape == (5, 17, 3)
    # two frames before the first are the first
    assert (window[0] == window[2]).all() and (window[1] == window[2]).all()
    x, y = one.keypoints[1, 4].astype(float)
    assert window[3, 4, 0] == pytest.approx(x / 500 - 1)
    assert window[3, 4, 1] == pytest.approx((y - 400) / 500)
    assert window[3, 4, 2] == one.confidence[1, 4]


def test_poses_and_their_unit_by_hand() -> None:
    one = CLIPS[1]
    assert one.camera_pose is not None
    deep = replace(one, camera_pose=one.camera_pose + np.float32(5000))
    (strip,) = cutting.strips([deep])
    found = cutting.truth(strip, [3, 9], SIGHT)
    assert deep.camera_pose is not None
    due = deep.camera_pose[3] - deep.camera_pose[3, 0]
    np.testing.assert_allclose(found[0], due, atol=1e-3)
    np.testing.assert_array_equal(found[1], cutting.truth(strip, [6], SIGHT)[0])
    assert (cutting.millimetres(strip, [3], SIGHT) == 1).all()
    pixels = replace(SIGHT, pixels=True)
    depth = float(deep.camera_pose[3, 0, 2])
    factor = 1 / (CAMERA.focal[0] / depth + 1 / 2000)
    assert cutting.millimetres(strip, [3], pixels)[0, 0, 0] == pytest.approx(factor)


def test_a_mirror() -> None:
    pose = np.arange(51.0).reshape(1, 17, 3)
    turned = cutting.mirrored(pose, SIGHT)
    left, right = H36M17.indices(("LWrist", "RWrist"))
    assert turned[0, left].tolist() == [-pose[0, right, 0], *pose[0, right, 1:]]
    assert turned[0, 0].tolist() == [0.0, 1.0, 2.0]
    np.testing.assert_array_equal(cutting.mirrored(turned, SIGHT), pose)


def test_scaling_counts_each_frame_once() -> None:
    fitted = scaling.fit(cut(outputs=3, stride=3))
    values = np.concatenate([one.keypoints[:, 2, 0] for one in CLIPS]) / 500.0 - 1
    assert fitted.mean[2, 0] == pytest.approx(values.mean(), abs=1e-6)
    assert fitted.deviation[2, 0] == pytest.approx(values.std(), abs=1e-6)
    still = [replace(one, keypoints=np.ones_like(one.keypoints)) for one in CLIPS]
    fitted = scaling.fit(Cut(cutting.strips(still), SIGHT, 1))
    assert (fitted.deviation[:, :2] == 1).all(), "what never varies is left as it is"


@pytest.mark.parametrize(
    ("outputs", "averaged", "stride"), [(1, False, 1), (3, False, 3), (3, True, 1)]
)
def test_frames_are_chosen_from_all_clips_and_their_ends(
    outputs: int, averaged: bool, stride: int
) -> None:
    windows = cut(outputs=outputs, stride=stride)
    rows = choice.rows(windows, 1)
    chosen = choice.frames(windows, rows, averaged=averaged, most=100)
    assert {frame.strip for frame in chosen} == {0, 1, 2, 3}
    places = {(frame.strip, frame.frame) for frame in chosen}
    assert {(0, 0), (0, 29), (3, 0), (3, 63)} <= places
    for frame in chosen:
        assert rows.at(frame.row) == (frame.strip, frame.frame)
        covering = windows.covering(frame.strip, frame.frame)
        assert list(frame.windows) == (covering if averaged else covering[:1])


def aligned(how: str, pred: np.ndarray, true: np.ndarray) -> float:
    if how == "root":
        return float(measures.apart(pred[None], true[None]).mean())
    scaled = how == "similarity"
    return float(measures.laid(pred[None], true[None], scaled=scaled).mean())


def test_alignments() -> None:
    draw = np.random.default_rng(0)
    true = draw.normal(0, 300, (17, 3))
    turn, _ = np.linalg.qr(draw.normal(size=(3, 3)))
    turn *= np.sign(np.linalg.det(turn))
    moved = 1.5 * true @ turn + 40
    assert aligned("similarity", moved, true) == pytest.approx(0, abs=1e-9)
    assert aligned("rigid", moved / 1.5, true) == pytest.approx(0, abs=1e-9)
    assert aligned("rigid", moved, true) > 10, "the size counts"
    image = true * np.array([-1.0, 1.0, 1.0])
    assert aligned("similarity", image, true) > 10, "a mirror is no turn"
    assert aligned("root", true + [3.0, 0.0, 4.0], true) == pytest.approx(5)
    point = np.zeros((17, 3))
    spread = np.linalg.norm(true - true.mean(axis=0), axis=-1).mean()
    assert aligned("similarity", point, true) == pytest.approx(spread)


def test_means_by_hand() -> None:
    score = scoring.Score(measures.apart, 0, ("Hip", "Head"), [0, 10])
    true = np.zeros((2, 17, 3))
    pred = true.copy()
    pred[0, 10] = [0, 0, 4]
    pred[1, 0] = [6, 0, 0]
    score.add(pred, true, action="a", subject="s")
    score.add(pred[:1], true[:1], action="b", subject="s")
    found = score.numbers()
    assert found["frame_wise"] == pytest.approx((2 + 3 + 2) / 3)
    assert found["action_wise"] == pytest.approx((2.5 + 2) / 2)
    assert found["per_joint Head"] == pytest.approx(8 / 3)


def metric(**numbers: Any) -> Metric:
    return Metric(name="MPJPE", unit="mm", better="lower", **numbers)


def test_a_record_that_differs_anywhere_is_named() -> None:
    due = {"frame_wise": 40.0, "action_wise": 50.0, "subject_wise": 45.0}
    due |= {"per_action Walking": 50.0}
    good = metric(
        frame_wise=40.0,
        action_wise=50.0,
        subject_wise=45.0,
        per_action={"Walking": 50.0},
    )
    assert scoring.held(good, due).ok
    off = good.model_copy(update={"action_wise": 50.01})
    assert "action_wise: 50.0100" in scoring.held(off, due).note
    assert not scoring.held(off, due).ok
    unmeasured = good.model_copy(update={"subject_wise": None})
    assert not scoring.held(unmeasured, due).ok
    more = good.model_copy(update={"per_action": {"Walking": 50.0, "Eating": 1.0}})
    assert not scoring.held(more, due).ok


def test_what_is_no_number_has_failed() -> None:
    assert not check("poses", "x", float("nan"), 1.0).ok
    assert apart(np.zeros(3), np.zeros((3, 1))) == float("inf")
    assert apart([np.nan], [0.0]) == float("inf")
    tally = Tally()
    tally.add(np.array([np.nan]), np.array([1.0]), "here")
    found = tally.check("poses", "x", budgeted="forward")
    assert not found.ok and found.error is None
    assert first_failure([found]) == (
        "poses: x: off by no number, 5e-06 was allowed (the largest at here)"
    )
    assert first_failure([check("poses", "x", 0.0, 0.0)]) == ""
