"""The user's own SMPL in the place of the built-in body; what is none of it is one line."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from bench.data.geometry import smpl
from bench.data.geometry.skeletons import AMASS22, H36M16, H36M17, SMPL24
from bench.data.geometry.skinning import Skin
from bench.data.geometry.smplh import built_in
from models.errors import BadInput

Array = np.ndarray
SPREAD = 0.05  # metres of the points about each joint
# an octahedron of the points about a joint: ahead of, above and beside it, and against these
FACES = [(x, y, z) for x in (0, 3) for y in (1, 4) for z in (2, 5)]


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
        "f": np.concatenate([np.array(FACES) + 6 * n for n in range(joints)]).astype(
            np.uint32
        ),
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
    # shapes are turned as vertices are
    moved = body.shaped({"beta 3": 2.0}).vertices - body.vertices
    x, y, z = 2 * arrays["shapedirs"][..., 3].T
    np.testing.assert_allclose(moved, np.stack([-x, z, y], axis=1), atol=1e-9)


class Ch:
    """An array as chumpy keeps it."""

    def __init__(self, x: Array) -> None:
        self.x = x


@pytest.mark.parametrize("protocol", [0, 1, 2, 4])
def test_sparse_matrices_and_chumpys_arrays_are_read_without_their_classes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: int
) -> None:
    arrays, module = content(), ModuleType("chumpy.ch")
    monkeypatch.setattr(Ch, "__module__", "chumpy.ch")
    monkeypatch.setattr(module, "Ch", Ch, raising=False)
    monkeypatch.setitem(sys.modules, "chumpy", ModuleType("chumpy"))
    monkeypatch.setitem(sys.modules, "chumpy.ch", module)
    changed = arrays | {
        "J_regressor": sparse.csc_matrix(arrays["J_regressor"]),
        "v_template": Ch(arrays["v_template"]),
        "shapedirs": Ch(arrays["shapedirs"]),
    }
    written = pickle.dumps(changed, protocol=protocol)
    # as SciPy's module was called when SMPL was published
    renamed = written.replace(b"scipy.sparse._csc", b"scipy.sparse.csc")
    if protocol < 4:
        written = renamed
    monkeypatch.delitem(sys.modules, "chumpy.ch")
    path = tmp_path / "body.pkl"
    path.write_bytes(written)
    found = smpl.mesh(path, H36M17.joints)
    due = smpl.mesh(saved(tmp_path), H36M17.joints)
    np.testing.assert_array_equal(found.vertices, due.vertices)
    np.testing.assert_array_equal(found.regressor, due.regressor)


def sparse_of(**changes: Any) -> dict[str, Any]:
    """What a pickle holds of J_regressor."""
    whole = vars(sparse.csc_matrix(content()["J_regressor"]))
    return {**whole, **changes}


@pytest.mark.parametrize(
    "changes",
    [
        {"_shape": (24, 10**12)},
        {"_shape": (10**9, 144)},
        {"_shape": "24"},
        {"indices": np.full(144, 24)},
        {"indices": np.full(144, -1)},
        {"indptr": np.arange(145)[::-1].copy()},
        {"indptr": np.zeros(145)},
        {"data": None},
        {"indices": np.full(144, 0.5)},
        {"indptr": np.r_[0, np.arange(1, 144) + 0.5, 144]},
        {"_shape": (24, -2)},
        {"_shape": (24, -1), "indptr": np.zeros(0)},
        {"_shape": (-5, 144)},
        {"_shape": (0, 144)},
        {"_shape": (float("inf"), 144)},
        {"_shape": (float("nan"), 144)},
        {"_shape": (24, True)},
        {"_shape": (24, 144, 1)},
        {"_shape": 7},
    ],
)
def test_a_sparse_matrix_that_does_not_fit_is_one_line(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    path = tmp_path / "body.pkl"
    broken = content() | {"J_regressor": sparse_of(**changes)}
    path.write_bytes(pickle.dumps(broken))
    with pytest.raises(BadInput, match="J_regressor") as caught:
        smpl.mesh(path, H36M17.joints)
    assert "\n" not in str(caught.value)


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
    larger = content()["v_template"] * 1.5
    after = smpl.mesh(
        saved(tmp_path, v_template=larger, bs_style="other"), H36M17.joints
    )
    assert np.ptp(after.vertices) == pytest.approx(1.5 * np.ptp(before.vertices))


def tree(joints: int) -> Array:
    return np.array([[0, *range(joints - 1)], range(joints)])


def moved(name: str, place: tuple[int, ...], value: float) -> dict[str, Array]:
    """An array with one other number."""
    changed = content()[name].copy()
    changed[place] = value
    return {name: changed}


def turned(*rows: tuple[int, int, int]) -> dict[str, Array]:
    return {"v_template": content()["v_template"] @ np.array(rows).T}


def sized(factor: float) -> dict[str, Array]:
    return {"v_template": content()["v_template"] * factor}


FACE = content()["f"].astype(np.int64)
ROWS, TABLE = content()["J_regressor"], content()["kintree_table"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"J_regressor": None},
            "J_regressor missing; a body of SMPL or SMPL-H was due",
        ),
        ({"f": None, "weights": None}, "f, weights missing"),
        ({"f": np.full((4, 3), 144)}, "faces that do not fit: corners from 0 to 143"),
        ({"f": FACE[8:]}, "f: faces that do not fit: vertex 0 of 144 is in no face"),
        (moved("f", (7, 0), 5), r"face 7 has corners \[5, 4, 5\]; three of them"),
        ({"f": FACE * [1, 1, 0]}, "f: faces that do not fit: face"),
        (sized(1000), "v_template: is in mm, by its size of .*: multiply by 0.001"),
        (sized(100), "v_template: is in cm, .*: multiply by 0.01"),
        (sized(1 / 0.0254), "v_template: is in inch, .*: multiply by 0.0254"),
        (sized(1e8), "v_template: is .* a person of 1 to 3 m was due"),
        (sized(1e-3), "v_template: is .* a person of 1 to 3 m was due"),
        (sized(0), "v_template: is 0 in its longest direction"),
        (
            {"shapedirs": content()["shapedirs"] * 1000},
            "shapedirs: one unit of a shape",
        ),
        # upside down, lying, hanging from a side, looking back, mirrored
        (turned((1, 0, 0), (0, -1, 0), (0, 0, -1)), "the bone from Pelvis to"),
        (turned((1, 0, 0), (0, 0, -1), (0, 1, 0)), "the bone from Pelvis to"),
        (turned((0, 1, 0), (-1, 0, 0), (0, 0, 1)), "the bone from"),
        (turned((-1, 0, 0), (0, 1, 0), (0, 0, -1)), "the bone from"),
        (turned((-1, 0, 0), (0, 1, 0), (0, 0, 1)), "the bone from"),
        ({"J_regressor": np.repeat(ROWS[:1], 24, 0)}, "J_regressor: the bone from"),
        ({"J_regressor": np.roll(ROWS, 1, 0)}, "J_regressor: the bone from"),
        ({"J_regressor": ROWS[::-1]}, "J_regressor: the bone from"),
        (
            {"weights": content()["weights"] * 3 - 2 / 24},
            "weights: vertex 0 has -0.0833 of a joint; shares of 0 to 1",
        ),
        ({"weights": content()["weights"] * 2}, "weights: rows miss 1 by up to 1;"),
        ({"kintree_table": TABLE * 0}, r"joint 4 \(LKnee\) hangs on 0; 1 was due"),
        (moved("kintree_table", (0, 22), 15), "joint 22, of a hand, hangs on 15"),
        ({"kintree_table": TABLE + 0.5}, r"\(2, 24\) came; whole numbers"),
        ({"kintree_table": np.array("x", object)}, "no such table came"),
        ({"f": np.full((4, 3), -1)}, "faces that do not fit"),
        ({"f": np.zeros((0, 3))}, "faces that do not fit"),
        ({"f": np.zeros((4, 4))}, r"f: shape \(4, 4\) came"),
        ({"f": np.full((4, 3), 1.5)}, "faces that do not fit"),
        ({"J_regressor": np.ones((24, 100))}, r"J_regressor: shape \(24, 100\) came"),
        ({"J_regressor": np.ones((24, 144))}, "J_regressor: rows miss 1 by up to"),
        ({"weights": np.ones((144, 52)) / 52}, "weights: shape"),
        ({"kintree_table": tree(55)}, "55 joints came; 24 or 52 were due"),
        ({"kintree_table": tree(24) + 30}, "each joint must follow its parent"),
        ({"v_template": np.full((144, 3), np.nan)}, "v_template: the number at"),
        ({"v_template": np.zeros((144, 2))}, "v_template: shape"),
        ({"J_regressor": np.array({"a": 1}, object)}, "a sparse matrix that does not"),
    ],
)
def test_what_is_no_such_body_is_one_line(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    path = saved(tmp_path, **changes)
    with pytest.raises(BadInput, match=said) as caught:
        smpl.mesh(path, H36M17.joints)
    assert str(caught.value).startswith(f"{path}: ")
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
    with pytest.raises(BadInput, match="none.npz: .*[Nn]o such file"):
        smpl.mesh(tmp_path / "none.npz", H36M17.joints)
    with pytest.raises(BadInput, match=str(tmp_path)):
        smpl.mesh(tmp_path, H36M17.joints)
    with pytest.raises(BadInput, match="cannot be read .*null"):
        smpl.mesh(Path("a\0b"), H36M17.joints)
