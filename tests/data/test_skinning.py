"""Posing a mesh by the places of its joints: where they are asked for, without tearing."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from bench.data.geometry.skeletons import H36M16, H36M17
from bench.data.geometry.skinning import Skin, _least
from bench.data.readers import synthetic
from models.errors import BadInput
from models.human import human
from models.mesh import Mesh

Array = np.ndarray
ACTIONS = ("Walking", "Sitting", "Posing", "Purchases", "SittingDown", "Phoning")


@pytest.fixture(scope="module")
def poses() -> Array:
    """(n, 17, 3) metres from the root, of people of several builds."""
    takes = [
        synthetic.make(subject, action).world[::50]
        for subject in ("S1", "S8")
        for action in ACTIONS
    ]
    found = np.concatenate(takes) / 1000
    return found - found[:, :1]


@pytest.fixture(scope="module")
def skin() -> Skin:
    return Skin(human(2), H36M17.joints)


def regressed(mesh: Mesh, vertices: Array) -> Array:
    return np.einsum("jv,nvc->njc", mesh.regressor, vertices)


def lengths(mesh: Mesh, vertices: Array) -> Array:
    ends = vertices[..., mesh.edges, :]
    return np.linalg.norm(ends[..., 0, :] - ends[..., 1, :], axis=-1)


@pytest.mark.parametrize("detail", [1, 2, 3])
def test_joints_lie_where_they_are_asked_for(poses: Array, detail: int) -> None:
    mesh = human(detail)
    apart = regressed(mesh, Skin(mesh, H36M17.joints).posed(poses)) - poses
    distance = 1000 * np.linalg.norm(apart, axis=-1)
    assert distance.mean() < 1.5  # mm
    # the worst is the spine of somebody who sits on the floor
    assert distance.max() < 15


def test_the_rest_pose_is_the_rest_mesh(skin: Skin) -> None:
    posed = skin.posed(skin.mesh.joints[None])
    assert np.abs(posed[0] - skin.mesh.vertices).max() < 1e-6


def test_turned_poses_are_turned_bodies(skin: Skin, poses: Array) -> None:
    turn, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))
    turn *= np.linalg.det(turn)  # a turn, and no mirror
    turned = skin.posed(poses @ turn.T)
    assert np.abs(turned - skin.posed(poses) @ turn.T).max() < 1e-5


def test_larger_poses_are_larger_bodies(skin: Skin, poses: Array) -> None:
    assert np.abs(skin.posed(1.2 * poses) - 1.2 * skin.posed(poses)).max() < 1e-5


def test_edges_bend_without_tearing(skin: Skin, poses: Array) -> None:
    posed = skin.posed(poses)
    size = lengths(skin.mesh, posed) / lengths(skin.mesh, skin.mesh.vertices)
    # the worst is the armpit of an arm that is raised: some millimetres become some centimetres
    assert size.max() < 6
    # and few of them go far
    assert np.quantile(size, 0.99) < 1.8


def test_poses_that_are_near_are_bodies_that_are_near(skin: Skin) -> None:
    """No turn jumps as a body moves, on its head and with arms that pass overhead too."""
    world = synthetic.make("S9", "Posing").world / 1000
    moving = world - world[:, :1]
    moving[..., 1:] *= -1
    steps = np.abs(np.diff(moving, axis=0)).max(axis=(1, 2))
    carried = np.abs(np.diff(skin.posed(moving), axis=0)).max(axis=(1, 2))
    assert (carried < 6 * steps + 1e-4).all()


def test_half_a_turn_is_a_turn_from_every_direction() -> None:
    corners = np.array(list(product((-1.0, 0.0, 1.0), repeat=3)))
    start = corners[np.abs(corners).sum(axis=1) > 0]
    start /= np.linalg.norm(start, axis=1, keepdims=True)
    turn = _least(start, -start)
    assert np.abs((turn @ start[..., None])[..., 0] + start).max() < 1e-12
    assert np.abs(turn @ turn.swapaxes(1, 2) - np.eye(3)).max() < 1e-12
    assert np.abs(np.linalg.det(turn) - 1).max() < 1e-12


def test_a_limb_that_points_back_and_one_of_no_length_are_finite(skin: Skin) -> None:
    rest = skin.mesh.joints
    back, none = rest.copy(), rest.copy()
    elbow, wrist = H36M17.indices(("RElbow", "RWrist"))
    back[wrist] = 2 * back[elbow] - back[wrist]
    none[wrist] = none[elbow]
    found = skin.posed(np.stack([back, none, np.zeros_like(rest)]))
    assert np.isfinite(found).all()
    apart = regressed(skin.mesh, found)[:2] - (back, none)
    assert np.abs(apart).max() < 0.01


def test_a_head_whose_joint_is_the_necks_end_keeps_its_shape(skin: Skin) -> None:
    rest = skin.mesh.joints
    short = rest.copy()
    head, neck = H36M17.indices(("Head", "Neck/Nose"))
    short[head] = rest[neck] + 0.3 * (rest[head] - rest[neck])
    part = skin.mesh.weights[:, head] > 0.99
    before, after = (skin.posed(pose[None])[0, part] for pose in (rest, short))
    size = np.ptp(after, axis=0) / np.ptp(before, axis=0)
    assert (size > 0.8).all() and (size < 1.01).all()
    # what lies below is as it was, but for the size of the whole
    still = skin.mesh.weights[:, head] == 0
    moved = np.abs(skin.posed(short[None])[0, still] - skin.mesh.vertices[still])
    assert moved.max() < 0.01


def test_a_frame_that_lacks_a_joint_has_no_surface_and_the_others_have(
    skin: Skin, poses: Array
) -> None:
    lacking = poses[:3].copy()
    lacking[1, 5] = np.nan
    found = skin.posed(lacking)
    assert np.isnan(found[1]).all()
    assert (found[[0, 2]] == skin.posed(poses[[0, 2]])).all()


def test_a_skeleton_without_the_neck_is_posed_too(poses: Array) -> None:
    kept = list(H36M17.indices(H36M16.joints))
    mesh = human(1, H36M16.joints)
    found = Skin(mesh, H36M16.joints).posed(poses[:, kept])
    assert np.abs(regressed(mesh, found) - poses[:, kept]).max() < 0.015


@pytest.mark.parametrize(
    ("joints", "said"),
    [
        (H36M16.joints, "it has 17 joints, the poses have 16"),
        (
            ("Pelvis", *H36M17.joints[1:]),
            "the poses lack Hip, by which a body is turned",
        ),
    ],
)
def test_joints_that_do_not_serve_are_one_line(
    joints: tuple[str, ...], said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        Skin(human(1), joints)
