"""MPI-INF-3DHP as published (annot.mat, camera.calibration) and as P-STMO packs it: one set
of clips, and one line of complaint.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench import data
from bench.data.batches.windows import Windows
from bench.data.clip import Clip
from bench.data.formats import mat_file
from bench.data.geometry.cameras import camera_to_world
from bench.data.geometry.skeletons import DHP17, DHP28
from bench.data.readers import dhp
from models.errors import BadInput

scipy_io = pytest.importorskip(
    "scipy.io", reason="SciPy writes the MATLAB files of these tests"
)

FRAMES = 5
# the test set's 17 of the training set's 28 joints
PICKS = [7, 5, 14, 15, 16, 9, 10, 11, 23, 24, 25, 18, 19, 20, 4, 3, 6]
HEIGHT = {
    "HeadTop": 1750,
    "Head": 1600,
    "Neck": 1450,
    "Hip": 900,
    "Knee": 480,
    "Ankle": 60,
    "Foot": 20,
    "Toe": 0,
}
FOCAL, CENTRE = np.array([1497.7, 1497.1]), np.array([1024.7, 1051.4])


def person() -> np.ndarray:
    """28 joints in the camera frame, y down, 4 m away, millimetres."""
    heights = [
        next((high for name, high in HEIGHT.items() if joint.endswith(name)), 1200.0)
        for joint in DHP28.joints
    ]
    sides = [{"L": 150.0, "R": -150.0}.get(joint[0], 0.0) for joint in DHP28.joints]
    return np.stack([sides, 900 - np.array(heights), 4000 + 10.0 * np.arange(28)], axis=1)


def walk(camera: int = 0, frames: int = FRAMES) -> np.ndarray:
    """(F, 28, 3) mm; another place for each camera."""
    return (
        person()
        + np.array([100.0 * camera, 0, 0])
        + np.arange(frames)[:, None, None] * [5.0, 0, 20]
    )


def pixels(pose: np.ndarray) -> np.ndarray:
    return pose[..., :2] / pose[..., 2:] * FOCAL + CENTRE


def cell(arrays: list[np.ndarray]) -> np.ndarray:
    out = np.empty((len(arrays), 1), dtype=object)
    for place, values in enumerate(arrays):
        out[place, 0] = values.reshape(len(values), int(np.prod(values.shape[1:])))
    return out


def annot(cameras: int = 14) -> dict[str, Any]:
    poses = [walk(camera) for camera in range(cameras)]
    return {
        "annot2": cell([pixels(pose) for pose in poses]),
        "annot3": cell(poses),
        "univ_annot3": cell([0.9 * pose for pose in poses]),
        "cameras": np.arange(cameras, dtype=np.uint8)[None],
        "frames": np.arange(FRAMES, dtype=np.uint16)[:, None],
    }


def calibration() -> str:
    """Camera 0 to 13, each a metre further left, level, y up in the world."""
    blocks = [
        f"name          {camera}\n  sensor      10 10\n  size        2048 2048\n  animated "
        f"   0\n  intrinsic   {FOCAL[0]} 0 {CENTRE[0]} 0 0 {FOCAL[1]} {CENTRE[1]} 0 0 0 1 0"
        f" 0 0 0 1 \n  extrinsic   1 0 0 {1000 * camera} 0 -1 0 900 0 0 -1 5000 0 0 0 1 \n "
        " radial      0\n"
        for camera in range(14)
    ]
    return "Skeletool Camera Calibration File V1.0\n" + "".join(blocks)


def tree(
    folder: Path,
    content: dict[str, Any] | None = None,
    *,
    sequence: str = "S1/Seq2",
    lens: str | None = None,
) -> Path:
    place = folder / sequence
    place.mkdir(parents=True)
    scipy_io.savemat(place / "annot.mat", content or annot(), do_compression=True)
    if lens is not None:
        (place / "camera.calibration").write_text(lens)
    return folder


def train_npz() -> dict[str, Any]:
    cameras = {
        str(camera): {
            "data_2d": pixels(walk(camera))[:, PICKS],
            "data_3d": 0.9 * walk(camera)[:, PICKS],
        }
        for camera in dhp.CAMERAS
    }
    return {"S1 Seq2": [cameras, 50]}


def test_npz() -> dict[str, Any]:
    part = {
        "data_2d": pixels(walk())[:, PICKS],
        "data_3d": 0.9 * walk()[:, PICKS],
        "valid": np.array([0, 1, 1, 0, 1], dtype=np.uint8),
    }
    return {"TS1": part, "TS6": part}


test_npz.__test__ = False  # a builder, not a test


def pack(folder: Path, name: str, content: object) -> Path:
    folder.mkdir(exist_ok=True)
    np.savez_compressed(folder / name, data=np.array(content, dtype=object))
    return folder


def annot_data() -> dict[str, Any]:
    """The test set's file in MATLAB's dimensions."""
    pose = walk()[:, PICKS]
    return {
        "annot2": pixels(pose).transpose(2, 1, 0)[:, :, None],
        "annot3": pose.transpose(2, 1, 0)[:, :, None],
        "univ_annot3": (0.9 * pose).transpose(2, 1, 0)[:, :, None],
        "valid_frame": np.array([[0, 1, 1, 0, 1]], dtype=np.uint8),
        "activity_annotation": np.ones((FRAMES, 1)),
    }


def load(location: Path | str, **options: Any) -> list[Clip]:
    return dhp.load(str(location), **options)


def test_the_picks_are_the_published_ones() -> None:
    assert [DHP28.joints[place] for place in PICKS] == list(DHP17.joints)


def test_the_training_tree(tmp_path: Path) -> None:
    clips = load(f"{tree(tmp_path, lens=calibration())}@annot3")
    assert [clip.camera_name for clip in clips] == ["0", "1", "2", "4", "5", "6", "7", "8"]
    clip = clips[3]
    assert (clip.name, clip.subject, clip.action, clip.style, clip.fps) == (
        "S1 Seq2",
        "S1",
        "Seq2",
        "annot3",
        50.0,
    )
    np.testing.assert_allclose(clip.camera_pose, walk(4)[:, PICKS], atol=1e-3)
    np.testing.assert_allclose(clip.keypoints, pixels(walk(4))[:, PICKS], atol=1e-3)
    assert clip.counted is None and clip.notes == ()
    feet = clip.world_pose[0, clip.skeleton.indices(("LAnkle", "RAnkle"))]
    # z is up, as the heights above the floor show
    np.testing.assert_allclose(feet[:, 2], 60, atol=1e-2)
    np.testing.assert_allclose(
        camera_to_world(clip.camera, clip.camera_pose), clip.world_pose, atol=1e-2
    )


def test_poses_scaled_to_one_height_are_the_default(tmp_path: Path) -> None:
    clip = load(tree(tmp_path))[0]
    assert clip.style == "univ_annot3"
    np.testing.assert_allclose(clip.camera_pose, 0.9 * walk()[:, PICKS], atol=1e-3)


def test_without_calibration_the_camera_is_told_from_the_joints(tmp_path: Path) -> None:
    clip = load(tree(tmp_path))[2]
    np.testing.assert_allclose(clip.camera.focal, FOCAL, rtol=1e-9)
    np.testing.assert_allclose(clip.camera.centre, CENTRE, rtol=1e-9)
    assert clip.world_pose is None and "told" in clip.notes[0]


def test_tree_and_archives_give_the_same(tmp_path: Path) -> None:
    pack(tmp_path / "npz", "data_train_3dhp.npz", train_npz())
    pack(tmp_path / "npz", "data_test_3dhp.npz", test_npz())
    tree(tmp_path / "tree")
    for name in ("TS1", "TS6"):
        (tmp_path / "tree" / "test_set" / name).mkdir(parents=True)
        scipy_io.savemat(
            tmp_path / "tree" / "test_set" / name / "annot_data.mat", annot_data()
        )
    packed, published = load(tmp_path / "npz"), load(tmp_path / "tree")
    assert len(packed) == len(published) == 10
    for one, other in zip(packed, published, strict=True):
        for field in (
            "name",
            "subject",
            "action",
            "style",
            "camera_name",
            "fps",
            "skeleton",
        ):
            assert getattr(one, field) == getattr(other, field)
        for field in ("keypoints", "camera_pose", "confidence"):
            np.testing.assert_allclose(
                getattr(one, field), getattr(other, field), rtol=1e-6
            )
        np.testing.assert_array_equal(one.counted, other.counted)
    assert [(clip.camera.width, clip.camera.height) for clip in packed[-2:]] == [
        (2048, 2048),
        (1920, 1080),
    ]


def test_only_valid_frames_are_scored_and_the_others_seen(tmp_path: Path) -> None:
    clip = load(pack(tmp_path, "data_test_3dhp.npz", test_npz()))[0]
    np.testing.assert_array_equal(clip.counted, [0, 1, 1, 0, 1])
    windows = Windows([clip], frames=3, outputs="centre", root="Pelvis")
    assert windows.scored == 3
    relative = (
        clip.camera_pose[[1, 2, 4]]
        - clip.camera_pose[[1, 2, 4]][:, [clip.skeleton.index("Pelvis")]]
    )
    np.testing.assert_allclose(windows.truth(), relative / 1000, atol=1e-6)
    keypoints, _ = windows.batch([1])
    assert (keypoints[0, 0] != keypoints[0, 1]).any(), "the window of frame 1 sees frame 0"


def test_archives_before_the_tree_and_the_original_size_beside(tmp_path: Path) -> None:
    tree(tmp_path)
    pack(tmp_path, "data_test_3dhp_ori.npz", test_npz())
    assert {clip.subject for clip in load(tmp_path)} == {"S1"}
    assert {(clip.subject, clip.style) for clip in load(f"{tmp_path}@annot3")} == {
        (name, "annot3") for name in ("S1", "TS1", "TS6")
    }
    assert {clip.style for clip in load(tmp_path / "data_test_3dhp_ori.npz")} == {"annot3"}


def test_small_and_the_kind(tmp_path: Path) -> None:
    content = {
        "TS1": {
            name: np.repeat(values, 20, axis=0)
            for name, values in test_npz()["TS1"].items()
        }
    }
    pack(tmp_path, "data_test_3dhp.npz", content)
    clip = load(tmp_path, small=0.2)[0]
    assert clip.frames == len(clip.counted) == 20
    assert "3dhp" in data.sources() and "dhp" not in data.sources()


def broken(key: list[Any], value: Any, content: Any) -> Any:
    inner = content
    for part in key[:-1]:
        inner = inner[part]
    if value is None:
        del inner[key[-1]]
    else:
        inner[key[-1]] = value
    return content


NAN = np.where(np.arange(FRAMES)[:, None, None] == 3, np.nan, walk()[:, PICKS])
BAD_TRAIN: dict[str, tuple[Callable[[], Any], str]] = {
    "no univ_annot3": (
        lambda: broken(["univ_annot3"], None, annot()),
        "key 'univ_annot3' is missing",
    ),
    "missing cameras": (
        lambda: annot(cameras=5),
        "camera 5: missing from `cameras`, which has 5",
    ),
    "no cell": (
        lambda: broken(["annot2"], np.zeros((5, 56)), annot()),
        "annot2: a cell with an array for each camera was due",
    ),
    "joint count": (
        lambda: broken(["annot3", (1, 0)], np.zeros((5, 51)), annot()),
        r"camera 1, annot3: shape \(5, 51\) came; \(any, 84\)",
    ),
    "unequal frames": (
        lambda: broken(["annot2", (2, 0)], np.ones((4, 56)), annot()),
        "camera 2: 4 frames of 2D and 5 of 3D",
    ),
    "no frames": (
        lambda: {
            **annot(),
            **{
                name: cell([np.zeros((0, n))] * 14)
                for name, n in (("annot2", 56), ("annot3", 84))
            },
        },
        "0 frames",
    ),
    "2D of something else": (
        lambda: broken(["annot2", (0, 0)], -pixels(walk()).reshape(5, 56), annot()),
        "2D and 3D joints do not agree",
    ),
    "text": (lambda: broken(["annot3"], "text", annot()), "a cell with an array"),
}
BAD_NPZ: dict[str, tuple[Callable[[], Any], str]] = {
    "list": (lambda: [1, 2], "data: an array came; an object was due"),
    "unknown sequence": (lambda: {"Walking": []}, "'Walking': a sequence 'S1 Seq1'"),
    "fps": (lambda: broken(["S1 Seq2", 1], 0, train_npz()), "frames a second 0 came"),
    "no 2D": (
        lambda: broken(["S1 Seq2", 0, "4", "data_2d"], None, train_npz()),
        "'S1 Seq2', camera '4': key 'data_2d' is missing",
    ),
    "joints": (
        lambda: broken(["TS1", "data_3d"], walk(), test_npz()),
        r"'TS1', data_3d: shape \(5, 28, 3\) came",
    ),
    "NaN": (
        lambda: broken(["TS1", "data_3d"], NAN, test_npz()),
        r"data_3d: the number at \[3, 0, 0\] is not finite",
    ),
    "metres": (
        lambda: broken(["TS1", "data_3d"], walk()[:, PICKS] / 1000, test_npz()),
        "camera_pose is in m, by its legs",
    ),
    "valid": (
        lambda: broken(["TS1", "valid"], np.ones(4), test_npz()),
        "TS1, camera 0: 2D, 3D and valid_frame have 4, 5 frames",
    ),
    "nothing valid": (
        lambda: broken(["TS1", "valid"], np.zeros(5), test_npz()),
        "'TS1', valid: none of 5 frames is valid",
    ),
    "no cameras": (
        lambda: broken(["S1 Seq2", 0], {}, train_npz()),
        "'S1 Seq2': no cameras",
    ),
    "normalised": (
        lambda: broken(["TS1", "data_2d"], pixels(walk())[:, PICKS] / 2048, test_npz()),
        "TS1, camera 0: the largest .* pixels were",
    ),
    "behind": (
        lambda: broken(["TS1", "data_3d"], -walk()[:, PICKS], test_npz()),
        "a point lies behind it",
    ),
    "empty": (
        lambda: broken(
            ["TS1"],
            {name: values[:0] for name, values in test_npz()["TS1"].items()},
            test_npz(),
        ),
        "0 frames of 2D",
    ),
}


@pytest.mark.parametrize("case", [*BAD_TRAIN, *BAD_NPZ])
def test_bad_content_is_one_line_naming_the_place(tmp_path: Path, case: str) -> None:
    make, message = (BAD_TRAIN | BAD_NPZ)[case]
    folder = (
        tree(tmp_path, make())
        if case in BAD_TRAIN
        else pack(tmp_path, "data_test_3dhp.npz", make())
    )
    with pytest.raises(BadInput, match=message) as caught:
        load(folder)
    assert "\n" not in str(caught.value) and (
        "annot.mat" in str(caught.value) or "3dhp.npz" in str(caught.value)
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda t: t.replace("0 0 0 1 0 0 0 0 1 ", "0 0 0 1"),
            r"calibration:7: intrinsic: shape \(11,\) came; \(16\) was due",
        ),
        (lambda t: t.replace("size        2048 2048", "size 2048"), "calibration:7: size"),
        (
            lambda t: t.replace("extrinsic   1 0 0", "extrinsic   2 0 0"),
            "calibration:7: camera: the rotation is not",
        ),
        (
            lambda t: t.replace("intrinsic", "intrinsics"),
            "calibration:7: key 'intrinsic' is missing",
        ),
        (
            lambda t: t.replace("1051.4", "much"),
            "calibration:7: intrinsic: 'much' came; a number was due",
        ),
    ],
)
def test_damaged_calibration_names_the_line(
    tmp_path: Path, change: Callable[[str], str], message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        load(tree(tmp_path, lens=change(calibration())))


def test_missing_and_other_files(tmp_path: Path) -> None:
    with pytest.raises(
        BadInput,
        match=r"neither annot\.mat files in S1/Seq1 and so on, nor data_train_3dhp\.npz",
    ):
        load(tmp_path)
    (tmp_path / "TS1").mkdir()
    (tmp_path / "TS1" / "annot_data.mat").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(600))
    with pytest.raises(
        BadInput, match=r"a MATLAB 7\.3 \(HDF5\) file; .* save it again with -v7"
    ):
        load(tmp_path)


def test_mat_files_read_as_scipy_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    content = annot() | {
        "whole": np.arange(24).reshape(2, 3, 4),
        "flag": np.array([[True, False]]),
        "none": np.zeros((0, 3)),
    }
    for packed in (False, True):
        scipy_io.savemat(
            path,
            content | {"text": "hello", "struct": {"a": 1}, "complex": np.array([1j])},
            do_compression=packed,
        )
        mine, theirs = mat_file.read(path), scipy_io.loadmat(path)
        assert mine["text"] is mine["struct"] is mine["complex"] is None
        for name in content:
            assert mine[name].shape == theirs[name].shape
            for one, other in zip(mine[name].ravel(), theirs[name].ravel(), strict=True):
                np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("packed", [False, True])
def test_damaged_mat_files_are_one_line(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / "a.mat"
    scipy_io.savemat(path, annot(), do_compression=packed)
    good, draw, refused = path.read_bytes(), np.random.default_rng(0), 0
    for _ in range(200):
        bad = bytearray(good)
        for place in draw.integers(
            128, [400, len(bad)][draw.integers(2)], draw.integers(1, 5)
        ):
            bad[place] = draw.integers(256)
        path.write_bytes(bad[: draw.integers(len(bad))] if draw.random() < 0.2 else bad)
        try:
            mat_file.read(path)
        except BadInput as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused > 60


def test_a_mat_file_that_unpacks_without_end_is_refused(tmp_path: Path) -> None:
    import zlib

    header = b"MATLAB 5.0".ljust(124) + b"\x00\x01IM"
    machine = zlib.compressobj()
    packed = b"".join(
        [*(machine.compress(bytes(1 << 20)) for _ in range(200)), machine.flush()]
    )
    (tmp_path / "a.mat").write_bytes(
        header + np.array([15, len(packed)], "<u4").tobytes() + packed
    )
    with pytest.raises(BadInput, match="unpacks to too many bytes"):
        mat_file.read(tmp_path / "a.mat")
