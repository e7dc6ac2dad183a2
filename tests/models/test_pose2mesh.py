"""Pose2Mesh: who learns from what, the body that it is built for, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import models
from backends.base import Settings
from backends.numpy.program import NumpyProgram
from models import Body, params
from models.body import H36M_17
from models.builder import Builder
from models.errors import PosePortError
from models.human import human
from models.sparse import Matrix
from models.zoo import pose2mesh
from models.zoo._meshnet import refine
from tests.asserts import assert_close

FP64 = Settings(precision="fp64")
KEYPOINTS = np.random.default_rng(0).normal(size=(2, 1, 17, 2))


def tiny(name: str = "pose2mesh", **given: Any) -> models.Spec:
    return models.build(name, preset="tiny", **given)


def test_the_pose_is_that_of_the_mesh() -> None:
    spec = tiny()
    program = NumpyProgram(spec.infer, FP64)
    program.load(params.draw(spec.infer.params, seed=0))
    made = program({"keypoints": KEYPOINTS})
    assert made["vertices"].shape == (2, *human(1).vertices.shape)
    due = human(1).regressor @ made["vertices"]
    assert_close(made["pose"][:, 0], due, rtol=1e-6, what="joints of the mesh")


def test_the_mesh_teaches_the_lifter_nothing() -> None:
    alone = tiny(loss={"vertex": 1.0})
    grads = gradients(alone)
    assert not any(grads[name].any() for name in grads if "pose_lifter" in name)
    both = gradients(tiny(loss={"vertex": 1.0, "lifted": 1.0}))
    assert both["pose_lifter.w2.weight"].any()
    for name in grads:
        if "pose2mesh" in name:
            assert_close(both[name], grads[name], rtol=1e-12, what=name)


def gradients(spec: models.Spec) -> dict[str, np.ndarray]:
    from backends import load
    from models.optim import Optimizer

    trainer = load("numpy").trainer(spec.train, Optimizer("sgd", 0.0, 0.0), FP64)
    trainer.program.load(params.draw(spec.train.params, seed=0))
    rng = np.random.default_rng(1)
    fed = {
        name: rng.normal(size=(2, *type_.shape[1:]))
        for name, type_ in spec.train.inputs.items()
    }
    _, grads = trainer.gradients(trainer.program.put(fed))
    return grads


def test_a_lifter_that_is_given_is_not_trained() -> None:
    spec = tiny("pose2mesh:meshnet")
    trained = spec.train.trainable()
    assert trained and all(name.startswith("pose2mesh.") for name in trained)
    assert spec.parameters.keys() == tiny().parameters.keys()
    # nor do its statistics move
    assert not any("pose_lifter" in name for name in spec.train.state)


def test_the_unit_of_the_lifter_is_no_matter_of_the_mesh() -> None:
    """Millimetres out of its last layer are metres to whoever reads it."""
    metres, other = tiny("pose2mesh:posenet"), tiny("pose2mesh:posenet", unit=1000.0)
    weights = params.draw(metres.infer.params, seed=0)
    poses = []
    for spec, factor in ((metres, 1.0), (other, 1000.0)):
        program = NumpyProgram(spec.infer, FP64)
        last = {
            name: weights[f"pose_lifter.{name}"].astype(np.float64) * factor
            for name in ("w2.weight", "w2.bias")
        }
        program.load(weights | {f"pose_lifter.{name}": last[name] for name in last})
        poses.append(program({"keypoints": KEYPOINTS})["pose"])
    assert_close(poses[1], poses[0], rtol=1e-12, what="poses")


def test_it_takes_the_body_that_is_given() -> None:
    joints = tuple(joint for joint in H36M_17.joints if joint != "Neck/Nose")
    mesh = human(1, joints)
    bones = tuple(
        (parent, child) for child, parent in enumerate(mesh.parents) if parent >= 0
    )
    body = Body(joints=joints, bones=bones, mesh=mesh)
    sides = {"left": (4, 5, 6, 10, 11, 12), "right": (1, 2, 3, 13, 14, 15)}
    spec = tiny(body=body, joints=16, **sides)
    assert spec.infer.types[spec.infer.outputs["pose"]].shape[1:] == (1, 16, 3)


def test_the_mesh_is_convolved_by_its_levels_and_the_joints_by_their_laplacian() -> (
    None
):
    """All levels but the last, scaled; the joints' skeleton with its mirror pairs, not scaled."""
    size = replace(pose2mesh.PRESETS["tiny"], joints=4, left=(2,), right=(3,))
    made = pose2mesh._levels(human(1), size.levels, 0)
    graphs = pose2mesh._graphs(made, size, ((0, 1), (1, 2), (1, 3)))
    assert len(graphs) == len(made.laplacians) == size.levels
    assert graphs[:-1] == list(made.laplacians[:-1])
    # bones, the pair of 2 and 3, and each joint with itself
    near = np.array([[1, 1, 0, 0], [1, 1, 1, 1], [0, 1, 1, 1], [0, 1, 1, 1]])
    root = np.diag(near.sum(axis=1) ** -0.5)
    came = np.zeros((4, 4))
    came[graphs[-1].rows, graphs[-1].columns] = graphs[-1].values
    assert_close(came, np.eye(4) - root @ near @ root, rtol=1e-12, what="joints")


def test_a_level_goes_up_by_repeating_its_vertices() -> None:
    """Both halves of a vertex begin as it was: what differs comes of the finer level alone."""
    size = pose2mesh.PRESETS["tiny"]
    none = Matrix(*(np.zeros(0, kind) for kind in (int, int, float)), size=4)
    levels = [replace(none, size=each) for each in (16, 8, 17)]
    g = Builder("mesh")
    x = g.input("x", ("batch", 17, 5))
    g.output("y", refine(x, levels, blocks=size.blocks, orders=(1,) * 4))
    graph = g.finish()
    program = NumpyProgram(graph, FP64)
    program.load(params.draw(graph.params, seed=0))
    y = program({"x": np.random.default_rng(0).normal(size=(2, 17, 5))})["y"]
    assert_close(y[:, 0::2], y[:, 1::2], rtol=1e-12, what="halves")
    assert np.abs(y[:, 0] - y[:, 2]).max() > 1e-3


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        (
            {"joints": 16, "left": (1,), "right": (2,)},
            "pose2mesh: a body of 16 joints that has a mesh was due",
        ),
        ({"detail": 9}, "body: detail 9; a number from 1 to"),
        ({"nodes": 100}, "100 nodes came for a mesh of"),
        ({"left": (1, 2)}, "pose2mesh: left (1, 2) and right"),
        (
            {"left": (1, 99), "right": (2, 3)},
            "pose2mesh: left (1, 99) and right (2, 3)",
        ),
        (
            {"left": (1,), "right": (1,)},
            "pose2mesh: left (1,) and right (1,) came; pairs",
        ),
        (
            {"left": (1, 1), "right": (2, 3)},
            "pose2mesh: left (1, 1) and right (2, 3) came",
        ),
        ({"unit": 0.0}, "pose2mesh: unit 0.0 came; one above 0 was due"),
        ({"frames": 1}, "unknown size of pose2mesh 'frames'"),
        ({"blocks": (5, 3)}, "size blocks of pose2mesh: a list of lists of whole"),
        ({"blocks": ((5, 0), (0, 3))}, "pose2mesh: blocks ((5, 0), (0, 3)) came"),
        ({"orders": (3, 3)}, "pose2mesh: orders (3, 3) came; 4 from 1 were due"),
    ],
    ids=str,
)
def test_sizes_that_make_no_network_are_one_line(
    sizes: dict[str, Any], said: str
) -> None:
    with pytest.raises(PosePortError) as caught:
        tiny(**sizes)
    assert str(caught.value).startswith(said) and "\n" not in str(caught.value)


def test_the_lifter_alone_looks_at_its_sizes_too() -> None:
    with pytest.raises(PosePortError, match="pose2mesh: left .* and right .* came"):
        tiny("pose2mesh:posenet", left=(99,), right=(1,))


def test_a_body_without_a_mesh_is_one_line() -> None:
    with pytest.raises(PosePortError, match="17 joints that has a mesh was due"):
        tiny(body=replace(H36M_17, mesh=None))


@pytest.mark.parametrize(
    "blocks",
    [
        (),
        ((5, 8), (8, 3)),
        ((4, 8), (8, 8), (8, 3)),
        ((5, 8), (8, 9), (8, 3)),
        ((5,),) * 3,
    ],
    ids=str,
)
def test_blocks_that_do_not_join_are_refused(blocks: Any) -> None:
    module = models.module("pose2mesh")
    with pytest.raises(PosePortError, match="blocks .* came; th"):
        module.Size(blocks=blocks, orders=(3,) * len(blocks))


@pytest.mark.parametrize(
    ("official", "config", "said"),
    [
        ("FlatPose2Mesh", {}, "'joints' is missing"),
        (
            "Pose2Mesh MeshNet",
            {"joints": 17, "CL_F": 3},
            "do not fit Pose2Mesh MeshNet",
        ),
        ("Pose2Mesh MeshNet", {"joints": 17, "CL_K": [3]}, "orders (3,) came; 10 from"),
    ],
)
def test_arguments_that_make_no_network_are_one_line(
    official: str, config: dict[str, Any], said: str
) -> None:
    with pytest.raises(PosePortError) as caught:
        models.official_size(official, config)
    assert said in str(caught.value) and "\n" not in str(caught.value)
