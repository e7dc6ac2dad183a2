"""Windows: each frame once, the right frames in the right place, the same stream after a resume."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.data import standardizer
from bench.data.cameras import look_at, to_screen
from bench.data.clip import Clip
from bench.data.skeletons import H36M16, H36M17
from bench.data.windows import Windows, mirror
from models.errors import BadInput, UnknownName

CAMERA = look_at((0, -5000, 1500), (0, 0, 900), focal=1145, size=(1000, 800))


def clip(frames: int, name: str = "a", action: str = "Walking") -> Clip:
    draw = np.random.default_rng(frames)
    keypoints, pose = draw.uniform(0, 1000, (frames, 17, 2)), draw.normal(0, 500, (frames, 17, 3))
    confidence = draw.random((frames, 17))
    arrays = (part.astype(np.float32) for part in (keypoints, confidence, pose, pose))
    return Clip(name, "S1", action, "", "cam0", 50.0, H36M17, *arrays, CAMERA)


CLIPS = [clip(30, "a"), clip(7, "b", "Sitting"), clip(1, "c"), clip(64, "d", "Eating")]


def collect(windows: Windows, **options: object) -> np.ndarray:
    """Put the targets where `places` says, checking that nothing is written twice."""
    store = np.full((windows.scored, len(windows.skeleton.joints), 3), np.nan)
    for batch in windows.epoch(5, shuffle=True, seed=1, **options):  # type: ignore[arg-type]
        places = windows.places(batch.indices)
        keep = places >= 0
        assert np.isnan(store[places[keep]]).all()
        store[places[keep]] = batch.target[keep]
    return store


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 50), min_size=1, max_size=5), st.integers(1, 40), st.data())
def test_every_frame_comes_exactly_once(lengths: list[int], frames: int, more: st.DataObject) -> None:
    outputs = more.draw(st.integers(1, frames))
    stride = more.draw(st.integers(1, outputs))
    windows = Windows([clip(length) for length in lengths], frames=frames, outputs=outputs, stride=stride)
    assert windows.scored == sum(lengths)
    np.testing.assert_array_equal(collect(windows), windows.truth())


@pytest.mark.parametrize(("frames", "outputs"), [(1, "centre"), (9, "centre"), (9, "all"), (8, "all"), (27, 9), (10, 3)])
def test_windows_hold_what_a_plain_loop_says(frames: int, outputs: int | str) -> None:
    windows = Windows(CLIPS, frames=frames, outputs=outputs, channels=3)  # type: ignore[arg-type]
    keypoints, target = windows.batch(range(len(windows)))
    assert keypoints.dtype == target.dtype == np.float32 and keypoints.flags.c_contiguous and target.flags.c_contiguous
    assert keypoints.shape == (len(windows), frames, 17, 3) and target.shape == (len(windows), windows.outputs, 17, 3)
    row = 0
    for each in CLIPS:
        count, before = windows.outputs, (frames - windows.outputs) // 2
        last = max(each.frames - count, 0)
        starts = [*range(0, last + 1, count)]
        starts += [last] if starts[-1] < last else []
        for start in starts:
            into = np.clip(np.arange(start - before, start - before + frames), 0, each.frames - 1)
            out = np.clip(np.arange(start, start + count), 0, each.frames - 1)
            screen = to_screen(each.keypoints[into], width=1000, height=800)
            np.testing.assert_allclose(keypoints[row, ..., :2], screen, atol=1e-6)
            np.testing.assert_array_equal(keypoints[row, ..., 2], each.confidence[into])
            np.testing.assert_allclose(target[row], (each.camera_pose[out] - each.camera_pose[out][:, :1]) / 1000, atol=1e-6)
            row += 1
    assert row == len(windows)


def test_skeleton_subset_and_root() -> None:
    windows = Windows(CLIPS, frames=3, skeleton="h36m16", root="Thorax")
    kept = H36M17.indices(H36M16.joints)
    pose = np.concatenate([each.camera_pose for each in CLIPS])
    np.testing.assert_allclose(windows.truth(), (pose[:, kept] - pose[:, [8]]) / 1000, atol=1e-6)
    assert windows.truth()[:, windows.root].max() == 0


def test_single_frames_match_windows_of_one() -> None:
    one, many = Windows(CLIPS, frames=1), Windows(CLIPS, frames=27, outputs=9)
    np.testing.assert_array_equal(one.single(), many.single())
    np.testing.assert_array_equal(one.batch(range(len(one)))[0][:, 0], one.single())
    np.testing.assert_array_equal(one.truth(), many.truth())


@pytest.mark.parametrize("outputs", ["centre", "all"])
def test_scoring_every_nth_frame(outputs: str) -> None:
    windows = Windows(CLIPS, frames=9, outputs=outputs, every=10)  # type: ignore[arg-type]
    assert windows.scored == 3 + 1 + 1 + 7
    np.testing.assert_array_equal(collect(windows), windows.truth())
    whole = Windows(CLIPS, frames=1).truth()
    np.testing.assert_array_equal(windows.truth()[:3], whole[[0, 10, 20]])


def test_wide_stride_predicts_only_its_frames() -> None:
    windows = Windows(CLIPS, frames=9, stride=10)
    assert len(windows) == windows.scored == 3 + 1 + 1 + 7
    np.testing.assert_array_equal(collect(windows), windows.truth())


def test_labels_follow_the_frames() -> None:
    windows = Windows(CLIPS, frames=9, outputs="all")
    assert windows.labels("action").tolist() == ["Walking"] * 30 + ["Sitting"] * 7 + ["Walking"] + ["Eating"] * 64
    assert windows.clip_numbers().tolist() == [0] * 30 + [1] * 7 + [2] + [3] * 64


def test_epochs_are_seeded_and_complete() -> None:
    windows = Windows(CLIPS, frames=9)
    orders = {
        key: np.concatenate([b.indices for b in windows.epoch(16, shuffle=True, seed=key[0], epoch=key[1])])
        for key in ((0, 0), (0, 1), (1, 0))
    }
    for order in orders.values():
        assert sorted(order) == list(range(len(windows)))
    assert len({tuple(order) for order in orders.values()}) == 3
    plain = np.concatenate([b.indices for b in windows.epoch(16, shuffle=False)])
    np.testing.assert_array_equal(plain, np.arange(len(windows)))


def test_resume_sees_the_same_batches() -> None:
    windows = Windows(CLIPS, frames=9, outputs=3, stride=1)
    whole = list(windows.epoch(8, shuffle=True, seed=5, epoch=2, flip=True))
    rest = list(windows.epoch(8, shuffle=True, seed=5, epoch=2, flip=True, start=4))
    assert len(rest) == len(whole) - 4 > 0
    for before, after in zip(whole[4:], rest, strict=True):
        for a, b in zip(before, after, strict=True):
            np.testing.assert_array_equal(a, b)


def test_drop_last_leaves_out_the_short_batch() -> None:
    windows = Windows(CLIPS, frames=9)
    assert {len(b.indices) for b in windows.epoch(16, shuffle=True, drop_last=True)} == {16}
    assert sum(len(b.indices) for b in windows.epoch(16, shuffle=True, drop_last=True)) == len(windows) // 16 * 16


def test_flip_mirrors_half_and_batches_are_fresh() -> None:
    windows = Windows([clip(400)], frames=5, channels=3)
    flipped = 0
    for batch in windows.epoch(50, shuffle=True, flip=True):
        keypoints, target = windows.batch(batch.indices)
        for row in range(len(batch.indices)):
            if np.array_equal(batch.target[row], target[row]):
                np.testing.assert_array_equal(batch.keypoints[row], keypoints[row])
                continue
            flipped += 1
            np.testing.assert_array_equal(batch.keypoints[row], mirror(keypoints[row], H36M17))
            np.testing.assert_array_equal(batch.target[row], mirror(target[row], H36M17))
    assert 150 < flipped < 250
    first = windows.batch([3])[0]
    first[:] = 99
    assert windows.batch([3])[0].max() < 99


def test_mirror() -> None:
    values = np.random.default_rng(0).normal(size=(4, 17, 3)).astype(np.float32)
    once = mirror(values, H36M17)
    np.testing.assert_array_equal(mirror(once, H36M17), values)
    left, right = H36M17.index("LWrist"), H36M17.index("RWrist")
    np.testing.assert_array_equal(once[:, left], values[:, right] * [-1, 1, 1])


def test_memory_is_the_arrays() -> None:
    windows = Windows([clip(1000)], frames=243)
    assert windows.nbytes == (1000 + 242) * 17 * 2 * 4 + 1000 * 17 * 3 * 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"frames": 0}, "0 frames"),
        ({"frames": 3, "outputs": 4}, "outputs 4 with 3 frames"),
        ({"frames": 3, "outputs": "middle"}, "'centre', 'all' or a number"),
        ({"frames": 3, "stride": 0}, "stride 0"),
        ({"frames": 3, "channels": 4}, "channels 4"),
    ],
)
def test_bad_options_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        Windows(CLIPS, **options)  # type: ignore[arg-type]


def test_bad_clips_and_indices_are_refused() -> None:
    with pytest.raises(BadInput, match="no clips"):
        Windows([], frames=1)
    with pytest.raises(UnknownName, match="Hips"):
        Windows(CLIPS, frames=1, root="Hips")
    with pytest.raises(BadInput, match="there are 102"):
        Windows(CLIPS, frames=1).batch([0, 102])


def test_standardizer() -> None:
    values = Windows(CLIPS, frames=1).truth()
    fitted = standardizer.fit(values)
    scaled = fitted.apply(values)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(scaled[:, 1:].std(axis=0), 1, atol=1e-5)
    assert (scaled[:, 0] == 0).all() and scaled.dtype == np.float32  # the root never varies
    np.testing.assert_allclose(standardizer.from_arrays(fitted.arrays()).invert(scaled), values, atol=1e-5)
    with pytest.raises(BadInput, match="mean and std"):
        standardizer.from_arrays({"mean": fitted.mean})
    with pytest.raises(BadInput, match="no values"):
        standardizer.fit(values[:0])
    with pytest.raises(BadInput, match="not all finite"):
        standardizer.fit(values * np.nan)
