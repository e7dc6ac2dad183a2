"""Human3.6M as VideoPose3D's archives, written here in their layout.

Every value arrives, and every fault is one line.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench import data
from bench.data import protocols
from bench.data.geometry import h36m_cameras
from bench.data.geometry.cameras import project, world_to_camera
from bench.data.geometry.skeletons import COCO17, H36M17, H36M32, MPII16
from bench.data.readers import h36m_npz
from models.errors import BadInput
from tests.data.h36m_npz_files import (
    FRAMES,
    KEPT,
    keypoints,
    positions,
    projected,
    world,
    write,
)


@pytest.mark.parametrize("joints", [32, 17])
def test_poses_arrive_in_millimetres_with_seventeen_joints(
    tmp_path: Path, joints: int
) -> None:
    clips = h36m_npz.load(str(write(tmp_path, positions(joints))))
    assert len(clips) == 2 * 2 * 4
    assert [clip.camera_name for clip in clips[:4]] == [
        "54138969",
        "55011271",
        "58860488",
        "60457274",
    ]
    assert {(clip.subject, clip.action, clip.name) for clip in clips} == {
        (s, a, f"{s} {a} 1") for s in ("S1", "S9") for a in ("Walking", "Directions")
    }
    first = clips[0]
    assert (first.fps, first.skeleton.name, first.style, first.notes) == (
        50.0,
        "h36m17",
        "",
        (),
    )
    # the archive's float32 metres hold no more than this
    np.testing.assert_allclose(first.world_pose, world("S1", "Walking"), atol=1e-3)
    np.testing.assert_allclose(
        first.camera_pose,
        world_to_camera(first.camera, world("S1", "Walking")),
        atol=2e-3,
    )
    assert H36M17.joints == tuple(H36M32.joints[place] for place in KEPT)


def test_without_keypoints_the_studio_lenses_make_them(tmp_path: Path) -> None:
    clip = h36m_npz.load(str(write(tmp_path)))[-1]
    assert clip.camera.distorts
    assert (clip.camera.width, clip.camera.height) == (1000, 1002)
    np.testing.assert_allclose(
        clip.keypoints, project(clip.camera, clip.camera_pose.astype(float)), atol=1e-2
    )
    assert (clip.confidence == 1).all()


def test_keypoints_of_each_camera_arrive(tmp_path: Path) -> None:
    seen = keypoints()
    for clip, view in zip(
        h36m_npz.load(str(write(tmp_path, seen=seen))),
        (v for s in seen.values() for a in s.values() for v in a),
        strict=True,
    ):
        np.testing.assert_array_equal(clip.keypoints, view)
        assert (clip.confidence == 1).all()
        assert clip.notes == ()


def test_confidence_is_a_share(tmp_path: Path) -> None:
    """Detectron's is not bounded."""
    seen = keypoints(channels=3)
    seen["S1"]["Walking 1"][0][:2, :, 2] = [[7.5], [-2]]  # of one camera's first frames
    clip = h36m_npz.load(str(write(tmp_path, seen=seen)))[0]
    assert (clip.confidence[0] == 1).all()
    assert (clip.confidence[1] == 0).all()


def test_a_third_channel_is_the_confidence(tmp_path: Path) -> None:
    seen = keypoints(channels=3)
    clip = h36m_npz.load(str(write(tmp_path, seen=seen)))[0]
    np.testing.assert_array_equal(clip.confidence, seen["S1"]["Walking 1"][0][..., 2])


def test_keypoints_beyond_the_poses_are_cut_and_the_clip_says_so(
    tmp_path: Path,
) -> None:
    seen = keypoints(extra=3)
    clip = h36m_npz.load(str(write(tmp_path, seen=seen)))[0]
    assert clip.frames == FRAMES
    assert clip.notes == (
        f"keypoints cut from {FRAMES + 3} to the {FRAMES} frames of the poses",
    )
    np.testing.assert_array_equal(clip.keypoints, seen["S1"]["Walking 1"][0][:FRAMES])


def test_numbers_of_true_and_of_detected_keypoints_never_share_a_hash(
    tmp_path: Path,
) -> None:
    """Models do ten millimetres better on true keypoints.

    Published tables keep the two apart, and so does the hash.
    """
    write(tmp_path, seen=projected())
    write(tmp_path, seen=projected(), name="cpn_ft_h36m_dbb")
    data.convert(
        f"h36m-npz:{tmp_path / 'data_2d_h36m_cpn_ft_h36m_dbb.npz'}",
        tmp_path / "cpn.cache",
    )
    places = (
        f"h36m-npz:{tmp_path}",
        f"h36m-npz:{tmp_path / 'data_2d_h36m_cpn_ft_h36m_dbb.npz'}",
        f"cache:{tmp_path / 'cpn.cache'}",
    )
    true, seen, cached = (data.load(place).protocol for place in places)
    assert true.hash == protocols.load("h36m-p1").hash != seen.hash == cached.hash
    assert "2D keypoints of the data;" in true.text
    assert "2D keypoints of cpn_ft_h36m_dbb;" in cached.text


@pytest.mark.parametrize(
    ("layout", "skeleton", "hip"),
    [("coco", COCO17, ("LHip", "RHip")), ("mpii", MPII16, ("Pelvis",))],
)
def test_other_joint_orders_are_told_from_the_metadata(
    tmp_path: Path, layout: str, skeleton: Any, hip: tuple[str, ...]
) -> None:
    seen = keypoints(joints=len(skeleton.joints))
    clip = h36m_npz.load(str(write(tmp_path, seen=seen, layout=layout)))[0]
    view = seen["S1"]["Walking 1"][0]
    np.testing.assert_allclose(
        clip.keypoints[:, 0],
        view[:, list(skeleton.indices(hip))].mean(axis=1),
        rtol=1e-6,
    )
    assert clip.skeleton is H36M17


def test_which_keypoints_are_taken(tmp_path: Path) -> None:
    truth, other = keypoints(), keypoints(channels=3)
    write(tmp_path, seen=other, name="cpn_ft_h36m_dbb")
    np.testing.assert_array_equal(
        h36m_npz.load(str(tmp_path))[0].keypoints, other["S1"]["Walking 1"][0][..., :2]
    )
    write(tmp_path, seen=truth)
    np.testing.assert_array_equal(
        h36m_npz.load(str(tmp_path))[0].keypoints, truth["S1"]["Walking 1"][0]
    )
    named = h36m_npz.load(str(tmp_path / "data_2d_h36m_cpn_ft_h36m_dbb.npz"))
    np.testing.assert_array_equal(
        named[0].keypoints, other["S1"]["Walking 1"][0][..., :2]
    )
    # two detectors and no truth: nobody can say which was meant
    (tmp_path / "data_2d_h36m_gt.npz").rename(tmp_path / "data_2d_h36m_sh.npz")
    with pytest.raises(
        BadInput,
        match=(
            r"several 2D archives \(data_2d_h36m_cpn_ft_h36m_dbb.npz,"
            r" data_2d_h36m_sh.npz\); give the path"
        ),
    ):
        h36m_npz.load(str(tmp_path))


def test_the_damaged_recording_is_left_out(tmp_path: Path) -> None:
    poses = {
        "S11": {
            "Directions": positions()["S1"]["Walking 1"],
            "Directions 1": positions()["S1"]["Walking 1"],
        }
    }
    # the first take of the action is whole, and the one without a number is not
    assert {clip.name for clip in h36m_npz.load(str(write(tmp_path, poses)))} == {
        "S11 Directions 1"
    }


def test_a_smoke_run_keeps_the_middle(tmp_path: Path) -> None:
    clip = h36m_npz.load(str(write(tmp_path)), small=0.5)[0]
    np.testing.assert_allclose(clip.world_pose, world("S1", "Walking")[2:18], atol=1e-3)


def test_strangers_are_filmed_by_the_rig(tmp_path: Path) -> None:
    write(tmp_path, {"Anna": positions()["S1"]})
    clips = h36m_npz.load(str(tmp_path), rig=protocols.load("synthetic").rig)
    assert [clip.camera_name for clip in clips[:4]] == ["cam0", "cam1", "cam2", "cam3"]
    with pytest.raises(BadInput, match="Anna is not in the table"):
        h36m_npz.load(str(tmp_path))


def test_the_table_is_the_one_published() -> None:
    """Figures that were verified against VideoPose3D and mmpose.

    And every camera looks at the studio's middle.
    """
    first = h36m_cameras.camera("S1", "54138969")
    np.testing.assert_allclose(first.position, [1841.1, 4955.3, 1563.4], atol=0.06)
    np.testing.assert_allclose(first.tangential, [-0.000976, -0.001424], atol=5e-7)
    assert [camera.height for camera in h36m_cameras.cameras("S9").values()] == [
        1002,
        1000,
        1000,
        1002,
    ]
    assert tuple(h36m_cameras.PLACES) == ("S1", "S5", "S6", "S7", "S8", "S9", "S11")
    for subject in h36m_cameras.PLACES:
        for camera in h36m_cameras.cameras(subject).values():
            pixel = project(
                camera, world_to_camera(camera, np.array([[0.0, 0.0, 900.0]]))
            )[0]
            assert np.abs(pixel - 500).max() < 250
    with pytest.raises(BadInput, match="'5' for subject 'S1'"):
        h36m_cameras.camera("S1", "5")


# None takes the value out
def changed(place: tuple[Any, ...], value: object, poses: Any = None) -> Any:
    content = positions() if poses is None else poses
    held = content
    for key in place[:-1]:
        held = held[key]
    if value is None:
        del held[place[-1]]
    else:
        held[place[-1]] = value
    return content


# one number of frame 3, joint 7; NaN would be missing
INFINITE = np.where(
    np.arange(FRAMES * 96).reshape(FRAMES, 32, 3) == 3 * 96 + 7 * 3, np.inf, 1.0
).astype(np.float32)
S1 = ("S1", "Walking 1")
# what is written (poses, keypoints; None where they are good), and what is said of it
FAULTS = {
    "joints": (
        lambda: (changed(S1, np.zeros((5, 18, 3), np.float32)), None),
        r"S1, Walking 1, world metres: shape \(5, 18, 3\) came; \(any, 32, 3\) was due",
    ),
    "empty": (
        lambda: (changed(S1, np.zeros((0, 32, 3), np.float32)), None),
        "zero frames",
    ),
    "infinite": (
        lambda: (changed(S1, INFINITE), None),
        r"number at \[3, 7, 0\] is not finite",
    ),
    "text": (lambda: (changed(S1, "hello"), None), "text that is not numbers"),
    "millimetres": (
        lambda: (changed(S1, positions()["S1"]["Walking 1"] * 1000), None),
        "poses are in mm, .* multiply by 0.001",
    ),
    "micrometres": (
        lambda: (changed(S1, positions()["S1"]["Walking 1"] / 1000), None),
        r"Walking 1: the legs are 0\.00.* no person's",
    ),
    "normalised": (
        lambda: (None, changed((*S1, 2), np.full((FRAMES, 17, 2), 0.5), keypoints())),
        "largest coordinate is 0.5, .*pixels",
    ),
    "no subjects": (lambda: ({}, None), "dictionary with names as keys, not empty"),
    "list": (lambda: ([1, 2], None), "ndarray came; a dictionary"),
    "subject not seen": (
        lambda: (None, changed(("S9",), None, keypoints())),
        "subject S9 is missing, and data_3d_h36m.npz has it",
    ),
    "action not seen": (
        lambda: (None, changed(S1, None, keypoints())),
        "S1 lacks action 'Walking 1'",
    ),
    "camera lacking": (
        lambda: (None, changed((*S1, 0), None, keypoints())),
        "S1 Walking 1: keypoints of 3 cameras came; 4 were due",
    ),
    "short": (
        lambda: (None, keypoints(extra=-4)),
        "camera 54138969: 16 frames of keypoints for 20 of poses",
    ),
    "sixteen joints": (
        lambda: (None, keypoints(joints=16)),
        r"shape \(20, 16, 2\) came; \(any, 17, 2\) was due",
    ),
    "behind": (
        lambda: (
            changed(S1, positions()["S1"]["Walking 1"] + 6, positions()),
            keypoints(),
        ),
        "Hip lies behind the camera or in it at frame 0",
    ),
    "behind, filmed": (
        lambda: (changed(S1, positions()["S1"]["Walking 1"] + 6, positions()), None),
        "behind the camera",
    ),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_fault_is_one_line_that_says_where(tmp_path: Path, case: str) -> None:
    make, message = FAULTS[case]
    poses, seen = make()
    write(tmp_path, poses, seen)
    with pytest.raises(BadInput, match=message) as caught:
        h36m_npz.load(str(tmp_path))
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no data_3d_h36m.npz in"):
        h36m_npz.load(str(tmp_path))
    np.savez(tmp_path / "data_3d_h36m.npz", other=np.zeros(3))
    with pytest.raises(
        BadInput, match=r"key positions_3d is missing \(it holds other\)"
    ):
        h36m_npz.load(str(tmp_path))
    write(tmp_path, seen=keypoints())
    # a skeleton of three joints, which no protocol knows
    sides = np.array({"keypoints_symmetry": [[1], [2]]}, dtype=object)
    np.savez(
        tmp_path / "data_2d_h36m_gt.npz",
        positions_2d=np.array(keypoints(), dtype=object),
        metadata=sides,
    )
    with pytest.raises(BadInput, match="keypoints_symmetry is none of"):
        h36m_npz.load(str(tmp_path))
