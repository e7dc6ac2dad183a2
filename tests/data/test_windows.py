"""Windows: each frame once, and the right frames in the right place.

The order in which they come is in `test_epochs.py`.
"""

from __future__ import annotations

import dataclasses
import weakref
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from bench.data.batches import padded
from bench.data.batches.rows import Rows
from bench.data.batches.windows import Windows, mirror
from bench.data.clip import Clip
from bench.data.geometry.cameras import to_screen
from bench.data.geometry.skeletons import H36M16, H36M17
from models.errors import BadInput, UnknownName
from tests.data.small_clips import CLIPS, clip


def seen(each: Clip, frames: np.ndarray) -> np.ndarray:
    """What a window holds of a clip's keypoints."""
    return to_screen(each.keypoints[frames], width=1000, height=800)


def truth(each: Clip, frames: np.ndarray) -> np.ndarray:
    """What it is to predict: metres from the hip."""
    pose = each.camera_pose[frames]
    return (pose - pose[:, :1]) / 1000


def collect(windows: Windows, **options: object) -> np.ndarray:
    """Put the targets where `places` says, checking that nothing is written twice."""
    # NaN marks what is not written yet
    store = np.full((windows.scored, len(windows.skeleton.joints), 3), np.nan)
    for batch in windows.epoch(5, shuffle=True, seed=1, **options):
        places = windows.places(batch.indices)
        keep = places >= 0
        assert np.isnan(store[places[keep]]).all()
        store[places[keep]] = batch.target[keep]
    return store


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 50), min_size=1, max_size=5),
    st.integers(1, 40),
    st.data(),
)
def test_every_frame_comes_exactly_once(
    lengths: list[int],
    frames: int,
    more: st.DataObject,
) -> None:
    outputs = more.draw(st.integers(1, frames))
    stride = more.draw(st.integers(1, outputs))
    windows = Windows(
        [clip(length) for length in lengths],
        frames=frames,
        outputs=outputs,
        stride=stride,
    )
    assert windows.scored == sum(lengths)
    assert_array_equal(collect(windows), windows.truth())


@pytest.mark.parametrize(
    ("frames", "outputs"),
    [
        (1, "centre"),
        (9, "centre"),
        (9, "all"),
        (8, "all"),
        (27, 9),
        (10, 3),
    ],
)
def test_windows_hold_what_a_plain_loop_says(frames: int, outputs: int | str) -> None:
    windows = Windows(CLIPS, frames=frames, outputs=outputs, channels=3)
    keypoints, target = windows.batch(range(len(windows)))
    # what frameworks take without a copy
    assert keypoints.dtype == target.dtype == np.float32
    assert keypoints.flags.c_contiguous
    assert target.flags.c_contiguous
    assert keypoints.shape == (len(windows), frames, 17, 3)
    count = windows.outputs
    assert target.shape == (len(windows), count, 17, 3)
    row = 0
    for each in CLIPS:
        last = max(each.frames - count, 0)
        starts = [*range(0, last + 1, count)]
        # the last window is shifted back to the end
        starts += [last] if starts[-1] < last else []
        for start in starts:
            first = start - (frames - count) // 2
            end = each.frames - 1
            into = np.clip(np.arange(first, first + frames), 0, end)
            out = np.clip(np.arange(start, start + count), 0, end)
            assert_allclose(keypoints[row, ..., :2], seen(each, into), atol=1e-6)
            assert_array_equal(keypoints[row, ..., 2], each.confidence[into])
            assert_allclose(target[row], truth(each, out), atol=1e-6)
            row += 1
    assert row == len(windows)


@pytest.mark.parametrize(
    ("frames", "outputs"),
    [
        (9, "centre"),
        (243, "centre"),
        (27, "all"),
        (10, 3),
    ],
)
def test_reflected_padding_is_numpys(frames: int, outputs: int | str) -> None:
    windows = Windows(CLIPS, frames=frames, outputs=outputs, pad="reflect", stride=1)
    keypoints, target = windows.batch(range(len(windows)))
    row = 0
    for each in CLIPS:
        count = windows.outputs
        before = (frames - windows.outputs) // 2
        # a clip shorter than the output is padded at its end
        short = max(0, count - each.frames)
        width = (before, frames - count - before + short)
        # NumPy has nothing to reflect in a single frame
        mode = "reflect" if each.frames > 1 else "edge"
        numbers = np.pad(np.arange(each.frames), width, mode=mode)
        for start in range(max(each.frames - count, 0) + 1):
            into = numbers[start : start + frames]
            out = into[before : before + count]
            assert_allclose(keypoints[row], seen(each, into), atol=1e-6)
            assert_allclose(target[row], truth(each, out), atol=1e-6)
            row += 1
    assert row == len(windows)


def test_long_clips_are_filled_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    options = {
        "frames": 9,
        "channels": 3,
        "stride": 1,
    }
    whole = Windows(CLIPS, **options).batch([0, 5, 50])
    # fewer frames than a window has, so that blocks end within windows
    monkeypatch.setattr(padded, "BLOCK", 4)
    again = Windows(CLIPS, **options).batch([0, 5, 50])
    assert_array_equal(again[0], whole[0])
    assert_array_equal(again[1], whole[1])


def test_clips_may_come_one_by_one() -> None:
    """None is kept: each is gone when the next is asked for."""
    born: list[weakref.ref[Clip]] = []

    def stream() -> Iterator[Clip]:
        for each in CLIPS:
            made = dataclasses.replace(each)
            born.append(weakref.ref(made))
            yield made
            # the loop's own name would keep it alive
            del made
            assert sum(ref() is not None for ref in born) <= 2, (
                "the first, whose skeleton is compared, and the present one"
            )

    windows = Windows(stream(), frames=9, stride=1)
    for a, b in zip(
        windows.batch([0, 50]),
        Windows(CLIPS, frames=9, stride=1).batch([0, 50]),
        strict=True,
    ):
        assert_array_equal(a, b)
    # not even the windows hold one
    assert [ref() for ref in born] == [None] * 4
    assert (
        windows.labels("name").tolist() == ["a"] * 30 + ["b"] * 7 + ["c"] + ["d"] * 64
    )


@given(st.lists(st.integers(0, 40), max_size=30), st.integers(0, 3))
def test_rows_are_those_added(counts: list[int], width: int) -> None:
    rows = Rows(width)
    # growing moves the memory, and must keep what is there
    for number, count in enumerate(counts):
        rows.add(count)[:] = number
    assert len(rows) == sum(counts)
    found = rows.finish()
    assert found.shape == (sum(counts), width)
    assert found.flags.c_contiguous
    assert_array_equal(
        found,
        np.repeat(np.arange(len(counts)), counts)[:, None] * np.ones(width),
    )


def test_frames_that_do_not_count_are_context_alone() -> None:
    draw = np.random.default_rng(0)
    partly = [
        dataclasses.replace(
            each,
            counted=(draw.random(each.frames) < 0.5).astype(np.float32),
        )
        for each in CLIPS
    ]
    # half of the frames, scattered, so that windows hold both kinds
    kept = np.concatenate([each.counted > 0 for each in partly])
    windows = Windows(partly, frames=9, outputs="all")
    whole = Windows(CLIPS, frames=9, outputs="all")
    assert len(windows) == len(whole)
    assert windows.scored == kept.sum()
    assert_array_equal(windows.truth(), whole.truth()[kept])
    assert_array_equal(collect(windows), windows.truth())


def test_clips_without_poses_are_for_inference() -> None:
    flat = [
        dataclasses.replace(each, camera_pose=None, world_pose=None) for each in CLIPS
    ]
    windows = Windows(flat, frames=9, outputs=3)
    posed = Windows(CLIPS, frames=9, outputs=3)
    for batch, due in zip(
        windows.epoch(8, shuffle=True, flip=True),
        posed.epoch(8, shuffle=True, flip=True),
        strict=True,
    ):
        assert_array_equal(batch.keypoints, due.keypoints)
        # no joints: a network's loss cannot be taken, and its prediction can
        assert batch.target.shape == (len(due.target), 3, 0, 3)
        assert_array_equal(windows.places(batch.indices), posed.places(due.indices))
    assert windows.truth().shape == (102, 0, 3)
    assert windows.scored == 102
    with pytest.raises(BadInput, match="clip b has no poses and others have"):
        Windows([CLIPS[0], flat[1]], frames=1)


def test_skeleton_subset_and_root() -> None:
    windows = Windows(CLIPS, frames=3, skeleton="h36m16", root="Thorax")
    # 8 is the thorax
    kept = H36M17.indices(H36M16.joints)
    pose = np.concatenate([each.camera_pose for each in CLIPS])
    assert_allclose(
        windows.truth(),
        (pose[:, kept] - pose[:, [8]]) / 1000,
        atol=1e-6,
    )
    assert windows.truth()[:, windows.root].max() == 0


def test_single_frames_match_windows_of_one() -> None:
    one = Windows(CLIPS, frames=1)
    many = Windows(CLIPS, frames=27, outputs=9)
    assert_array_equal(one.single(), many.single())
    assert_array_equal(one.batch(range(len(one)))[0][:, 0], one.single())
    assert_array_equal(one.truth(), many.truth())


def test_a_window_of_the_past_ends_in_the_frame_that_it_predicts() -> None:
    windows = Windows(CLIPS[:1], frames=5, outputs="last")
    keypoints, target = windows.batch(range(len(windows)))
    for frame in range(CLIPS[0].frames):
        # before the first frame lies the first again
        past = np.maximum(np.arange(frame - 4, frame + 1), 0)
        assert_allclose(keypoints[frame], seen(CLIPS[0], past), atol=1e-6)
        assert_allclose(target[frame], truth(CLIPS[0], past[-1:]), atol=1e-6)
    assert_array_equal(windows.single(), keypoints[:, -1])


@pytest.mark.parametrize("outputs", ["centre", "all"])
def test_scoring_every_nth_frame(outputs: str) -> None:
    windows = Windows(CLIPS, frames=9, outputs=outputs, every=10)
    # frames 0, 10, 20 of 30, the first of 7 and of 1, and 0 to 60 of 64
    assert windows.scored == 3 + 1 + 1 + 7
    assert_array_equal(collect(windows), windows.truth())
    whole = Windows(CLIPS, frames=1).truth()
    assert_array_equal(windows.truth()[:3], whole[[0, 10, 20]])


def test_wide_stride_predicts_only_its_frames() -> None:
    windows = Windows(CLIPS, frames=9, stride=10)
    # no window at the end of a clip where gaps are meant
    assert len(windows) == windows.scored == 3 + 1 + 1 + 7
    assert_array_equal(collect(windows), windows.truth())


def test_labels_follow_the_frames() -> None:
    windows = Windows(CLIPS, frames=9, outputs="all")
    assert (
        windows.labels("action").tolist()
        == ["Walking"] * 30 + ["Sitting"] * 7 + ["Walking"] + ["Eating"] * 64
    )
    assert windows.clip_numbers().tolist() == [0] * 30 + [1] * 7 + [2] + [3] * 64


def test_mirror() -> None:
    values = np.random.default_rng(0).normal(size=(4, 17, 3)).astype(np.float32)
    once = mirror(values, H36M17)
    # twice is the identity, bit by bit
    assert_array_equal(mirror(once, H36M17), values)
    left = H36M17.index("LWrist")
    right = H36M17.index("RWrist")
    assert_array_equal(once[:, left], values[:, right] * [-1, 1, 1])


def test_memory_is_the_arrays() -> None:
    windows = Windows([clip(1000)], frames=243)
    # frames and context, joints, coordinates, bytes of a float32
    assert windows.nbytes == (1000 + 242) * 17 * 2 * 4 + 1000 * 17 * 3 * 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"frames": 0}, "0 frames"),
        ({"frames": 3, "outputs": 4}, "outputs 4 with 3 frames"),
        ({"frames": 3, "outputs": "middle"}, "'centre', 'last', 'all' or a number"),
        ({"frames": 3, "stride": 0}, "stride 0"),
        ({"frames": 3, "channels": 4}, "channels 4"),
        ({"frames": 3, "pad": "wrap"}, "pad 'wrap'; 'edge' or 'reflect'"),
    ],
)
def test_bad_options_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        Windows(CLIPS, **options)


def test_bad_clips_and_indices_are_refused() -> None:
    with pytest.raises(BadInput, match="no clips"):
        Windows([], frames=1)
    with pytest.raises(UnknownName, match="Hips"):
        Windows(CLIPS, frames=1, root="Hips")
    with pytest.raises(BadInput, match="there are 102"):
        # one past the last, where a strided view would read on
        Windows(CLIPS, frames=1).batch([0, 102])
