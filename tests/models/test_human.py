"""The built-in body: closed, oriented, of one piece, and joints where they are said to be."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from models.body import H36M_17, Body
from models.errors import BadInput, UnknownName
from models.human import human, rounding
from models.human.rings import JOINTS, PARENTS, REST
from models.mesh import Mesh

every_detail = pytest.mark.parametrize("detail", [1, 2, 3])


@every_detail
def test_it_is_closed_and_oriented_and_of_one_piece(detail: int) -> None:
    mesh = human(detail)
    sides = mesh.faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2).tolist()
    counted = Counter(map(tuple, sides))
    # each side once in this direction, and once in the other, of the face beyond
    assert set(counted.values()) == {1}
    assert all((end, start) in counted for start, end in counted)
    # of a sphere, in Euler's count
    assert len(mesh.vertices) - len(mesh.edges) + len(mesh.faces) == 2
    assert volume(mesh) > 0.05


def volume(mesh: Mesh) -> float:
    """Cubic metres, positive where faces look outwards."""
    a, b, c = np.moveaxis(mesh.vertices[mesh.faces], 1, 0)
    return float((a * np.cross(b, c)).sum() / 6)


def test_three_levels_of_detail_are_of_one_person() -> None:
    few, more, many = (human(detail) for detail in (1, 2, 3))
    assert len(few.vertices) == 200
    assert 1600 < len(many.vertices) < 1800
    assert abs(volume(more) / volume(many) - 1) < 0.05
    # a person of 1.75 m weighs about a kilogramme a litre
    assert 0.05 < volume(many) < 0.09
    height = np.ptp(many.vertices[:, 2])
    assert 1.70 < height < 1.80


def test_a_cage_is_rounded_to_a_b_spline_of_the_fifth_degree() -> None:
    """On a ring of rings of faces, where four meet everywhere: weights are products of two rows."""
    corner = np.arange(64).reshape(8, 8)
    right, below = np.roll(corner, -1, axis=1), np.roll(corner, -1, axis=0)
    around = (corner, below, np.roll(below, -1, axis=1), right)
    faces = list(zip(*(corners.ravel().tolist() for corners in around), strict=True))
    fine = rounding.rounded(faces, np.eye(64), detail=6)
    # at the corner itself, where its share is largest
    came = fine.columns[fine.columns[:, 27].argmax()].reshape(8, 8)[2:5, 2:5]
    row = np.array([26, 66, 26]) / 120
    assert np.abs(came - np.outer(row, row)).max() < 0.02


@every_detail
def test_joints_at_rest_are_regressed_to_a_millimetre(detail: int) -> None:
    mesh = human(detail)
    assert np.abs(mesh.joints - REST).max() < 1e-3
    assert np.abs(mesh.regressor.sum(axis=1) - 1).max() < 1e-9
    assert np.abs(mesh.weights.sum(axis=1) - 1).max() < 1e-9
    assert mesh.weights.min() >= 0


def test_its_left_half_is_the_mirror_image_of_its_right_one() -> None:
    vertices = human(2).vertices
    mirrored = vertices * (-1, 1, 1)
    away = np.linalg.norm(vertices[:, None] - mirrored, axis=-1)
    assert away.min(axis=1).max() < 1e-9


def test_a_body_is_made_once_and_the_same_again() -> None:
    assert human(1) is human(1)
    again = human.__wrapped__(1)
    assert (again.vertices == human(1).vertices).all()
    assert (again.faces == human(1).faces).all()


def test_a_skeleton_without_the_neck_has_its_weights() -> None:
    joints = tuple(joint for joint in JOINTS if joint != "Neck/Nose")
    mesh = human(1, joints)
    kept = [JOINTS.index(joint) for joint in joints]
    assert np.abs(mesh.joints - REST[kept]).max() < 1e-3
    head, neck = joints.index("Head"), JOINTS.index("Neck/Nose")
    both = human(1).weights[:, [neck, JOINTS.index("Head")]].sum(axis=1)
    assert mesh.weights[:, head] == pytest.approx(both)
    assert mesh.parents[head] == joints.index("Thorax")


@pytest.mark.parametrize("name", human(1).shape_names)
def test_a_shape_changes_what_its_name_says(name: str) -> None:
    mesh = human(1)
    joints, moved = mesh.joints, mesh.shaped({name: 1.0}).joints
    changed = {
        joint
        for joint, (before, after) in zip(
            JOINTS, zip(bones(joints), bones(moved), strict=True), strict=True
        )
        if after > 1.05 * before
    }
    assert (
        changed
        == {
            "height": set(JOINTS) - {"Hip"},
            "girth": set(),
            "arms": {"RElbow", "RWrist", "LElbow", "LWrist"},
            "legs": {"RKnee", "RFoot", "LKnee", "LFoot"},
            "shoulders": {"RShoulder", "LShoulder"},
            "hips": {"RHip", "LHip"},
            "head": {"Head"},
        }[name]
    )


def test_shapes_add_up_and_an_unknown_one_is_named() -> None:
    mesh = human(1)
    both = mesh.shaped({"height": 1.0, "girth": -0.5})
    due = mesh.vertices + mesh.shapes[0] - 0.5 * mesh.shapes[1]
    np.testing.assert_allclose(both.vertices, due)
    assert np.ptp(mesh.shaped({"height": 1.0}).vertices[:, 2]) > 1.9
    with pytest.raises(UnknownName, match="shape of human at detail 1 'heigth'"):
        mesh.shaped({"heigth": 1.0})


def bones(joints: np.ndarray) -> np.ndarray:
    parents = [max(parent, 0) for parent in human(1).parents]
    return np.linalg.norm(joints - joints[parents], axis=1)


@pytest.mark.parametrize("detail", [0, -1, 7])
def test_a_detail_that_is_none(detail: int) -> None:
    with pytest.raises(BadInput, match=f"body: detail {detail}; a number from 1 to 6"):
        human(detail)


@pytest.mark.parametrize(
    ("joints", "said"),
    [
        (("Hip", "Nose"), "joint Nose is none of a body's"),
        (("Hip", "Spine", "Hip"), "joint Hip came twice"),
        (JOINTS[1:], "joints without Hip came"),
        ((), "joints without Hip came"),
    ],
    ids=str,
)
def test_joints_that_make_no_body_are_named(joints: tuple[str, ...], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        human(1, joints)


@pytest.mark.parametrize(
    ("left_out", "heir"),
    [
        # the end of a limb goes with what is above, any other part with what is below
        (("RElbow", "RWrist"), "RShoulder"),
        (("Neck/Nose", "Head"), "Thorax"),
        (("LHip", "LKnee", "LFoot"), "Hip"),
        (("RHip", "RKnee"), "RFoot"),
        (JOINTS[1:], "Hip"),
    ],
    ids=str,
)
def test_what_hung_on_joints_that_are_left_out_goes_with_another(
    left_out: tuple[str, ...], heir: str
) -> None:
    joints = tuple(joint for joint in JOINTS if joint not in left_out)
    mesh = human(1, joints)
    together = [JOINTS.index(joint) for joint in (heir, *left_out)]
    due = human(1).weights[:, together].sum(axis=1)
    assert mesh.weights[:, joints.index(heir)] == pytest.approx(due)
    assert mesh.parents.count(-1) == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"faces": np.array([[0, 1, 999]])},
            "faces that do not fit: corners from 0 to",
        ),
        ({"faces": np.array([[0, 1, -1]])}, "faces that do not fit"),
        (
            {"regressor": np.zeros((0, 0))},
            r"regressor is \(0, 0\); \(17, 200\), all fin",
        ),
        ({"regressor": np.zeros((17, 200))}, "rows of regressor miss 1 by up to 1"),
        (
            {"vertices": np.full((200, 3), np.nan)},
            "vertices is .*, all finite, was due",
        ),
        ({"weights": np.zeros((200, 16))}, "weights is"),
        ({"shapes": np.zeros((2, 200, 3))}, "shapes is"),
        # a circle, two roots, none, places that are no joint
        (
            {"parents": (-1, 2, 3, 1, *PARENTS[4:])},
            r"parents \(-1, 2, 3, 1, .* no tree",
        ),
        ({"parents": (-1, -1, *PARENTS[2:])}, "are no tree; -1 was due at one joint"),
        ({"parents": (1, *PARENTS[1:])}, "are no tree"),
        ({"parents": (-1, 17, *PARENTS[2:])}, "a place from 0 to 16 that leads to it"),
        ({"parents": (-1, -2, *PARENTS[2:])}, "are no tree"),
    ],
)
def test_a_mesh_whose_arrays_do_not_belong_together(
    changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(BadInput, match=said) as caught:
        replace(human(1), **changes)
    assert "\n" not in str(caught.value)


def test_a_body_takes_a_mesh_of_its_own_joints_alone() -> None:
    body = replace(H36M_17, mesh=human(1))
    assert body.mesh is human(1)
    with pytest.raises(BadInput, match="a mesh of 17 joints came for 2"):
        Body(joints=("a", "b"), bones=(), mesh=human(1))
