"""Losses against NumPy by hand and against finite differences, and what they ask of a body."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest

import models
from backends.base import Settings
from backends.numpy.program import NumpyProgram
from models import objective
from models.body import Body
from models.builder import Builder
from models.errors import BadInput, SpecError, UnknownName
from models.gradient import PREFIX, gradient
from models.graph import Graph
from models.value import Value
from tests.asserts import assert_close
from tests.models.test_mesh_losses import BY_HAND as MESHES

FP64 = Settings(precision="fp64")
SHAPE = (2, 3, 4, 3)  # batch, frames, joints, coordinates
BODY = Body(
    joints=("root", "hip", "knee", "neck"),
    bones=((0, 1), (1, 2), (0, 3)),
    weights=(1.0, 1.0, 2.5, 0.0),
)


Array = np.ndarray


def poses(seed: int) -> Array:
    return np.random.default_rng(seed).normal(size=SHAPE)


POSE, TARGET = poses(0), poses(1)


def distances(pose: Array, target: Array) -> Array:
    return np.linalg.norm(pose - target, axis=-1)


def mpjpe(pose: Array, target: Array) -> float:
    return float(distances(pose, target).mean())


def n_mpjpe(pose: Array, target: Array) -> float:
    # over joints and coordinates of one frame
    product = (pose * target).sum((2, 3), keepdims=True)
    square = (pose**2).sum((2, 3), keepdims=True)
    return mpjpe(product / square * pose, target)


def focal(pose: Array, target: Array) -> float:
    distance = np.sqrt(((pose - target) ** 2).sum(-1))
    weight = 2 / (1 + np.exp(-distance / 0.05)) - 1
    return float((weight**2 * distance).mean())


def velocity(pose: Array, target: Array) -> float:
    return mpjpe(np.diff(pose, axis=1), np.diff(target, axis=1))


def limb_length(pose: Array, target: Array) -> float:
    total = 0.0
    for parent, child in BODY.bones:
        came = distances(pose[:, :, parent], pose[:, :, child])
        due = distances(target[:, :, parent], target[:, :, child])
        total += float(np.abs(came - due).mean())
    return total / len(BODY.bones)


def weighted_mpjpe(pose: Array, target: Array) -> float:
    total = 0.0
    for joint, weight in enumerate(BODY.weights or ()):
        distance = distances(pose[:, :, joint], target[:, :, joint])
        total += weight * float(distance.mean())
    # by the joints, not by the sum of the weights
    return total / len(BODY.joints)


def acceleration(pose: Array, target: Array) -> float:
    return mpjpe(np.diff(pose, n=2, axis=1), np.diff(target, n=2, axis=1))


BY_HAND: dict[str, Callable[[Array, Array], float]] = {
    "acceleration": acceleration,
    "lifted_joint": lambda pose, target: float(np.mean(np.abs(pose - target))),
    "limb_length": limb_length,
    "mpjpe": mpjpe,
    "mse": lambda pose, target: float(np.mean((pose - target) ** 2)),
    "n_mpjpe": n_mpjpe,
    "velocity": velocity,
    "focal": focal,
    "weighted_mpjpe": weighted_mpjpe,
}
every_loss = pytest.mark.parametrize("name", BY_HAND)


def graph(
    weights: dict[str, float], *, body: Body | None = BODY, flat: bool = False
) -> Graph:
    """The loss of a pose that is given, so that its gradient can be asked for."""
    g = Builder("loss")
    shape = ("batch", 12) if flat else ("batch", *SHAPE[1:])
    pose = g.input("pose", shape)
    g.output("loss", objective.total(pose, weights, body))
    return g.finish()


def value(asked: Graph, pose: Array = POSE, target: Array = TARGET) -> float:
    program = NumpyProgram(asked, FP64)
    outputs = program({"pose": pose, "target": target})
    return float(outputs["loss"])


def test_every_loss_is_done_by_hand_here() -> None:
    # a new file without a line here has not been compared with anything
    assert sorted([*BY_HAND, *MESHES]) == models.loss_names()


@every_loss
def test_a_loss_is_what_numpy_says(name: str) -> None:
    due = BY_HAND[name](POSE, TARGET)
    assert due > 0
    came = value(graph({name: 1.0}))
    assert_close(came, due, rtol=1e-12, what=name)


@every_loss
def test_a_loss_of_the_target_itself_is_zero(name: str) -> None:
    asked = graph({name: 1.0})
    # n_mpjpe scales by a quotient that is 1 to the last digit only
    assert value(asked, TARGET, TARGET) < 1e-12


@every_loss
def test_a_gradient_is_the_slope(name: str) -> None:
    """Central differences in float64 along some random directions."""
    asked = graph({name: 1.0})
    program = NumpyProgram(gradient(asked, wrt=["pose"]), FP64)
    outputs = program({"pose": POSE, "target": TARGET})
    slope = outputs[PREFIX + "pose"]
    step = 1e-6  # a central difference is off by about its square
    for seed in range(10, 15):
        way = poses(seed)
        up = value(asked, POSE + step * way)
        down = value(asked, POSE - step * way)
        came, due = (up - down) / (2 * step), (slope * way).sum()
        assert_close(came, due, rtol=1e-6, what=f"{name}, way {seed}")


def test_weights_sum_the_losses() -> None:
    came = value(graph({"mpjpe": 1.0, "limb_length": 0.5}))
    due = mpjpe(POSE, TARGET) + 0.5 * limb_length(POSE, TARGET)
    assert_close(came, due, rtol=1e-12, what="sum")


def test_flat_poses_are_single_frames() -> None:
    pose, target = POSE[:, :1], TARGET[:, :1]
    asked = graph({"limb_length": 1.0}, flat=True)
    came = value(asked, pose.reshape(2, 12), target.reshape(2, 12))
    due = limb_length(pose, target)
    assert_close(came, due, rtol=1e-12, what="flat")


def test_two_losses_share_the_tables_of_the_body() -> None:
    tables = graph({"limb_length": 1.0, "weighted_mpjpe": 1.0}).constants
    assert list(tables) == ["body.parents", "body.children", "body.weights"]
    assert tables["body.children"].tolist() == [1, 2, 3]


def test_weights_left_out_are_all_alike() -> None:
    asked = graph({"weighted_mpjpe": 1.0}, body=replace(BODY, weights=None))
    assert value(asked) == mpjpe(POSE, TARGET)
    # nothing is multiplied by 1
    assert not asked.constants


@pytest.mark.parametrize("factor", [2.0, 10.0])
def test_weights_are_not_normalised(factor: float) -> None:
    heavier = tuple(factor * weight for weight in BODY.weights or ())
    asked = graph({"weighted_mpjpe": 1.0}, body=replace(BODY, weights=heavier))
    due = factor * weighted_mpjpe(POSE, TARGET)
    # weights are stored in float32
    assert_close(value(asked), due, rtol=1e-6, what="heavier")


@dataclass(frozen=True)
class Mistake:
    """What a loss is asked with, and what is said of it."""

    loss: dict[str, float]
    body: Body | None
    said: str


MISTAKES = {
    "no body": Mistake(
        {"limb_length": 1.0},
        None,
        "loss limb_length needs the skeleton, and none was given; build the model with"
        " body=models.Body(joints=..., bones=..., weights=...)",
    ),
    "another body": Mistake(
        {"weighted_mpjpe": 1.0},
        Body(joints=("a", "b"), bones=()),
        "loss weighted_mpjpe: the body has 2 joints, the pose 4; give the body of the poses"
        " that the model makes",
    ),
    "no bones": Mistake(
        {"limb_length": 1.0},
        replace(BODY, bones=()),
        "loss limb_length: the body has no bones; leave it out of the loss",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_body_that_does_not_serve_is_one_line(name: str) -> None:
    mistake = MISTAKES[name]
    with pytest.raises(BadInput) as caught:
        graph(mistake.loss, body=mistake.body)
    assert str(caught.value) == mistake.said


def test_no_loss_and_an_unknown_one_name_the_files() -> None:
    known = ", ".join(models.loss_names())
    said = f"a loss needs at least one term; known: {known}"
    with pytest.raises(BadInput, match=said):
        graph({})
    said = "unknown loss 'limb': did you mean limb_length"
    with pytest.raises(UnknownName, match=said):
        graph({"limb": 1.0})


def test_what_a_loss_may_not_ask_for_is_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A mistyped parameter is no surface."""

    def mistyped(pose: Value, targets: Value, *, power: float = 2.0) -> Value:
        return (pose - targets).abs().mean(axis=(0, 1, 2, 3), keepdims=False)

    monkeypatch.setattr("models.losses.mpjpe.mpjpe", mistyped)
    pose = Builder("loss").input("pose", ("batch", 1, 4, 3))
    said = (
        "^loss mpjpe asks for 'targets', which no model gives; pose, target, vertices"
    )
    with pytest.raises(BadInput, match=said):
        objective.total(pose, {"mpjpe": 1.0}, None)


def test_a_single_frame_has_no_velocity() -> None:
    with pytest.raises(SpecError, match="velocity needs at least two output frames"):
        graph({"velocity": 1.0}, flat=True)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"bones": ((0, 4),)}, r"body: bone \(0, 4\) was given; .* from 0 to 3"),
        ({"bones": ((0, -1),)}, r"body: bone \(0, -1\) was given"),
        ({"bones": ((0, 1, 2),)}, "a bone is a pair of places"),
        ({"weights": (1.0,)}, "body: 1 weights came for 4 joints; give one for each"),
        ({"weights": (1.0, -1.0, 1.0, 1.0)}, "numbers of 0 or more were due"),
        ({"weights": (1.0, float("nan"), 1.0, 1.0)}, "numbers of 0 or more were due"),
    ],
)
def test_a_body_whose_parts_do_not_belong_together(
    changes: dict[str, tuple[object, ...]], said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        replace(BODY, **changes)  # type: ignore[arg-type]  # that is the point


def test_a_model_is_built_with_a_body() -> None:
    joints = tuple(f"joint{place}" for place in range(17))
    chain = tuple((place, place + 1) for place in range(16))
    body = Body(joints=joints, bones=chain)
    # one loss that needs the body beside one that does not
    loss = {"mpjpe": 1.0, "limb_length": 0.1}
    spec = models.build("videopose3d", preset="small", loss=loss, body=body)
    assert {"body.parents", "body.children"} == set(spec.train.constants)
    # what is deployed knows no loss, and none of its tables
    assert not spec.infer.constants


def test_an_official_model_takes_a_body_too() -> None:
    config = {"linear_size": 8, "num_stage": 1}
    spec = models.from_official("LinearModel", config, body=BODY)
    assert spec.train.outputs["loss"] in spec.train.types
