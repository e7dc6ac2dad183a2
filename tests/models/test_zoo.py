"""The zoo: paper parameter counts, shapes, one set of parameters behind two graphs.

And what the papers claim of their models.
"""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

import models
from backends.base import Settings
from backends.numpy.program import NumpyProgram
from models import dims, noise, params
from models.errors import BadInput, UnknownName
from models.graph import Graph
from models.passes import to_inference
from tests.asserts import assert_close

FP64 = Settings(precision="fp64")
PRESETS = [
    (name, preset)
    for name in models.networks()
    for preset in models.module(name).PRESETS
]
PAPER = [
    (name, preset, count)
    for name in models.networks()
    for preset, count in models.stage(name).parameters.items()
]
# those that can drop attention weights
ATTENTIVE = [
    name for name in models.names() if hasattr(models.size(name), "attention_drop")
]


def small(name: str, **sizes: object) -> models.Spec:
    return models.build(name, preset="tiny", **sizes)


def program(graph: Graph, *, seed: int = 0) -> NumpyProgram:
    """The graph with random weights and running statistics that are not the trivial ones."""
    made = NumpyProgram(graph, FP64)
    draw = np.random.default_rng(seed)
    weights = params.draw(graph.params, seed=seed)
    for name, array in weights.items():
        # a mean of 0 and a variance of 1 would hide that they are not applied
        if "running" in name:
            weights[name] = array + draw.uniform(0.1, 0.5, array.shape)
    made.load(weights)
    return made


def feeds(graph: Graph, **lengths: int) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(1)
    arrays = {
        name: draw.normal(size=dims.bind(type_.shape, lengths))
        for name, type_ in graph.inputs.items()
    }
    drawn = {
        name: noise.draw(one, dims.bind(one.type.shape, lengths), draw)
        for name, one in graph.noise.items()
    }
    return arrays | drawn


@pytest.mark.parametrize(("name", "preset", "count"), PAPER)
def test_parameter_counts_are_those_of_the_papers(
    name: str, preset: str, count: int
) -> None:
    assert models.build(name, preset=preset).parameter_count() == count


@pytest.mark.parametrize(("name", "preset"), PRESETS)
def test_every_preset_builds_two_graphs_over_one_set_of_parameters(
    name: str, preset: str
) -> None:
    spec = models.build(name, preset=preset)
    # a head that only training has is in no inference graph
    assert set(spec.infer.params) <= set(spec.parameters) == set(spec.train.params)
    assert spec.train.types[spec.loss].shape == () and "loss" not in spec.infer.outputs
    assert not spec.infer.state
    assert spec.noise == spec.train.noise
    assert spec.config == asdict(models.module(name).PRESETS[preset])


@pytest.mark.parametrize("name", models.networks())
@pytest.mark.parametrize("batch", [1, 3])
def test_both_graphs_run_at_any_batch(name: str, batch: int) -> None:
    spec = small(name)
    # statistics of a single sample are refused by frameworks; of a single frame too
    batch += 1
    for graph in (spec.train, spec.infer):
        # more than a training window where the graph leaves the length open
        frames = spec.frames + 4
        lengths = {"batch": batch, "frames": frames}
        outputs = program(graph)(feeds(graph, **lengths))
        shape = dims.bind(graph.types[graph.outputs["pose"]].shape, lengths)
        assert outputs["pose"].shape == shape
        assert shape[0] == batch
        assert all(np.isfinite(array).all() for array in outputs.values())


@pytest.mark.parametrize("frames", [1, 5, 27])
def test_motionbert_takes_any_length_up_to_its_own(frames: int) -> None:
    spec = small("motionbert")
    outputs = program(spec.infer)(feeds(spec.infer, batch=2, frames=frames))
    assert outputs["pose"].shape == (2, frames, 17, 3)


def test_motionbert_calls_no_frame_beyond_its_table() -> None:
    spec = small("motionbert")
    with pytest.raises(ValueError):
        program(spec.infer)(feeds(spec.infer, batch=1, frames=28))


@pytest.mark.parametrize("causal", [False, True], ids=["centred", "causal"])
@pytest.mark.parametrize("widths", [(3, 3, 3), (3, 5), (1, 3)], ids=str)
def test_videopose3d_strided_is_dilated_on_one_receptive_field(
    widths: tuple[int, ...], causal: bool
) -> None:
    """The claim of the paper: both compute the same function.

    Training makes single outputs, running goes over whole clips.
    """
    spec = small("videopose3d", widths=widths, causal=causal)
    dilated = program(spec.infer)
    strided = NumpyProgram(to_inference(spec.train, outputs=["pose"]), FP64)
    strided.load(dilated.params())
    clip = feeds(spec.infer, batch=2, frames=spec.frames + 5)["keypoints"]
    whole = dilated({"keypoints": clip})["pose"]
    assert whole.shape == (2, 6, 17, 3)
    for start in range(6):
        window = clip[:, start : start + spec.frames]
        assert_close(
            strided({"keypoints": window})["pose"],
            whole[:, start : start + 1],
            rtol=1e-12,
            what=f"window {start}",
        )


def test_videopose3d_dense_has_no_strided_graph() -> None:
    assert small("videopose3d", dense=True, strided=False).infer.nodes
    with pytest.raises(BadInput, match="set strided=False"):
        small("videopose3d", dense=True)


def test_the_streams_of_motionbert_are_fused_evenly_at_the_start() -> None:
    spec = small("motionbert", depth=1)
    plain = small("motionbert", depth=1, fuse=False)
    learnt, even = program(spec.infer), NumpyProgram(plain.infer, FP64)
    weights = learnt.params()
    # all but those of the fusion, which the mean does without
    even.load({name: weights[name] for name in plain.parameters})
    arrays = feeds(spec.infer, batch=2, frames=4)
    came, due = learnt(arrays)["pose"], even(arrays)["pose"]
    assert_close(came, due, rtol=1e-12, what="fusion")


@pytest.mark.parametrize("name", ATTENTIVE)
def test_dropped_attention_weights_are_the_fused_attention_when_none_is_dropped(
    name: str,
) -> None:
    fused = small(name, drop_path=0.0).infer
    written = small(name, drop_path=0.0, attention_drop=0.5).infer
    assert "attention" in fused.census()
    assert "attention" not in written.census()
    arrays = feeds(fused, batch=2, frames=small(name).frames)
    came, due = program(written)(arrays)["pose"], program(fused)(arrays)["pose"]
    assert_close(came, due, rtol=1e-12, what=name)


def test_losses_by_hand() -> None:
    losses = {}
    for name in ("mpjpe", "n_mpjpe", "velocity"):
        graph = small("videopose3d", strided=False, dropout=0.0, loss={name: 2.0}).train
        arrays = feeds(graph, batch=2, frames=30)
        outputs = program(graph)(arrays)
        losses[name] = float(outputs["loss"]) / 2
    pose, target = outputs["pose"], arrays["target"]
    # of each frame, over joints and coordinates: the least squares of scale * pose - target
    along = (pose * target).sum((2, 3), keepdims=True)
    scale = along / (pose * pose).sum((2, 3), keepdims=True)
    due = {
        "mpjpe": pose - target,
        "n_mpjpe": scale * pose - target,
        "velocity": np.diff(pose - target, axis=1),
    }
    for name, error in due.items():
        mean = np.linalg.norm(error, axis=-1).mean()
        assert_close(losses[name], mean, rtol=1e-12, what=name)


def test_mistakes_name_what_is_near() -> None:
    with pytest.raises(
        UnknownName, match="unknown model 'motionbrt': did you mean motionbert"
    ):
        models.build("motionbrt")
    with pytest.raises(
        UnknownName, match="unknown preset of motionbert 'smal': did you mean small"
    ):
        models.build("motionbert", preset="smal")
    with pytest.raises(
        UnknownName, match="unknown size of motionbert 'dept': did you mean depth"
    ):
        models.build("motionbert", dept=3)
    with pytest.raises(UnknownName, match="unknown loss 'mpjp'"):
        models.build("motionbert", preset="small", loss={"mpjp": 1.0})
    with pytest.raises(UnknownName, match="unknown official model 'MixSTE3'"):
        models.from_official("MixSTE3", {})
    with pytest.raises(BadInput, match="velocity needs at least two output frames"):
        models.build("videopose3d", preset="small", loss={"velocity": 1.0})
    with pytest.raises(BadInput, match="width 30 is not divisible by 8 heads"):
        models.build("motionbert", width=30)
