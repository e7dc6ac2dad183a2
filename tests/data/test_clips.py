"""Clips: filmed from takes, checked for shape, numbers and unit."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from bench.data.clip import Clip, Take, crop, distinct, film, leg_length
from bench.data.geometry.cameras import (
    Rig,
    camera_to_world,
    project,
)
from bench.data.geometry.skeletons import COCO17, H36M17, MPII16, SMPL24
from models.errors import BadInput

RIG = Rig(
    (40.0, 130.0),
    (4600.0, 5200.0),
    (1500.0, 1600.0),
    900.0,
    "clip",
    1145.0,
    1000,
    1000,
)


CAMERAS = RIG.around(np.zeros((1, 3)))


def take(frames: int = 20) -> Take:
    """Joints anywhere around a point at 900 mm: no person, so that no unit is told."""
    draw = np.random.default_rng(0)
    return Take(
        name="t",
        subject="S1",
        action="Walking",
        style="",
        fps=50.0,
        skeleton=H36M17,
        world=draw.normal(0, 300, (frames, 17, 3)) + [0, 0, 900],
    )


def filmed() -> Clip:
    """Twenty frames of it, seen by the first camera."""
    return film(take(), CAMERAS)[0]


def test_film_projects_what_it_stores() -> None:
    clips = film(take(), CAMERAS)
    assert [clip.camera_name for clip in clips] == ["cam0", "cam1"]
    # one array and not one for each camera: it is half of a clip's memory
    assert clips[0].world_pose is clips[1].world_pose
    clip = clips[1]
    assert_allclose(project(clip.camera, clip.camera_pose), clip.keypoints, atol=1e-2)
    assert_allclose(
        camera_to_world(clip.camera, clip.camera_pose),
        clip.world_pose,
        atol=1e-2,
    )


def test_film_names_clip_and_camera() -> None:
    # a camera 10 mm from the middle of a person stands inside
    near = Rig(
        (0.0,),
        (10.0,),
        (900.0,),
        900.0,
        "clip",
        1000.0,
        100,
        100,
    )
    with pytest.raises(BadInput, match="clip t, cam0: .* behind the camera"):
        film(take(), near.around(np.zeros((1, 3))))


@pytest.mark.parametrize(
    ("fraction", "frames", "due"),
    # a fraction of nothing keeps 16 frames, and a short clip all it has
    [
        (1.0, 100, 100),
        (0.5, 100, 50),
        (0.01, 100, 16),
        (0.1, 9, 9),
    ],
)
def test_crop_keeps_the_middle(fraction: float, frames: int, due: int) -> None:
    whole = take(frames)
    part = crop(whole, fraction)
    start = (frames - due) // 2
    assert_array_equal(part.world, whole.world[start : start + due])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"keypoints": np.zeros((0, 17, 2), np.float32)}, "zero frames"),
        (
            {"keypoints": np.zeros((20, 16, 2), np.float32)},
            r"keypoints is float32 \(20, 16, 2\)",
        ),
        ({"confidence": np.ones((20, 17))}, "confidence is float64"),
        ({"fps": 0.0}, "fps"),
    ],
)
def test_bad_clips_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        dataclasses.replace(filmed(), **change)


# someone who stands, upright, in mm
PERSON = np.zeros((1, 17, 3))
# hip, right hip, knee, foot
PERSON[0, :4] = [
    [0, 0, 900],
    [-130, 0, 900],
    [-130, 0, 460],
    [-130, 0, 20],
]


# millimetres in each
@pytest.mark.parametrize(
    ("unit", "size"),
    [
        ("m", 1000),
        ("cm", 10),
        ("inch", 25.4),
    ],
)
@pytest.mark.parametrize("field", ["camera_pose", "world_pose"])
def test_another_unit_is_named(unit: str, size: float, field: str) -> None:
    clip = film(
        Take("t", "S1", "Walking", "", 50.0, H36M17, PERSON),
        RIG.around(np.zeros((1, 3))),
    )[0]
    with pytest.raises(
        BadInput, match=f"clip t: {field} is in {unit}, .*: multiply by {size}$"
    ):
        dataclasses.replace(clip, **{field: (PERSON / size).astype(np.float32)})


def test_legs_are_found_in_every_skeleton() -> None:
    # 440 mm each of thigh and shank; 200 frames, of which 32 are looked at
    assert leg_length(np.repeat(PERSON, 200, axis=0), H36M17) == pytest.approx(880)
    for skeleton in (COCO17, MPII16, SMPL24):
        pose = np.zeros((1, len(skeleton.joints), 3))
        for joint, height in (
            ("RHip", 900),
            ("RKnee", 460),
            ("RAnkle", 20),
        ):
            pose[:, skeleton.index(joint), 2] = height
        assert leg_length(pose, skeleton) == pytest.approx(880)


def test_a_clip_may_have_no_3d() -> None:
    clip = dataclasses.replace(
        filmed(),
        camera_pose=None,
        world_pose=None,
        notes=("cut",),
    )
    assert clip.frames == 20
    assert clip.notes == ("cut",)
    with pytest.raises(BadInput, match=r"world_pose is float32 \(3, 17, 3\)"):
        dataclasses.replace(clip, world_pose=np.zeros((3, 17, 3), np.float32))


def test_what_is_not_finite_is_located() -> None:
    clip = filmed()
    pose = clip.camera_pose.copy()
    pose[7, 10, 2] = np.inf
    with pytest.raises(
        BadInput, match="camera_pose is not finite at frame 7, joint Head"
    ) as caught:
        dataclasses.replace(clip, camera_pose=pose)
    # a message is one line, whatever array is wrong
    assert "\n" not in str(caught.value)


def test_two_clips_of_one_name_are_refused() -> None:
    clips = film(take(), CAMERAS)
    distinct(clips, "bvh:x")
    with pytest.raises(BadInput, match="bvh:x: 2 clips of camera cam0 are called t;"):
        distinct([*clips, clips[0]], "bvh:x")
    with pytest.raises(BadInput, match="bvh:x: no clips in it"):
        distinct([], "bvh:x")
