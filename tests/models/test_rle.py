"""RLE: its two losses by hand, depths of the root, and a flow that only training has."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import models
from backends.base import Settings
from backends.numpy.program import NumpyProgram
from models import params
from models.errors import BadInput
from models.passes import to_inference
from tests.asserts import assert_close

FP64 = Settings(precision="fp64")
Array = np.ndarray
HEAD: dict[str, Any] = {"joints": 4, "features": 5, "root": 1, "couplings": 2}


def built(**sizes: Any) -> models.Spec:
    return models.build("rle", preset="tiny", **HEAD | sizes)


def feeds(coordinates: int = 3) -> dict[str, Array]:
    rng = np.random.default_rng(0)
    shape = (2, 1, 4, coordinates)
    return {
        "images": np.abs(rng.normal(size=(2, 5, 3, 2))),
        "target": rng.normal(0, 0.2, shape),
        "known": np.ones(shape),
    }


def ran(spec: models.Spec, names: list[str], fed: dict[str, Array]) -> dict[str, Array]:
    graph = spec.train.with_outputs(*names)
    program = NumpyProgram(graph, FP64)
    program.load(params.draw(graph.params, seed=0))
    return program({name: fed[name] for name in graph.inputs})


def test_depths_are_the_roots_in_the_pose_and_not_in_the_loss() -> None:
    came = ran(built(), ["pose", "pred_jts"], feeds())
    due = came["pred_jts"].copy()
    due[..., 2] -= due[:, :, 1:2, 2]
    assert_close(came["pose"], due, rtol=1e-12, what="pose")


def test_the_laplace_term_by_hand() -> None:
    fed = feeds()
    fed["known"][0, 0, 2, 1:] = 0
    came = ran(built(loss={"laplace": 1.0}), ["loss", "pred_jts", "sigma"], fed)
    sigma, distance = came["sigma"], np.abs(came["pred_jts"] - fed["target"])
    amplitude = 1 / np.sqrt(2 * np.pi)
    each = np.log(sigma / amplitude) + distance / (np.sqrt(2) * sigma + 1e-9)
    due = (each * fed["known"]).sum() / 2
    assert_close(came["loss"], due, rtol=1e-12, what="laplace")


@pytest.mark.parametrize("known", [0.0, 0.5], ids=str)
def test_a_depth_that_is_not_known_is_told_by_the_flow_of_two(known: float) -> None:
    """The authors' code calls a depth known from a weight of 1."""
    fed = feeds()
    fed["known"][0, 0, 2, 2] = known
    usual = ran(built(), ["nf_loss"], feeds())["nf_loss"]
    came = ran(built(), ["nf_loss"], fed)["nf_loss"]
    moved = np.argwhere(~np.isclose(came, usual).all(-1))
    assert moved.tolist() == [[0, 0, 2]]
    # its own target of depth plays no part in the density then
    fed["target"][0, 0, 2, 2] += 1
    again = ran(built(), ["nf_loss"], fed)["nf_loss"]
    assert_close(again, came, rtol=1e-12, what="nf_loss")


def test_two_coordinates_are_weighed_by_what_is_known_of_the_first() -> None:
    spec = built(coordinates=2, loss={"flow": 1.0})
    fed = feeds(2)
    fed["known"][..., 1] = 0
    came = ran(spec, ["loss", "nf_loss"], fed)
    assert_close(came["loss"], came["nf_loss"].sum() / 2, rtol=1e-12, what="flow")


def test_only_training_has_the_flow() -> None:
    spec = built()
    assert not [name for name in spec.infer.params if name.startswith("flow")]
    assert [name for name in spec.train.params if name.startswith("flow")]
    # and of two losses only one
    plain = built(loss={"mpjpe": 1.0})
    assert not [name for name in plain.train.params if name.startswith("flow")]


def test_a_picture_without_features_still_has_a_pose() -> None:
    spec = built()
    graph = to_inference(spec.train, outputs=["pose"])
    program = NumpyProgram(graph, FP64)
    program.load(params.draw(graph.params, seed=0))
    assert np.isfinite(program({"images": np.zeros((1, 5, 2, 2))})["pose"]).all()


ARGUMENTS = {
    "PRESET": {"NUM_JOINTS": 3, "IMAGE_SIZE": [64, 32]},
    "NUM_LAYERS": 18,
    "NUM_FC_FILTERS": [-1],
}


@pytest.mark.parametrize(
    "official", ["RegressFlow (RLE, 2D)", "RegressFlow3D (RLE, 3D)"]
)
def test_the_authors_arguments_build_the_whole_network(official: str) -> None:
    spec = models.from_official(official, ARGUMENTS)
    assert spec.infer.inputs["images"].shape[1:] == (3, 64, 32)
    assert ("flow3d.s.0.0.weight" in spec.parameters) == ("3D" in official)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"NUM_FC_FILTERS": [1024]}, r"NUM_FC_FILTERS \[1024\] came; \[-1\] was due"),
        ({"NUM_LAYERS": 51}, "a ResNet of 51 layers came"),
        ({"PRESET": {"NUM_JOINTS": 3}}, "'IMAGE_SIZE' is missing"),
        (
            {"features": 4, "joints": 3, "root_idx": 3},
            "root 3 came; a joint from 0 to 2",
        ),
        ({"features": 4, "joints": 3, "masks3d": [[0, 2, 1]]}, "masks"),
        (
            {"features": 4, "joints": 3, "masks3d": [[0, 1], [1, 0]]},
            "rle: masks3d .* came; masks of 3 coordinates were due",
        ),
        (
            {"features": 4, "joints": 3, "masks2d": [[0, 1, 1]]},
            "rle: masks2d .* came; masks of 2 coordinates were due",
        ),
    ],
    ids=str,
)
def test_arguments_that_make_no_network_are_refused(
    change: dict[str, Any], said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        models.from_official("RegressFlow3D (RLE, 3D)", ARGUMENTS | change)
