"""AMASS archives written here in their layout: faults are one line.

Joints against numbers done by hand, and against a mesh made in full.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.data import protocols
from bench.data.geometry import conversions, smplh
from bench.data.geometry.skeletons import AMASS22, H36M17
from bench.data.readers import amass
from models.errors import BadInput

RIG = protocols.load("synthetic").rig
FRAMES = 20
UPRIGHT = (np.pi / 2, 0, 0)  # turns the model's y up to the world's z
VERTICES = 40  # of a body model that is quickly made; SMPL-H has 6890


def motion(frames: int = FRAMES, **changes: Any) -> dict[str, Any]:
    """The arrays of an archive.

    Somebody upright with level arms, a metre above the floor, moving along x.
    """
    poses = np.zeros((frames, 156))
    poses[:, :3] = UPRIGHT
    trans = np.c_[np.arange(frames) / 100, np.zeros(frames), np.ones(frames)]
    content = {
        "poses": poses,
        "trans": trans,
        "betas": np.zeros(16),
        "dmpls": np.zeros((frames, 8)),
        "mocap_framerate": np.float64(120.0),
    }
    content |= {"gender": np.array("male")}
    return {
        key: value for key, value in (content | changes).items() if value is not None
    }


def write(
    folder: Path, name: str = "ACCAD/Male1_c3d/walk_poses.npz", **changes: Any
) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **motion(**changes))
    return folder


def model(seed: int = 0) -> dict[str, np.ndarray]:
    """A body model of few vertices in the layout of SMPL-H's model.npz."""
    draw = np.random.default_rng(seed)
    weights, regressor = (
        draw.uniform(size=(VERTICES, 52)) ** 8,
        draw.uniform(size=(52, VERTICES)) ** 4,
    )
    parents = [
        *(parent % 2**32 for parent in AMASS22.parents),
        *([20] * 15),
        *([21] * 15),
    ]
    return {
        "v_template": draw.normal(size=(VERTICES, 3)),
        "shapedirs": draw.normal(size=(VERTICES, 3, 16)) / 10,
        "posedirs": draw.normal(size=(VERTICES, 3, 459)) / 100,
        "J_regressor": regressor / regressor.sum(axis=1, keepdims=True),
        "weights": weights / weights.sum(axis=1, keepdims=True),
        "kintree_table": np.array([parents, range(52)], np.uint32),
        "f": np.zeros((3, 3), np.uint32),
        "bs_type": np.array({"style": "lbs"}, dtype=object),
    }


def install(folder: Path, content: dict[str, Any], gender: str = "male") -> Path:
    path = folder / "body_models" / "smplh" / gender
    path.mkdir(parents=True)
    np.savez(path / "model.npz", **content)
    return folder


def test_the_built_in_body_stands(tmp_path: Path) -> None:
    clips = amass.load(str(write(tmp_path)), rig=RIG)
    assert [clip.camera_name for clip in clips] == ["cam0", "cam1", "cam2", "cam3"]
    clip = clips[0]
    assert (clip.name, clip.subject, clip.action, clip.style) == (
        "ACCAD/Male1_c3d/walk_poses",
        "Male1_c3d",
        "walk_poses",
        "ACCAD",
    )
    assert (clip.fps, clip.skeleton.name, clip.frames) == (120.0, "h36m17", FRAMES)
    assert "built-in skeleton, 1.7 m tall" in clip.notes[0]
    pose = dict(zip(H36M17.joints, clip.world_pose[0].tolist(), strict=True))
    np.testing.assert_allclose(pose["Hip"], [0, 0, 1000], atol=1e-3)
    # the ankle: hip height 0.530 less 0.039, and 0.04
    np.testing.assert_allclose(pose["LFoot"], [85, 0, 1000 - 0.531 * 1700], atol=1e-3)
    np.testing.assert_allclose(
        pose["RWrist"],
        [-(0.129 + 0.186 + 0.146) * 1700, 0, 1000 + 0.248 * 1700],
        atol=1e-3,
    )
    # a centimetre a frame
    np.testing.assert_allclose(clip.world_pose[7, 0], [70, 0, 1000], atol=1e-3)


def test_a_bent_elbow_by_hand(tmp_path: Path) -> None:
    poses = motion()["poses"]
    poses[:, 3 * AMASS22.index("LElbow") + 1] = (
        np.pi / 2
        # about the model's y: the forearm turns from x to -z, which lies along the world's y
    )
    clip = amass.load(str(write(tmp_path, poses=poses)), rig=RIG)[0]
    pose = dict(zip(H36M17.joints, clip.world_pose[0], strict=True))
    np.testing.assert_allclose(
        pose["LWrist"] - pose["LElbow"], [0, 0.146 * 1700, 0], atol=1e-3
    )
    np.testing.assert_allclose(
        pose["LElbow"] - pose["LShoulder"], [0.186 * 1700, 0, 0], atol=1e-3
    )


@settings(max_examples=30, deadline=None)
@given(turn=st.tuples(*[st.floats(-4, 4)] * 3))
def test_rotations_are_rotations_about_their_axis(
    turn: tuple[float, float, float],
) -> None:
    matrix = smplh.rotations(np.array(turn))
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(matrix @ turn, turn, atol=1e-12)
    # the trace tells the angle, whatever the axis
    assert np.trace(matrix) == pytest.approx(
        1 + 2 * np.cos(np.linalg.norm(turn)), abs=1e-12
    )
    assert np.linalg.det(matrix) > 0


def test_bone_lengths_do_not_change(tmp_path: Path) -> None:
    local = smplh.rotations(np.random.default_rng(0).normal(size=(9, 22, 3)))
    rest = smplh.built_in()
    place, _ = smplh.forward(rest, AMASS22.parents, local)
    for parent, child in AMASS22.bones:
        expected = np.linalg.norm(rest[child] - rest[parent])
        np.testing.assert_allclose(
            np.linalg.norm(place[:, child] - place[:, parent], axis=-1),
            expected,
            atol=1e-12,
        )


def test_a_body_model_gives_its_own_joints(tmp_path: Path) -> None:
    body, betas = model(), np.linspace(-1, 1, 16)
    poses = np.zeros((FRAMES, 156))
    clip = amass.load(
        str(install(write(tmp_path, betas=betas, poses=poses), body)), rig=RIG
    )[0]
    # At rest a joint is the regressor of the shaped vertices, and no turn matters.
    rest = body["J_regressor"] @ (body["v_template"] + body["shapedirs"] @ betas)
    expected = (
        conversions.convert(rest[:22], "amass22", "h36m17") + motion()["trans"][0]
    )
    np.testing.assert_allclose(clip.world_pose[0], 1000 * expected, atol=1e-3)
    assert clip.notes == ()


def skinned(
    body: dict[str, np.ndarray], betas: np.ndarray, turns: np.ndarray
) -> np.ndarray:
    """The mesh (V, 3) of one pose, vertex by vertex as the papers have it."""
    shaped = body["v_template"] + body["shapedirs"] @ betas
    rest = body["J_regressor"] @ shaped
    local = smplh.rotations(turns)
    posed = shaped + body["posedirs"] @ (local[1:] - np.eye(3)).ravel()
    chain = np.zeros((52, 4, 4))
    for joint in range(52):
        # parents first, each joint turned about its own rest place
        own, parent = np.eye(4), int(body["kintree_table"][0, joint])
        own[:3, :3], own[:3, 3] = (
            local[joint],
            rest[joint] - (rest[parent] if joint else 0),
        )
        chain[joint] = chain[parent] @ own if joint else own
    # from the rest pose, so that a joint that does not turn moves nothing
    for joint in range(52):
        chain[joint, :3, 3] -= chain[joint, :3, :3] @ rest[joint]
    blend = np.einsum("vj,jab->vab", body["weights"], chain)
    return np.einsum("vab,vb->va", blend, np.c_[posed, np.ones(VERTICES)])[:, :3]


def test_regressed_joints_are_those_of_the_mesh(tmp_path: Path) -> None:
    body, draw = model(), np.random.default_rng(1)
    # Some vertices have no share, as in the real one: the quick way leaves them out.
    regressor = draw.dirichlet(np.ones(VERTICES), 17) * (
        draw.uniform(size=VERTICES) < 0.6
    )
    poses, betas = draw.normal(size=(FRAMES, 156)) / 2, draw.normal(size=16)
    install(write(tmp_path, poses=poses, betas=betas), body, "neutral")
    np.save(tmp_path / "body_models" / "J_regressor_h36m_correct.npy", regressor)
    clip = amass.load(str(tmp_path), rig=RIG)[0]
    for frame in (0, FRAMES - 1):  # vertex by vertex is slow
        mesh = skinned(body, betas, poses[frame].reshape(52, 3))
        np.testing.assert_allclose(
            clip.world_pose[frame],
            1000 * (regressor @ mesh + motion()["trans"][frame]),
            atol=2e-3,
        )


def test_which_files_are_taken_and_variants(tmp_path: Path) -> None:
    write(
        tmp_path,
        "B/s2/b_poses.npz",
        gender=np.array(b"female"),
        mocap_framerate=None,
        mocap_frame_rate=np.array([60]),
    )
    write(
        tmp_path,
        "a.npz",
        poses=np.tile(motion()["poses"][:, :72], 1),
        gender=None,
        betas=None,
    )
    write(
        tmp_path,
        "B/s2/c_poses.npz",
        poses=np.zeros((FRAMES, 165)),
        trans=np.tile([0.0, 0, 1], (FRAMES, 1)),
    )
    # neither of these two is a motion
    np.savez(tmp_path / "B/s2/shape.npz", betas=np.zeros(16))
    np.savez(tmp_path / "B/s2/male_stagei.npz", betas=np.zeros(16))
    clips = amass.load(str(tmp_path), rig=RIG, small=0.9)
    assert [(clip.name, clip.fps, clip.frames) for clip in clips[::4]] == [
        ("B/s2/b_poses", 60, 18),
        ("B/s2/c_poses", 120, 18),
        ("a", 120, 18),
    ]
    assert amass.load(str(tmp_path / "a.npz"), rig=RIG)[0].name == "a"


def wrong(array: np.ndarray, place: tuple[int, ...], value: float) -> np.ndarray:
    array[place] = value
    return array


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "no poses": ({"poses": None}, "poses missing"),
    "no trans": ({"trans": None}, "trans missing"),
    "no rate": ({"mocap_framerate": None}, "mocap_framerate is missing"),
    "rate zero": (
        {"mocap_framerate": np.float64(0)},
        "mocap_framerate is 0; frames a second",
    ),
    "rate text": ({"mocap_framerate": np.array("fast")}, "mocap_framerate: "),
    "width": (
        {"poses": np.zeros((FRAMES, 150))},
        "poses: 150 numbers a frame came; 156, 165, 72 were due",
    ),
    "short trans": (
        {"trans": np.zeros((3, 3))},
        r"trans: shape \(3, 3\) came; \(20, 3\) was due",
    ),
    "empty": ({"poses": np.zeros((0, 156)), "trans": np.zeros((0, 3))}, "zero frames"),
    "NaN": (
        {"poses": wrong(np.zeros((FRAMES, 156)), (4, 5), np.nan)},
        r"poses: the number at \[4, 5\] is not finite",
    ),
    "infinite": (
        {"trans": wrong(np.zeros((FRAMES, 3)), (4, 1), np.inf)},
        r"trans: the number at \[4, 1\]",
    ),
    "gender": (
        {"gender": np.array("robot")},
        "gender is none of male, female, neutral",
    ),
    "millimetres": (
        {"trans": np.tile([0.0, 0, 1000], (FRAMES, 1)) + [9000, 9000, 0]},
        "trans reach 9000; metres were due",
    ),
    "degrees": (
        {"poses": wrong(np.zeros((FRAMES, 156)), (0, 0), 90.0)},
        "poses reach 90; radians were due",
    ),
    "rate of light": (
        {"mocap_framerate": np.float64(1e8)},
        "frames a second, above 0 and up to 10000",
    ),
    "objects": ({"betas": np.array([{"a": 1}], dtype=object)}, "betas: "),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_fault_is_one_line_that_says_where(tmp_path: Path, case: str) -> None:
    changes, message = FAULTS[case]
    with pytest.raises(BadInput, match=message) as caught:
        amass.load(str(write(tmp_path, **changes)), rig=RIG)
    assert "\n" not in str(caught.value)
    assert "walk_poses.npz" in str(caught.value)


def test_models_that_are_missing_or_damaged_are_named(tmp_path: Path) -> None:
    body = model()
    install(write(tmp_path), body, "female")
    # the motion is of a man, and a woman's model is no stand-in
    with pytest.raises(BadInput, match="neither male/model.npz nor neutral/model.npz"):
        amass.load(str(tmp_path), rig=RIG)
    for number, (key, value, message) in enumerate(
        (
            ("weights", None, "weights missing"),
            ("weights", body["weights"][:-1], r"weights: shape \(39, 52\) came"),
            ("kintree_table", body["kintree_table"][:, ::-1], "must follow its parent"),
            ("kintree_table", np.zeros((2, 24), np.int64), "must follow its parent"),
        )
    ):
        folder = write(tmp_path / str(number))
        changed = {
            name: array
            for name, array in (body | {key: value}).items()
            if array is not None
        }
        with pytest.raises(BadInput, match=message):
            amass.load(str(install(folder, changed)), rig=RIG)
    folder = install(write(tmp_path / "r"), body)
    np.save(folder / "body_models" / "J_regressor_h36m.npy", np.zeros((17, 6890)))
    with pytest.raises(
        BadInput,
        match=r"J_regressor_h36m.npy: shape \(17, 6890\) came; \(17, 40\) was due",
    ):
        amass.load(str(folder), rig=RIG)


def test_no_cameras_no_files(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="has no cameras of its own"):
        amass.load(str(write(tmp_path)), rig=None)
    with pytest.raises(BadInput, match="no such file or folder"):
        amass.load(str(tmp_path / "nowhere"), rig=RIG)
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="holds no archive of a motion"):
        amass.load(str(tmp_path / "empty"), rig=RIG)
