"""Stages that hide a part of what they read: what goes in, what comes out, what they share."""

from __future__ import annotations

import numpy as np
import pytest

import models
from backends.base import Settings
from backends.numpy.program import NumpyProgram
from models import Spec, noise, params
from models.builder import Builder
from models.errors import SpecError
from models.layers import related_block

FAMILIES = ("keypoint_autoencoder", "keypoint_vit")
MASKED = [
    name for name in models.networks() if models.build(name, preset="tiny").masked
]


def tiny(name: str, **sizes: int) -> Spec:
    return models.build(name, preset="tiny", **sizes)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("stage", "reads", "makes"),
    [
        ("", "keypoints", "poses"),
        (":2d", "keypoints", "keypoints"),
        (":3d", "poses", "poses"),
    ],
)
def test_what_a_stage_reads_and_makes(
    family: str, stage: str, reads: str, makes: str
) -> None:
    spec = tiny(family + stage)
    assert (spec.reads, spec.makes, spec.masked) == (reads, makes, bool(stage))


def test_of_two_outputs_keypoints_are_made() -> None:
    assert tiny("dstformer:pretrain", outputs=2).makes == "keypoints"
    assert tiny("dstformer:pretrain", outputs=3).makes == "poses"


@pytest.mark.parametrize("family", FAMILIES)
def test_stages_share_the_encoder_and_what_they_read_or_make(family: str) -> None:
    lifter, plane, space = (
        set(tiny(family + stage).parameters) for stage in ("", ":2d", ":3d")
    )
    # the lifter reads what `2d` reads, and makes what `3d` makes
    assert {"keypoints", "poses"} == {
        name.split(".")[-2] for name in lifter - plane
    } | {name.split(".")[-2] for name in lifter - space}
    assert lifter <= plane | space


@pytest.mark.parametrize("name", MASKED)
def test_what_is_hidden_is_not_read(name: str) -> None:
    spec = tiny(name)
    program = NumpyProgram(spec.infer, Settings(precision="fp64"))
    program.load(params.draw(spec.infer.params, seed=0))
    rng = np.random.default_rng(0)
    feeds = {
        each: rng.normal(size=(2, spec.frames, *type_.shape[2:]))
        for each, type_ in spec.infer.inputs.items()
    }
    lengths = {"batch": 2, "frames": spec.frames}
    feeds |= noise.fixed(spec.infer, lengths, [3, 4])
    first = program(feeds)
    hidden = first["hidden"]
    assert hidden.shape == (2, spec.frames, 17, 1) and 0 < hidden.mean() < 1
    feeds[spec.reads] = feeds[spec.reads] + 7.0 * hidden
    np.testing.assert_allclose(program(feeds)["pose"], first["pose"], atol=1e-12)
    feeds[spec.reads] = feeds[spec.reads] + 7.0 * (1 - hidden)
    assert not np.allclose(program(feeds)["pose"], first["pose"])


def test_pairs_of_joints_have_a_bias_of_their_own() -> None:
    g = Builder("block")
    x = g.input("x", ("batch", 3, 4))
    g.output("y", related_block(x, heads=2, mlp_ratio=2, eps=1e-6, related=True))
    graph = g.finish()
    program = NumpyProgram(graph, Settings(precision="fp64"))
    drawn = params.draw(graph.params, seed=0)
    # not zeros, which is how projections start
    drawn = {name: array + 0.1 for name, array in drawn.items()}
    drawn["attn.qkv.weight"] = np.random.default_rng(0).normal(size=(12, 4))
    assert drawn["attn.relation"].shape == (2, 3, 3)
    x = np.random.default_rng(1).normal(size=(1, 3, 4))
    program.load(drawn)
    before = program({"x": x})["y"]
    # joint 0 looks at joint 2 alone
    drawn["attn.relation"][:, 0, 2] += 50.0
    program.load(drawn)
    after = program({"x": x})["y"]
    changed = np.abs(after - before).max(axis=(0, 2)) > 1e-9
    assert changed.tolist() == [True, False, False]


def test_a_representation_comes_out_beside_the_pose() -> None:
    spec = tiny("motionbert:representation")
    shape = spec.infer.types[spec.infer.outputs["rep"]].shape
    assert shape[2:] == (17, 64) and "pose" in spec.infer.outputs


def test_few_frames_have_no_acceleration() -> None:
    with pytest.raises(SpecError, match="acceleration needs at least three"):
        tiny("keypoint_vit", frames=2)
