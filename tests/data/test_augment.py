"""Augmentation and detector noise: laws, sizes, and the same stream for the same seed."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from bench.data.augment import STEPS, apply, parse
from bench.data.augmentation import rotate
from bench.data.augmentation._bodies import NEAREST, TooNear
from bench.data.clip import Clip, Take, film
from bench.data.detector.noise import detect, miss
from bench.data.geometry.cameras import (
    Rig,
    camera_to_world,
    look_at,
    project,
    world_to_camera,
)
from bench.data.geometry.skeletons import H36M17
from bench.data.readers.synthetic import make
from models.errors import BadInput

RIG = Rig(
    (40.0, 130.0),
    (4600.0, 5200.0),
    (1500.0, 1600.0),
    900.0,
    "clip",
    1145.0,
    1000,
    800,
)
# Human3.6M's, rounded: with a pinhole a mirrored lens could not be seen
LENS = {
    "radial": np.array([-0.2, 0.25, -0.003]),
    "tangential": np.array([-0.001, -0.0014]),
}
ARRAYS = ("keypoints", "confidence", "camera_pose", "world_pose")


def clips(frames: int = 60, *, lens: bool = True, seed: int = 0) -> list[Clip]:
    """One synthetic take seen by two cameras."""
    take = make("S5", "Walking", frames=frames, seed=seed)
    cameras = RIG.around(take.world[:, 0])
    return film(
        take,
        {
            name: dataclasses.replace(each, **LENS) if lens else each
            for name, each in cameras.items()
        },
    )


def one(step: str, clip: Clip, *, seed: int = 0, **options: object) -> Clip:
    """The clip after a step that always happens."""
    return apply([clip], parse([{step: options}]), seed=seed)[0]


def is_consistent(clip: Clip, atol: float = 0.01) -> None:
    """The camera shows the world where poses and keypoints say."""
    assert clip.world_pose is not None
    assert clip.camera_pose is not None
    assert_allclose(
        world_to_camera(clip.camera, clip.world_pose),
        clip.camera_pose,
        atol=atol,
    )
    assert_allclose(project(clip.camera, clip.camera_pose), clip.keypoints, atol=atol)


def bones(world: np.ndarray) -> np.ndarray:
    parents, children = np.array(H36M17.bones).T
    return np.linalg.norm(world[:, children] - world[:, parents], axis=-1)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_flip_twice_is_the_identity(seed: int, lens: bool) -> None:
    draw = np.random.default_rng(seed)
    take = Take(
        "t",
        "S1",
        "A",
        "",
        50.0,
        H36M17,
        draw.normal(0, 400, (5, 17, 3)) + [0, 0, 900],
    )
    camera = look_at(
        (*draw.normal(0, 1, 2) * 900 + 4500, 1500),
        (0, 0, 900),
        focal=draw.uniform(700, 1500),
        size=(1000, 800),
    )
    camera = dataclasses.replace(
        camera,
        centre=camera.centre + draw.normal(0, 9, 2),
        **LENS if lens else {},
    )
    clip = film(take, {"cam": camera})[0]
    clip = dataclasses.replace(clip, confidence=draw.random((5, 17)).astype(np.float32))
    flipped = one("flip", clip)
    # the mirrored camera must show the mirrored world, lens and all
    is_consistent(flipped)
    again = one("flip", flipped)
    for name in ARRAYS:
        assert_allclose(getattr(again, name), getattr(clip, name), atol=1e-4)
    # the camera too: a picture can be right by two errors that cancel
    for name in ("rotation", "translation", "centre", "tangential"):
        assert_allclose(getattr(again.camera, name), getattr(camera, name), atol=1e-9)
    # a step that does nothing would pass all of the above
    assert not np.allclose(flipped.keypoints, clip.keypoints)


def test_flip_swaps_hands_and_mirrors_the_picture() -> None:
    clip = clips()[0]
    flipped = one("flip", clip)
    left = H36M17.index("LWrist")
    right = H36M17.index("RWrist")
    assert_allclose(
        flipped.keypoints[:, left, 0],
        1000 - clip.keypoints[:, right, 0],
        atol=1e-4,
    )
    assert_array_equal(flipped.keypoints[:, left, 1], clip.keypoints[:, right, 1])
    assert_array_equal(
        flipped.world_pose[:, left],
        clip.world_pose[:, right] * (-1, 1, 1),
    )


@pytest.mark.parametrize("step", ["rotate", "scale", "flip"])
def test_body_steps_keep_the_views_of_a_take_together(step: str) -> None:
    before = clips()
    after = apply(before, parse([step]), seed=3)
    for clip in after:
        is_consistent(clip)
    # the second view drew nothing of its own
    assert_array_equal(after[0].world_pose, after[1].world_pose)
    assert not np.allclose(after[0].world_pose, before[0].world_pose)


def test_rotation_is_about_the_vertical_through_the_root() -> None:
    clip = clips()[0]
    turned = one("rotate", clip)
    assert clip.world_pose is not None
    assert turned.world_pose is not None
    assert_allclose(turned.world_pose[..., 2], clip.world_pose[..., 2], atol=1e-3)
    assert_allclose(
        turned.world_pose[:, 0].mean(axis=0),
        clip.world_pose[:, 0].mean(axis=0),
        atol=0.05,
    )
    assert_allclose(bones(turned.world_pose), bones(clip.world_pose), atol=0.01)
    assert_allclose(one("rotate", clip, degrees=0).keypoints, clip.keypoints, atol=1e-3)


def test_scale_keeps_feet_on_the_floor() -> None:
    clip = clips()[0]
    larger = one("scale", clip, low=1.2, high=1.2)
    assert clip.world_pose is not None
    assert larger.world_pose is not None
    assert_allclose(bones(larger.world_pose), 1.2 * bones(clip.world_pose), rtol=1e-4)
    assert_allclose(
        larger.world_pose[..., 2],
        1.2 * clip.world_pose[..., 2],
        rtol=1e-4,
        atol=1e-3,
    )


def test_jitter_moves_the_camera_and_not_the_world() -> None:
    before = clips()
    after = apply(
        before,
        parse(
            [
                {
                    "jitter": {
                        "degrees": 0.5,
                        "millimetres": 20,
                        "focal": 0.01,
                    }
                }
            ]
        ),
        seed=1,
    )
    turns = []
    # each view is another camera, and shakes by itself
    for old, new in zip(before, after, strict=True):
        is_consistent(new)
        assert_array_equal(new.world_pose, old.world_pose)
        assert 0 < np.linalg.norm(new.camera.position - old.camera.position) < 100
        turns.append(
            np.degrees(
                np.arccos(
                    (np.trace(new.camera.rotation @ old.camera.rotation.T) - 1) / 2
                )
            )
        )
    # degrees: half a one was asked for, in each of three axes
    assert min(turns) > 0.05
    assert max(turns) < 3
    assert turns[0] != turns[1]


def test_jitter_does_with_camera_poses() -> None:
    clip = dataclasses.replace(clips()[0], world_pose=None)
    moved = one("jitter", clip)
    assert moved.world_pose is None
    assert moved.camera_pose is not None
    assert_allclose(
        camera_to_world(moved.camera, moved.camera_pose),
        camera_to_world(clip.camera, clip.camera_pose),
        atol=0.01,
    )


def test_a_detectors_errors_stay_where_body_or_camera_moves() -> None:
    clean = clips()[0]
    noisy = detect(clean)
    for step in ("rotate", "scale", "jitter"):
        exact = one(step, clean)
        moved = one(step, noisy)
        assert_allclose(
            moved.keypoints - exact.keypoints,
            noisy.keypoints - clean.keypoints,
            atol=0.01,
        )


@pytest.mark.parametrize(
    ("fps", "frames"),
    [
        (25.0, 30),
        (50.0, 60),
        (100.0, 119),
        (60.0, 71),
        (1.0, 2),
    ],
)
def test_resampling(fps: float, frames: int) -> None:
    clip = clips()[0]
    found = one("resample", clip, fps=fps)
    assert (found.fps, found.frames) == (fps, frames)
    # in frames of the clip, which has 50 a second
    times = np.arange(frames) * 50 / fps
    for name in ("keypoints", "camera_pose", "world_pose"):
        series = getattr(clip, name)[:, 13, 0]
        assert_allclose(
            getattr(found, name)[:, 13, 0],
            np.interp(times, np.arange(60), series),
            atol=2e-3,
        )


def test_speed_keeps_the_frame_rate() -> None:
    found = one("speed", clips()[0], low=2, high=2)
    assert (found.fps, found.frames) == (50.0, 30)
    assert_array_equal(found.world_pose, clips()[0].world_pose[::2])
    # a single frame has no speed, and is kept
    assert one("speed", clips(1)[0]).frames == 1


def test_between_a_seen_and_a_missed_frame_a_joint_is_missed() -> None:
    clip = clips(5)[0]
    missed = np.zeros((5, 17), dtype=bool)
    # one joint in one frame, and both frames between it and its neighbours
    missed[2, 3] = True
    found = one("resample", miss(clip, missed), fps=100)
    assert np.flatnonzero(found.confidence[:, 3] == 0).tolist() == [3, 4, 5]


def test_masks_hide_their_share() -> None:
    clip = clips(400)[0]
    joints = one("mask_joints", clip, share=0.2).confidence == 0
    assert 0.17 < joints.mean() < 0.23
    assert joints.any(axis=1).mean() > 0
    assert not joints.all(axis=1).any()
    frames = one("mask_frames", clip, share=0.2).confidence == 0
    # 400 frames are few draws: four standard deviations
    assert 0.12 < frames.mean() < 0.28
    assert (frames.all(axis=1) == frames.any(axis=1)).all()


def test_occlusions_are_bursts_of_limbs() -> None:
    missed = one("occlude", clips(2000)[0], rate=0.5, seconds=0.4).confidence == 0
    assert 0.02 < missed.mean() < 0.2 and not missed[:, 0].any(), "the root stays"
    knee = missed[:, H36M17.index("LKnee")]
    foot = missed[:, H36M17.index("LFoot")]
    assert (foot | ~knee).all() and knee.any(), (
        "where the knee is hidden, so is the foot"
    )
    changes = np.flatnonzero(np.diff(foot.astype(int)))
    assert 5 < np.diff(changes)[:: 2 if foot[changes[0] + 1] else 1].mean() < 200


def test_a_missed_joint_is_held() -> None:
    clip = clips(6)[0]
    missed = np.zeros((6, 17), dtype=bool)
    # at the beginning, in the middle, and all the way
    missed[[0, 3, 4], 5] = missed[:, 7] = True
    found = miss(clip, missed)
    assert_array_equal(found.keypoints[:, 5], clip.keypoints[[1, 1, 2, 2, 2, 5], 5])
    assert_array_equal(found.keypoints[:, 7], np.broadcast_to([500, 400], (6, 2)))
    assert (found.confidence == 0).tolist() == missed.tolist()


ALL = [
    "flip",
    {"rotate": {"degrees": 90}, "probability": 0.5},
    {"scale": None},
    "speed",
    {"resample": {"fps": 40}},
    "jitter",
    {"detector": {"errors": {"near": 2}}},
    {"mask_joints": {}},
    "mask_frames",
    "occlude",
]


def test_the_stream_depends_on_seed_epoch_and_clip_alone() -> None:
    steps = parse(ALL)
    both = clips()
    first = apply(both, steps, seed=5)
    again = apply(both[::-1], steps, seed=5)[::-1]
    # not only in another order: without the other as well
    alone = apply(both[1:], steps, seed=5)
    for name in ARRAYS:
        assert_array_equal(getattr(first[1], name), getattr(again[1], name))
        assert_array_equal(getattr(first[1], name), getattr(alone[0], name))
    for other in (apply(both, steps, seed=6), apply(both, steps, seed=5, epoch=1)):
        # `speed` may leave another number of frames
        assert first[1].keypoints.shape != other[1].keypoints.shape or not np.allclose(
            first[1].keypoints,
            other[1].keypoints,
        )
    # whoever adds a step puts it into `ALL`, so that its stream is tested too
    assert {step.name for step in steps} | {"fitted"} == set(STEPS)


def test_a_probability_is_kept() -> None:
    clip = clips(1)[0]
    steps = parse([{"flip": {}, "probability": 0.25}])
    # the draws are by name, so that the same clip under other names is drawn anew
    many = [dataclasses.replace(clip, name=f"take {number}") for number in range(200)]
    flipped = [
        after is not before
        for before, after in zip(many, apply(many, steps, seed=0), strict=True)
    ]
    # 200 draws of a quarter: nearly three standard deviations
    assert 0.17 < np.mean(flipped) < 0.33


def test_clips_without_3d() -> None:
    flat = dataclasses.replace(clips()[0], camera_pose=None, world_pose=None)
    for step in ("flip", "speed", "detector", "mask_joints", "mask_frames", "occlude"):
        assert one(step, flat).camera_pose is None
    for step in ("rotate", "scale", "jitter"):
        with pytest.raises(
            BadInput, match=f"clip S5 Walking: {step} needs 3D world poses"
        ):
            one(step, flat)


def test_a_draw_that_puts_the_body_behind_the_camera_is_drawn_again() -> None:
    take = make("S5", "Walking", frames=60, seed=0)
    across = np.radians(130)
    # twelve metres across the picture of a camera at five: some turns lead through it
    path = np.linspace(-6000, 6000, 60)[:, None, None]
    far = take.world + path * (np.cos(across), np.sin(across), 0)
    camera = RIG.around(take.world[:, 0])["cam0"]
    (clip,) = film(dataclasses.replace(take, world=far), {"cam0": camera})
    turns = parse([{"rotate": {"degrees": 180}}])
    nearest = []
    for seed in range(40):
        (turned,) = apply([clip], turns, seed=seed)
        is_consistent(turned, atol=0.05)
        nearest.append(turned.camera_pose[..., 2].min())
    assert min(nearest) >= NEAREST
    with pytest.raises(TooNear, match="cam0: "):
        for seed in range(40):
            rotate.change(clip, np.random.default_rng(seed))


def test_a_step_that_puts_the_body_behind_the_camera_is_named() -> None:
    with pytest.raises(
        BadInput, match="clip S5 Walking, cam0: project: a point lies .* behind"
    ):
        # nine times as large, about the floor: the body reaches past cameras at 5 m
        one("scale", clips()[0], low=9, high=9)
