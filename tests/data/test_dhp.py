"""MPI-INF-3DHP as published and as P-STMO packs it: one set of clips, one line of complaint."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench import data
from bench.data.batches.windows import Windows
from bench.data.clip import Clip
from bench.data.geometry.cameras import camera_to_world
from bench.data.geometry.skeletons import DHP17, DHP28
from bench.data.readers import dhp
from models.errors import BadInput
from tests.data.dhp_files import (
    CENTRE,
    FOCAL,
    FRAMES,
    PICKS,
    annot,
    annot_data,
    calibration,
    cell,
    pack,
    packed_test,
    packed_train,
    pixels,
    scipy_io,
    tree,
    walk,
)


def load(location: Path | str, **options: Any) -> list[Clip]:
    return dhp.load(str(location), **options)


def test_the_picks_are_the_published_ones() -> None:
    assert [DHP28.joints[place] for place in PICKS] == list(DHP17.joints)


def test_the_training_tree(tmp_path: Path) -> None:
    clips = load(f"{tree(tmp_path, lens=calibration())}@annot3")
    assert [clip.camera_name for clip in clips] == [
        "0",
        "1",
        "2",
        "4",
        "5",
        "6",
        "7",
        "8",
    ]
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
    assert clip.counted is None
    assert clip.notes == ()
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
    # the pixels are projections to the last digit, so the camera comes out to nine
    np.testing.assert_allclose(clip.camera.focal, FOCAL, rtol=1e-9)
    np.testing.assert_allclose(clip.camera.centre, CENTRE, rtol=1e-9)
    assert clip.world_pose is None
    assert "told" in clip.notes[0]


def test_tree_and_archives_give_the_same(tmp_path: Path) -> None:
    pack(tmp_path / "npz", "data_train_3dhp.npz", packed_train())
    pack(tmp_path / "npz", "data_test_3dhp.npz", packed_test())
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
    clip = load(pack(tmp_path, "data_test_3dhp.npz", packed_test()))[0]
    np.testing.assert_array_equal(clip.counted, [0, 1, 1, 0, 1])
    windows = Windows([clip], frames=3, outputs="centre", root="Pelvis")
    assert windows.scored == 3  # of five
    relative = (
        clip.camera_pose[[1, 2, 4]]
        - clip.camera_pose[[1, 2, 4]][:, [clip.skeleton.index("Pelvis")]]
    )
    np.testing.assert_allclose(windows.truth(), relative / 1000, atol=1e-6)
    keypoints, _ = windows.batch([1])
    assert (keypoints[0, 0] != keypoints[0, 1]).any(), (
        "the window of frame 1 sees frame 0"
    )


def test_archives_before_the_tree_and_the_original_size_beside(tmp_path: Path) -> None:
    # the training side as a tree, the testing side packed, and only in the people's true size
    tree(tmp_path)
    pack(tmp_path, "data_test_3dhp_ori.npz", packed_test())
    assert {clip.subject for clip in load(tmp_path)} == {"S1"}
    assert {(clip.subject, clip.style) for clip in load(f"{tmp_path}@annot3")} == {
        (name, "annot3") for name in ("S1", "TS1", "TS6")
    }
    assert {clip.style for clip in load(tmp_path / "data_test_3dhp_ori.npz")} == {
        "annot3"
    }


def test_small_and_the_kind(tmp_path: Path) -> None:
    content = {
        "TS1": {
            name: np.repeat(values, 20, axis=0)
            for name, values in packed_test()["TS1"].items()
        }
    }
    pack(tmp_path, "data_test_3dhp.npz", content)
    clip = load(tmp_path, small=0.2)[0]
    assert clip.frames == len(clip.counted) == 20
    assert "3dhp" in data.sources()
    assert "dhp" not in data.sources()


def broken(key: list[Any], value: Any, content: Any) -> Any:
    inner = content
    for part in key[:-1]:
        inner = inner[part]
    if value is None:
        del inner[key[-1]]
    else:
        inner[key[-1]] = value
    return content


# one frame of four or five that is no number; NaN would be missing
LOST = np.where(np.arange(FRAMES)[:, None, None] == 3, np.inf, walk()[:, PICKS])
# what stands in annot.mat, and what is said of it
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
# what stands in an archive, and what is said of it
BAD_NPZ: dict[str, tuple[Callable[[], Any], str]] = {
    "list": (lambda: [1, 2], "data: an array came; an object was due"),
    "unknown sequence": (lambda: {"Walking": []}, "'Walking': a sequence 'S1 Seq1'"),
    "fps": (
        lambda: broken(["S1 Seq2", 1], 0, packed_train()),
        "frames a second 0 came",
    ),
    "no 2D": (
        lambda: broken(["S1 Seq2", 0, "4", "data_2d"], None, packed_train()),
        "'S1 Seq2', camera '4': key 'data_2d' is missing",
    ),
    "joints": (
        lambda: broken(["TS1", "data_3d"], walk(), packed_test()),
        r"'TS1', data_3d: shape \(5, 28, 3\) came",
    ),
    "infinite": (
        lambda: broken(["TS1", "data_3d"], LOST, packed_test()),
        r"data_3d: the number at \[3, 0, 0\] is not finite",
    ),
    "metres": (
        lambda: broken(["TS1", "data_3d"], walk()[:, PICKS] / 1000, packed_test()),
        "camera_pose is in m, by its legs",
    ),
    "valid": (
        lambda: broken(["TS1", "valid"], np.ones(4), packed_test()),
        "TS1, camera 0: 2D, 3D and valid_frame have 4, 5 frames",
    ),
    "nothing valid": (
        lambda: broken(["TS1", "valid"], np.zeros(5), packed_test()),
        "'TS1', valid: none of 5 frames is valid",
    ),
    "no cameras": (
        lambda: broken(["S1 Seq2", 0], {}, packed_train()),
        "'S1 Seq2': no cameras",
    ),
    "normalised": (
        lambda: broken(
            ["TS1", "data_2d"], pixels(walk())[:, PICKS] / 2048, packed_test()
        ),
        "TS1, camera 0: the largest .* pixels were",
    ),
    "behind": (
        lambda: broken(["TS1", "data_3d"], -walk()[:, PICKS], packed_test()),
        "a point lies behind it",
    ),
    "empty": (
        lambda: broken(
            ["TS1"],
            {name: values[:0] for name, values in packed_test()["TS1"].items()},
            packed_test(),
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
    assert "\n" not in str(caught.value)
    assert "annot.mat" in str(caught.value) or "3dhp.npz" in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda t: t.replace("0 0 0 1 0 0 0 0 1 ", "0 0 0 1"),
            r"calibration:7: intrinsic: shape \(11,\) came; \(16\) was due",
        ),
        (
            lambda t: t.replace("size        2048 2048", "size 2048"),
            "calibration:7: size",
        ),
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
