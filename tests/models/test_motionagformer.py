"""MotionAGFormer: every combination of its constructor arguments, its graphs, wrong sizes."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import models
from backends.base import Settings
from backends.numpy.program import NumpyProgram
from models import params
from models.errors import BadInput, PosePortError
from models.passes import to_inference

FP64 = Settings(precision="fp64")
ARGUMENTS: dict[str, Any] = {
    "n_layers": 1,
    "dim_in": 3,
    "dim_feat": 16,
    "dim_rep": 8,
    "num_heads": 2,
    "mlp_ratio": 2,
    "n_frames": 5,
    "neighbour_num": 2,
}
STRUCTURE = (
    "hierarchical",
    "use_tcn",
    "graph_only",
    "use_temporal_similarity",
    "use_adaptive_fusion",
)
DETAILS = ("use_layer_scale", "qkv_bias")
SWITCHES = STRUCTURE + DETAILS
COMBINATIONS = list(itertools.product((False, True), repeat=len(STRUCTURE)))


def official(**arguments: Any) -> models.Spec:
    return models.from_official("MotionAGFormer", ARGUMENTS | arguments)


@pytest.mark.parametrize("values", COMBINATIONS, ids=str)
def test_each_combination_has_the_parameters_of_the_official_class(
    values: tuple[bool, ...],
) -> None:
    on = dict(zip(STRUCTURE, values, strict=True))
    # of these, one or the other
    on |= {name: (sum(values) + i) % 2 == 0 for i, name in enumerate(DETAILS)}
    names = set(official(**on).parameters)
    width = 8 if on["hierarchical"] else 16
    branches = {name.split(".")[2] for name in names if name.startswith("layers.0.")}
    parts = {"att_spatial", "att_temporal", "graph_spatial", "graph_temporal"}
    assert branches == parts | ({"fusion"} if on["use_adaptive_fusion"] else set())
    bare = "" if on["graph_only"] else "mixer."
    graph = "layers.0.graph_temporal." + bare
    assert (f"{graph}branches.3.1.running_var" in names) == on["use_tcn"]
    assert (f"{graph}batch_norm.weight" in names) != on["use_tcn"]
    assert ("layers.0.att_spatial.mixer.qkv.bias" in names) == on["qkv_bias"]
    scaled = "layers.0.att_spatial.layer_scale_1" in names
    assert scaled == on["use_layer_scale"]
    assert ("layers.0.graph_spatial.norm1.weight" in names) != on["graph_only"]
    weight = official(**on).parameters[f"layers.0.graph_spatial.{bare}U.weight"]
    assert weight.type.shape == (width, width)


def weights(spec: models.Spec) -> dict[str, np.ndarray]:
    drawn = params.draw(spec.parameters, seed=4)
    draw = np.random.default_rng(4)
    # biases and scales that start at 0 or 1e-5 would hide that they are there
    return {
        name: array + draw.normal(0, 0.3, array.shape) * ("running" not in name)
        if array.dtype.kind == "f"
        else array
        for name, array in drawn.items()
    }


def pose(spec: models.Spec, arrays: dict[str, np.ndarray]) -> np.ndarray:
    program = NumpyProgram(to_inference(spec.train, outputs=["pose"]), FP64)
    program.load(arrays)
    keypoints = np.random.default_rng(1).normal(size=(2, 5, 17, 3))
    return program({"keypoints": keypoints})["pose"]


@pytest.mark.parametrize("switch", SWITCHES)
def test_each_argument_changes_the_pose_and_it_stays_finite(switch: str) -> None:
    both = []
    for value in (False, True):
        spec = official(**{switch: value})
        both.append(pose(spec, weights(spec)))
    assert all(np.isfinite(each).all() for each in both)
    without, with_it = both
    assert not np.allclose(without, with_it)


def test_the_fusion_of_a_hierarchical_model_is_not_used() -> None:
    spec = official(hierarchical=True)
    arrays = weights(spec)
    before = pose(spec, arrays)
    arrays["layers.0.fusion.weight"] = arrays["layers.0.fusion.weight"] + 1
    np.testing.assert_array_equal(pose(spec, arrays), before)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_a_frame_hears_of_as_many_as_were_asked(count: int) -> None:
    spec = official(neighbour_num=count)
    graph = spec.infer.with_outputs("layers.0.adjacency", "layers.0.margin")
    program = NumpyProgram(graph, FP64)
    program.load(weights(spec))
    keypoints = np.random.default_rng(1).normal(size=(2, 5, 17, 3))
    adjacency, margin = program({"keypoints": keypoints}).values()
    assert adjacency.shape == (34, 5, 5)
    assert (adjacency.sum(-1) == count).all()
    np.testing.assert_array_equal(adjacency, margin >= 0)


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ({"heads": 3}, "motionagformer: width 64 is not divisible by 3 heads"),
        ({"joints": 16}, "motionagformer: its graph is of 17 joints, not 16"),
        ({"neighbours": 9}, "motionagformer: neighbours 9 exceed the 2 frames"),
        ({"adjacency": "simlarity"}, "unknown adjacency 'simlarity': did you mean"),
        (
            {"hierarchical": True, "width": 33, "heads": 1},
            "motionagformer: width 33 has no halves, which hierarchical needs",
        ),
        (
            {"tcn": True, "width": 30, "heads": 2},
            "motionagformer: width 30 is not divisible by 4 branches of tcn",
        ),
    ],
    ids=str,
)
def test_sizes_that_make_no_network_are_one_line(
    sizes: dict[str, Any], said: str
) -> None:
    with pytest.raises(PosePortError) as caught:
        models.build("motionagformer", preset="tiny", **sizes)
    assert str(caught.value).startswith(said) and "\n" not in str(caught.value)


def test_another_activation_is_refused_by_name() -> None:
    assert official(act_layer="nn.GELU").train.nodes
    with pytest.raises(BadInput, match="act_layer 'relu' is not supported; GELU"):
        official(act_layer="relu")
