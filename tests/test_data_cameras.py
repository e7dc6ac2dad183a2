"""Cameras, skeletons and clips: the geometry everything else stands on."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.data import skeletons
from bench.data.cameras import Camera, Rig, back_project, camera_to_world, look_at, project, rig_around, to_screen, world_to_camera
from bench.data.clip import Clip, Take, crop, film
from bench.data.skeletons import H36M16, H36M17, Skeleton, subset
from models.errors import BadInput, UnknownName

RIG = Rig((40.0, 130.0), (4600.0, 5200.0), (1500.0, 1600.0), 900.0, "clip", 1145.0, 1000, 1000)
number = st.floats(-3000, 3000)


def take(frames: int = 20) -> Take:
    draw = np.random.default_rng(0)
    return Take("t", "S1", "Walking", "", 50.0, H36M17, draw.normal(0, 300, (frames, 17, 3)) + [0, 0, 900])


def test_looking_along_y_gives_known_pixels() -> None:
    camera = look_at((0, -1000, 0), (0, 0, 0), focal=500, size=(400, 200))
    seen = world_to_camera(camera, np.array([[100.0, 0, 0], [0, 0, 100.0]]))
    np.testing.assert_allclose(seen, [[100, 0, 1000], [0, -100, 1000]], atol=1e-9)  # x right, y down, z forward
    np.testing.assert_allclose(project(camera, seen), [[250, 100], [200, 50]], atol=1e-9)
    np.testing.assert_allclose(camera.position, [0, -1000, 0], atol=1e-9)


@settings(max_examples=50, deadline=None)
@given(st.tuples(number, number, number), st.floats(0, 360), st.floats(500, 9000))
def test_world_camera_pixels_and_back(point: tuple[float, float, float], azimuth: float, depth: float) -> None:
    camera = rig_around((0, 0, 900), azimuths=(azimuth,), radius=(9000,), height=(1500,), focal=1145, size=(1000, 1000))[0]
    seen = world_to_camera(camera, np.array(point))
    np.testing.assert_allclose(camera_to_world(camera, seen), point, atol=1e-6)
    ray = np.array([0.1 * depth, -0.05 * depth, depth])
    np.testing.assert_allclose(back_project(camera, project(camera, ray), ray[2]), ray, rtol=1e-9)


def test_rig_stands_and_looks_where_it_says() -> None:
    cameras = Rig((0.0, 90.0), (4000.0, 5000.0), (1500.0, 1200.0), 900.0, "clip", 1000.0, 800, 600).around(np.array([[100.0, 200, 950]]))
    np.testing.assert_allclose(cameras["cam0"].position, [4100, 200, 1500], atol=1e-9)
    np.testing.assert_allclose(cameras["cam1"].position, [100, 5200, 1200], atol=1e-9)
    for camera in cameras.values():
        np.testing.assert_allclose(project(camera, world_to_camera(camera, np.array([100.0, 200, 900]))), [400, 300], atol=1e-9)


def test_rig_centres_differ() -> None:
    roots = np.array([[100.0, 200, 950]])
    heights = {}
    for centre in ("clip", "root", "world"):
        camera = dataclasses.replace(RIG, centre=centre).around(roots)["cam0"]
        heights[centre] = camera.rotation[2]
    assert not np.allclose(heights["clip"], heights["root"])
    np.testing.assert_allclose(heights["clip"], heights["world"])  # same direction, other place


def test_screen_keeps_the_aspect() -> None:
    corners = to_screen(np.array([[0.0, 0], [1000, 800], [500, 400]]), width=1000, height=800)
    np.testing.assert_allclose(corners, [[-1, -0.8], [1, 0.8], [0, 0]], atol=1e-12)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Camera(np.ones((3, 3)), np.zeros(3), np.ones(2), np.ones(2), 10, 10), "proper rotation"),
        (lambda: Camera(np.diag([1.0, 1, -1]), np.zeros(3), np.ones(2), np.ones(2), 10, 10), "proper rotation"),
        (lambda: Camera(np.eye(3), np.full(3, np.nan), np.ones(2), np.ones(2), 10, 10), "translation"),
        (lambda: Camera(np.eye(3), np.zeros(3), np.zeros(2), np.ones(2), 10, 10), "positive"),
        (lambda: look_at((0, 0, 0), (0, 0, 5), focal=1, size=(2, 2)), "parallel to up"),
        (lambda: Rig((0.0,), (), (1.0,), 1, "clip", 1, 1, 1), "one number per camera"),
        (lambda: Rig((0.0,), (1.0,), (1.0,), 1, "moon", 1, 1, 1), "moon"),
    ],
)
def test_bad_cameras_are_refused(make: object, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        make()  # type: ignore[operator]


def test_point_behind_the_camera_is_named() -> None:
    camera = look_at((0, -1000, 0), (0, 0, 0), focal=500, size=(400, 200))
    with pytest.raises(BadInput, match="250 mm behind"):
        project(camera, np.array([0.0, 0, -250]))


def test_skeletons() -> None:
    assert len(H36M17.bones) == 16 and len(H36M16.bones) == 15
    assert H36M17.parents[H36M17.index("Head")] == H36M17.index("Neck/Nose")
    assert H36M16.joints[H36M16.parents[H36M16.index("Head")]] == "Thorax"
    swapped = [H36M17.joints[place] for place in H36M17.mirror]
    for before, after in zip(H36M17.joints, swapped, strict=True):
        middle = before in ("Hip", "Spine", "Thorax", "Neck/Nose", "Head")
        assert after == (before if middle else {"L": "R", "R": "L"}[before[0]] + before[1:])
    legs = subset(H36M17, "legs", ("LFoot", "RFoot", "Hip"))
    assert legs.parents == (2, 2, -1) and (legs.left, legs.right) == ((0,), (1,))


def test_bad_skeletons_are_refused() -> None:
    with pytest.raises(UnknownName, match="RWrist"):
        H36M17.index("RWrst")
    with pytest.raises(UnknownName, match="h36m17"):
        skeletons.load("h36m71")
    with pytest.raises(BadInput, match="2 joints with 1 parents"):
        Skeleton("x", ("a", "b"), (-1,), (), ())
    with pytest.raises(BadInput, match="1 left against 0 right"):
        Skeleton("x", ("a",), (-1,), (0,), ())


def test_film_projects_what_it_stores() -> None:
    clips = film(take(), RIG.around(np.zeros((1, 3))))
    assert [clip.camera_name for clip in clips] == ["cam0", "cam1"] and clips[0].world_pose is clips[1].world_pose
    clip = clips[1]
    np.testing.assert_allclose(project(clip.camera, clip.camera_pose), clip.keypoints, atol=1e-2)
    np.testing.assert_allclose(camera_to_world(clip.camera, clip.camera_pose), clip.world_pose, atol=1e-2)


def test_film_names_clip_and_camera() -> None:
    near = Rig((0.0,), (10.0,), (900.0,), 900.0, "clip", 1000.0, 100, 100)
    with pytest.raises(BadInput, match="clip t, cam0: .* behind the camera"):
        film(take(), near.around(np.zeros((1, 3))))


@pytest.mark.parametrize(("fraction", "frames", "due"), [(1.0, 100, 100), (0.5, 100, 50), (0.01, 100, 16), (0.1, 9, 9)])
def test_crop_keeps_the_middle(fraction: float, frames: int, due: int) -> None:
    whole = take(frames)
    part = crop(whole, fraction)
    start = (frames - due) // 2
    np.testing.assert_array_equal(part.world, whole.world[start : start + due])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"keypoints": np.zeros((0, 17, 2), np.float32)}, "zero frames"),
        ({"keypoints": np.zeros((20, 16, 2), np.float32)}, r"keypoints is float32 \(20, 16, 2\)"),
        ({"confidence": np.ones((20, 17))}, "confidence is float64"),
        ({"fps": 0.0}, "fps"),
    ],
)
def test_bad_clips_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        dataclasses.replace(film(take(), RIG.around(np.zeros((1, 3))))[0], **change)  # type: ignore[arg-type]


def test_nan_is_located() -> None:
    clip = film(take(), RIG.around(np.zeros((1, 3))))[0]
    pose = clip.camera_pose.copy()
    pose[7, 10, 2] = np.nan
    with pytest.raises(BadInput, match="camera_pose is not finite at frame 7, joint Head") as caught:
        Clip(**{**{f.name: getattr(clip, f.name) for f in dataclasses.fields(clip)}, "camera_pose": pose})
    assert "\n" not in str(caught.value)
