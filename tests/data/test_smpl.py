"""The user's own SMPL in the place of the built-in body; what is none of it is one line."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.data.geometry import smpl
from bench.data.geometry.skeletons import AMASS22, H36M16, H36M17, SMPL24
from bench.data.geometry.skinning import Skin
from bench.data.geometry.smplh import built_in
from models.errors import BadInput

Array = np.ndarray
SPREAD = 0.05  # metres of the points about each joint


def content(joints: int = 24) -> dict[str, Any]:
    """Six points about each joint of the built-in SMPL skeleton, each with its own joint."""
    rest = np.zeros((joints, 3))
    rest[:22] = built_in() + [0.3, 1.2, 0.1]
    parents = [
        *AMASS22.parents,
        *([20] * ((joints - 22) // 2)),
        *([21] * ((joints - 22) // 2)),
    ]
    rest[22:] = rest[parents[22:]] + [0.05, 0, 0]
    star = SPREAD * np.concatenate([np.eye(3), -np.eye(3)])
    own = np.repeat(np.eye(joints), 6, axis=0)  # (6 joints, joints)
    vertices = (rest[:, None] + star).reshape(-1, 3)
    draw = np.random.default_rng(0)
    return {
        "v_template": vertices,
        "f": draw.integers(0, len(vertices), (40, 3)).astype(np.uint32),
        "J_regressor": own.T / 6,
        "weights": own,
        "shapedirs": draw.normal(size=(len(vertices), 3, 16)) / 100,
        "kintree_table": np.array([[2**32 - 1, *parents[1:]], range(joints)], np.int64),
        "bs_style": "lbs",
    }


def saved(folder: Path, **changes: Any) -> Path:
    path = folder / "body.npz"
    np.savez(path, **{k: v for k, v in (content() | changes).items() if v is not None})
    return path


@pytest.mark.parametrize("joints", [24, 52])
@pytest.mark.parametrize("end", ["npz", "pkl"])
def test_a_file_is_a_body_of_the_poses_joints(
    tmp_path: Path, joints: int, end: str
) -> None:
    arrays, path = content(joints), tmp_path / f"body.{end}"
    if end == "npz":
        np.savez(path, **arrays)
    else:
        path.write_bytes(pickle.dumps(arrays, protocol=2))
    body = smpl.mesh(path, H36M17.joints)
    assert body.name.startswith("SMPL of" if joints == 24 else "SMPL-H of")
    assert len(body.vertices) == 6 * joints
    np.testing.assert_array_equal(body.faces, arrays["f"])
    # about the pelvis; x to the right, y forward, z up
    at = dict(zip(H36M17.joints, body.joints, strict=True))
    assert np.abs(at["Hip"]).max() < 1e-9
    assert at["Head"][2] > 0.5 and at["RFoot"][2] < -0.8
    assert at["RWrist"][0] > 0.5
    assert body.shapes.shape == (10, 6 * joints, 3)
    assert body.shape_names[0] == "beta 0"


def test_it_is_posed_by_human36ms_joints(tmp_path: Path) -> None:
    body = smpl.mesh(saved(tmp_path), H36M17.joints)
    skin = Skin(body, H36M17.joints)
    still = skin.posed(body.joints[None])[0]
    assert np.abs(still - body.vertices).max() < 1e-6
    bent = body.joints.copy()
    knee, foot = H36M17.indices(("RKnee", "RFoot"))
    # folded back by a right angle
    bent[foot] = bent[knee] - [0, np.linalg.norm(bent[foot] - bent[knee]), 0]
    moved = np.linalg.norm(skin.posed(bent[None])[0] - still, axis=-1) > 1e-3
    names = np.repeat(SMPL24.joints, 6)[moved]
    assert set(names) == {"RKnee", "RAnkle", "RFoot"}


def test_a_skeleton_without_the_neck_has_a_body(tmp_path: Path) -> None:
    body = smpl.mesh(saved(tmp_path), H36M16.joints)
    assert body.regressor.shape == (16, 144)


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    before = smpl.mesh(saved(tmp_path), H36M17.joints)
    assert smpl.mesh(tmp_path / "body.npz", H36M17.joints) is before
    larger = content()["v_template"] * 2
    after = smpl.mesh(
        saved(tmp_path, v_template=larger, bs_style="other"), H36M17.joints
    )
    assert np.ptp(after.vertices) == pytest.approx(2 * np.ptp(before.vertices))


def tree(joints: int) -> Array:
    return np.array([[0, *range(joints - 1)], range(joints)])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"J_regressor": None},
            "J_regressor missing; a body of SMPL or SMPL-H was due",
        ),
        ({"f": None, "weights": None}, "f, weights missing"),
        ({"f": np.full((4, 3), 144)}, "faces that do not fit: corners from 0 to 143"),
        ({"f": np.full((4, 3), -1)}, "faces that do not fit"),
        ({"f": np.zeros((0, 3))}, "faces that do not fit"),
        ({"f": np.zeros((4, 4))}, r"f: shape \(4, 4\) came"),
        ({"f": np.full((4, 3), 1.5)}, "faces that do not fit"),
        ({"J_regressor": np.ones((24, 100))}, r"J_regressor: shape \(24, 100\) came"),
        ({"J_regressor": np.ones((24, 144))}, "rows of regressor miss 1 by up to"),
        ({"weights": np.ones((144, 52)) / 52}, "weights: shape"),
        ({"kintree_table": tree(55)}, "55 joints came; 24 or 52 were due"),
        ({"kintree_table": tree(24) + 30}, "each joint must follow its parent"),
        ({"v_template": np.full((144, 3), np.nan)}, "v_template: the number at"),
        ({"v_template": np.zeros((144, 2))}, "v_template: shape"),
        ({"J_regressor": np.array({"a": 1}, object)}, "J_regressor: .* numbers"),
    ],
)
def test_what_is_no_such_body_is_one_line(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    path = saved(tmp_path, **changes)
    with pytest.raises(BadInput, match=said) as caught:
        smpl.mesh(path, H36M17.joints)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


class Evil:
    """What a pickle may ask to be run."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (exec, ("raise SystemExit('run')",))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (pickle.dumps({"v_template": Evil()}), "nothing is run"),
        (pickle.dumps([1, 2]), "v_template, f, .* missing"),
        (b"no pickle", "body.pkl"),
    ],
)
def test_nothing_in_a_pickle_is_run(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "body.pkl"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=said):
        smpl.mesh(path, H36M17.joints)


def test_a_file_that_is_not_there_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="none.npz: .*No such file"):
        smpl.mesh(tmp_path / "none.npz", H36M17.joints)
    with pytest.raises(BadInput, match=str(tmp_path)):
        smpl.mesh(tmp_path, H36M17.joints)
