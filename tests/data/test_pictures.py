"""Drawn pictures and their crops: who is seen where, what hides what, the way back to metres."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.data import protocols
from bench.data.batches.windows import Windows
from bench.data.clip import Clip, film
from bench.data.geometry.cameras import Camera, look_at, project, world_to_camera
from bench.data.geometry.skeletons import COCO17, H36M17
from bench.data.pictures import capsules, drawing, frame
from bench.data.pictures.box import MARGIN, boxes
from bench.data.pictures.capsules import BONES
from bench.data.pictures.crops import DEVIATION, MEAN, Crops, check, scaled
from bench.data.pieces import part
from bench.data.readers import synthetic
from models.errors import BadInput
from tests.data.small_clips import clip as random_clip

SIZE = (96, 64)  # higher than wide
RIG = protocols.load("synthetic").rig


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    assert RIG is not None
    found = []
    for action in ("Walking", "Sitting"):
        take = synthetic.make("S1", action, frames=20)
        found += film(take, RIG.around(take.world[:, 0]))
    return found


def crops(clips: list[Clip], seed: int = 0) -> Crops:
    return Crops(
        clips, size=SIZE, joints=H36M17.joints, root="Hip", drawn=True, seed=seed
    )


def picture(clip: Clip, number: int, seed: int = 0) -> np.ndarray:
    box = boxes(clip, H36M17.joints, SIZE)[number]
    return frame.picture(clip, number, box, SIZE, seed=seed)


def test_a_picture_depends_on_its_own_frame_alone(clips: list[Clip]) -> None:
    one = picture(clips[0], 5)
    assert (one.shape, one.dtype) == ((3, *SIZE), np.uint8)
    assert (picture(clips[0], 5) == one).all()
    # as part of its clip, and among others in another order
    assert (picture(part(clips[0], 3, 9), 2) == one).all()
    again = crops(clips[::-1]).pictures(np.array([7 * 20 + 5, 0, 7 * 20 + 5]))
    first = crops(clips).pictures(np.array([5]))
    assert (again[0] == first[0]).all()
    assert (again[2] == first[0]).all()
    others = [
        picture(clips[0], 6),
        picture(clips[1], 5),
        picture(clips[0], 5, seed=1),
        picture(replace(clips[0], name="another"), 5),
    ]
    for other in others:
        assert (other != one).mean() > 0.5, "the background is another, too"


def test_people_are_where_their_joints_are(clips: list[Clip]) -> None:
    """Of nearly all joints the pixel shows a bone; of what lies far beside, none does."""
    on = []
    for one in clips:
        assert one.camera_pose is not None
        for number in (0, 10, 19):
            box = boxes(one, H36M17.joints, SIZE)[number]
            place = (one.keypoints[number] - box[:2]) / box[2:] + 0.5
            shown = nearest(one.camera_pose[number], one.camera, box) >= 0
            columns, rows = (place * SIZE[::-1]).astype(int).T
            on += shown[rows, columns].tolist()
            corners = shown[[0, 0, -1, -1], [0, -1, 0, -1]]
            assert not corners.any()
            assert 0.05 < shown.mean() < 0.5
    assert np.mean(on) > 0.98


def test_the_lens_of_a_crop_is_its_box_to_the_pixel(clips: list[Clip]) -> None:
    for one in clips:
        assert one.camera_pose is not None
        box = boxes(one, H36M17.joints, SIZE)[10]
        lens = frame.lens(one.camera, box, SIZE)
        flat = one.camera_pose[10, :, :2] / one.camera_pose[10, :, 2:]
        came = flat * np.array(lens.focal) + lens.centre
        due = ((one.keypoints[10] - box[:2]) / box[2:] + 0.5) * SIZE[::-1]
        np.testing.assert_allclose(came, due, atol=1e-3)


def test_a_drawing_lies_where_its_lens_says(clips: list[Clip]) -> None:
    """The middle of who is seen is that of a drawing with eight times as many pixels."""
    one = clips[0]
    assert one.camera_pose is not None
    box = boxes(one, H36M17.joints, SIZE)[10]
    flat = drawing._flat(
        capsules.around(one.camera_pose[10]), frame.lens(one.camera, box, SIZE)
    )
    fine = (8 * SIZE[0], 8 * SIZE[1])
    large = drawing._flat(
        capsules.around(one.camera_pose[10]), frame.lens(one.camera, box, fine)
    )
    middles = []
    for bones, size in ((flat, SIZE), (large, fine)):
        rows, columns = np.nonzero(drawing._nearest(bones, size)[1] >= 0)
        # a pixel's middle is half a pixel from its corner
        middles.append(
            [(rows.mean() + 0.5) / size[0], (columns.mean() + 0.5) / size[1]]
        )
    apart = np.abs(np.subtract(*middles)) * SIZE
    assert (apart < 0.2).all(), "parts of a pixel of the small drawing"


def nearest(pose: np.ndarray, camera: Camera, box: np.ndarray) -> np.ndarray:
    """Which bone is seen at each pixel."""
    flat = drawing._flat(capsules.around(pose), frame.lens(camera, box, SIZE))
    return drawing._nearest(flat, SIZE)[1]


@pytest.mark.parametrize(
    ("ahead", "seen"), [(350, {"skin", "forearm"}), (-350, {"coat"})]
)
def test_what_is_in_front_hides_what_is_behind(ahead: float, seen: set[str]) -> None:
    """A hand before the chest of somebody who faces the camera, and one behind the back."""
    world = synthetic._kinematics(np.zeros((1, 17, 3)), synthetic.build("S1"))[0]
    camera = look_at((0, 4000, 300), (0, 0, 300), focal=1000, size=(1000, 1000))
    wrist, elbow = H36M17.indices(("RWrist", "RElbow"))
    world[wrist] = world[H36M17.index("Spine")] + [0, ahead, 60]
    world[elbow] = world[wrist] + [300, 0, -50]
    pose = world_to_camera(camera, world)
    box = np.array([500.0, 500.0, 500.0, 750.0])
    place = (project(camera, pose[wrist]) - box[:2]) / box[2:] + 0.5
    column, row = (place * SIZE[::-1]).astype(int)
    assert BONES[nearest(pose, camera, box)[row, column]].colour in seen


def test_missing_joints_take_their_bones_with_them(clips: list[Clip]) -> None:
    one = clips[0]
    assert one.camera_pose is not None
    box = boxes(one, H36M17.joints, SIZE)[0]
    lens = frame.lens(one.camera, box, SIZE)
    pose = one.camera_pose[0].copy()
    whole = set(np.unique(nearest(pose, one.camera, box)))
    pose[H36M17.index("RFoot")] = np.nan
    left = set(np.unique(nearest(pose, one.camera, box)))
    assert {BONES[number].colour for number in whole - left} <= {"shank", "shoes"}
    # whichever is missing, the rest is drawn without a word
    for joint in range(17):
        pose = one.camera_pose[0].copy()
        pose[joint] = np.nan
        drawing.draw(pose, lens, SIZE, np.random.default_rng(0))
    pose[:] = np.nan
    assert set(np.unique(nearest(pose, one.camera, box))) == {drawing.NOBODY}


def test_of_any_size(clips: list[Clip]) -> None:
    for size in ((8, 4), (16, 700)):
        box = boxes(clips[0], H36M17.joints, size)[0]
        assert frame.picture(clips[0], 0, box, size, seed=0).shape == (3, *size)


def test_a_box_by_hand() -> None:
    one = random_clip(2)
    seen = np.tile(np.array([[300.0, 400.0]], np.float32), (2, 17, 1))
    seen[0, 3] = [340, 500]
    one = replace(one, keypoints=seen)
    x, y, width, height = boxes(one, H36M17.joints, SIZE)[0]
    # 40 wide and 100 high, in the shape of 64 to 96
    assert (x, y) == (320, 450)
    assert height == pytest.approx(MARGIN * 100)
    assert width == pytest.approx(MARGIN * 100 * 64 / 96)
    # all joints on one place: one pixel, and no division by 0
    assert boxes(one, H36M17.joints, SIZE)[1, 2] == pytest.approx(MARGIN)
    stated = np.array([[10, 20, 64, 48], [0, 0, 1, 1]], np.float32)
    given = boxes(replace(one, boxes=stated), H36M17.joints, SIZE)[0]
    np.testing.assert_allclose(given, [42, 44, MARGIN * 64, MARGIN * 96])


def test_units_by_hand_and_back(clips: list[Clip]) -> None:
    windows = Windows(clips, frames=1, crops=crops(clips))
    shown, target = windows.batch([3, 150])
    assert (shown.shape, target.shape) == ((2, 3, *SIZE), (2, 1, 17, 3))
    box = boxes(clips[0], H36M17.joints, SIZE)[3]
    due = (clips[0].keypoints[3] - box[:2]) / box[2:]
    np.testing.assert_allclose(target[0, 0, :, :2], due, atol=1e-5)
    pose = clips[0].camera_pose
    assert pose is not None
    deep = (pose[3, :, 2] - pose[3, 0, 2]) / 2000
    np.testing.assert_allclose(target[0, 0, :, 2], deep, atol=1e-6)
    metres = windows.metres(target, [3, 150])
    np.testing.assert_allclose(metres[0, 0], (pose[3] - pose[3, :1]) / 1000, atol=2e-6)
    plain = Windows(clips, frames=1)
    np.testing.assert_allclose(
        windows.metres(windows.truth()), plain.truth(), atol=2e-6
    )


def test_pixels_are_scaled_as_imagenet_and_mirrored_with_their_poses(
    clips: list[Clip],
) -> None:
    windows = Windows(clips, frames=1, crops=crops(clips))
    flip = np.array([False, True])
    shown, target = windows.batch([7, 7], flip=flip)
    seen = picture(clips[0], 7) / 255
    due = (seen - MEAN[:, None, None]) / DEVIATION[:, None, None]
    np.testing.assert_allclose(shown[0], due, atol=2e-6)
    assert (shown[1] == shown[0][..., ::-1]).all()
    mirrored = target[0][:, list(H36M17.mirror)] * [-1, 1, 1]
    np.testing.assert_array_equal(target[1], mirrored.astype(np.float32))
    assert windows.mirrored(shown).shape == shown.shape


def test_imagenets_numbers_are_reds_greens_and_blues() -> None:
    """Of each channel black, and what a grey of 128 becomes, by hand."""
    grey = np.array([0, 128], np.uint8).reshape(2, 1, 1, 1).repeat(3, axis=1)
    black, middle = scaled(grey)[..., 0, 0]
    np.testing.assert_allclose(black, [-2.117904, -2.035714, -1.804444], atol=1e-6)
    np.testing.assert_allclose(middle, [0.074065, 0.205182, 0.426492], atol=1e-6)


def test_clips_of_which_no_crop_can_be_made(clips: list[Clip]) -> None:
    one = clips[0]
    with pytest.raises(BadInput, match="no pictures, and what a real camera saw"):
        check(one, drawn=False)
    with pytest.raises(
        BadInput, match="no poses, and a crop becomes .* or export the model"
    ):
        check(replace(one, camera_pose=None, world_pose=None), drawn=True)
    bent = replace(one.camera, radial=np.array([0.1, 0, 0]))
    with pytest.raises(BadInput, match="its lens distorts"):
        check(replace(one, camera=bent), drawn=True)
    wide = replace(one.camera, focal=one.camera.focal * (1.0, 1.1))
    with pytest.raises(BadInput, match="its focal lengths .* differ"):
        check(replace(one, camera=wide), drawn=True)
    # that it is read is no matter of what draws
    paths = ("1.png",) * one.frames
    check(replace(one, camera=wide, pictures=paths), drawn=False)
    other = replace(one, skeleton=COCO17)
    with pytest.raises(BadInput, match="coco17 are not drawn"):
        check(other, drawn=True)
