"""The zoo: paper parameter counts, shapes, one set of parameters behind two graphs, and
what the papers claim of their models.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open

import models
from backends.base import Settings
from backends.numpy.program import NumpyProgram
from models import dims, params
from models.errors import BadInput, UnknownName
from models.gradient import PREFIX, gradient
from models.graph import Graph
from models.passes import to_inference
from tests.asserts import assert_close
from tests.paths import GOLDEN, SHARED

FP64 = Settings(precision="fp64")
PRESETS = [
    (name, preset) for name in models.names() for preset in models.module(name).PRESETS
]
PAPER = [
    (name, preset, count)
    for name in models.names()
    for preset, count in models.module(name).PAPER_PARAMETERS.items()
]
FOLDERS = (GOLDEN, SHARED / "vectors")
VECTORS = {
    path.stem: path
    for folder in FOLDERS
    for path in sorted(folder.glob("*.safetensors"))
}


def official(path: Path) -> str:
    """The class that a file of vectors is of, as its header says."""
    with safe_open(path, framework="numpy") as file:
        return str(file.metadata()["model"])


OFFICIAL = {getattr(models.module(name), "OFFICIAL", "") for name in models.names()}
OURS = [name for name, path in VECTORS.items() if official(path) in OFFICIAL]


def small(name: str, **sizes: object) -> models.Spec:
    return models.build(name, preset="tiny", **sizes)


def program(graph: Graph, *, seed: int = 0) -> NumpyProgram:
    """The graph with random weights and running statistics that are not the trivial ones."""
    made = NumpyProgram(graph, FP64)
    draw = np.random.default_rng(seed)
    weights = params.draw(graph.params, seed=seed)
    lively = {
        name: array + draw.uniform(0.1, 0.5, array.shape)
        for name, array in weights.items()
        if "running" in name
    }
    made.load(weights | lively)
    return made


def feeds(graph: Graph, **lengths: int) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(1)
    arrays = {
        name: draw.normal(size=dims.bind(type_.shape, lengths))
        for name, type_ in graph.inputs.items()
    }
    masks = {
        name: draw.random(dims.bind(noise.type.shape, lengths)) < noise.number
        for name, noise in graph.noise.items()
    }
    return arrays | {name: mask.astype(float) for name, mask in masks.items()}


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
    assert set(spec.infer.params) == set(spec.train.params) == set(spec.parameters)
    assert spec.train.types[spec.loss].shape == () and "loss" not in spec.infer.outputs
    assert not spec.infer.noise and not spec.infer.state
    assert spec.noise == spec.train.noise
    assert spec.config == asdict(models.module(name).PRESETS[preset])


@pytest.mark.parametrize("name", models.names())
@pytest.mark.parametrize("batch", [1, 3])
def test_both_graphs_run_at_any_batch(name: str, batch: int) -> None:
    spec = small(name)
    # statistics of a single sample are refused by frameworks; of a single frame too
    batch += 1
    for graph in (spec.train, spec.infer):
        frames = spec.frames + (
            4 if name == "videopose3d" and graph is spec.infer else 0
        )
        outputs = program(graph)(feeds(graph, batch=batch, frames=frames))
        shape = dims.bind(
            graph.types[graph.outputs["pose"]].shape, {"batch": batch, "frames": frames}
        )
        assert outputs["pose"].shape == shape and shape[0] == batch
        assert all(np.isfinite(array).all() for array in outputs.values())


@pytest.mark.parametrize("frames", [1, 5, 27])
def test_motionbert_takes_any_length_up_to_its_own(frames: int) -> None:
    spec = small("motionbert")
    assert program(spec.infer)(feeds(spec.infer, batch=2, frames=frames))[
        "pose"
    ].shape == (
        2,
        frames,
        17,
        3,
    )


def test_motionbert_calls_no_frame_beyond_its_table() -> None:
    spec = small("motionbert")
    with pytest.raises(ValueError):
        program(spec.infer)(feeds(spec.infer, batch=1, frames=28))


@pytest.mark.parametrize("causal", [False, True], ids=["centred", "causal"])
@pytest.mark.parametrize("widths", [(3, 3, 3), (3, 5), (1, 3)], ids=str)
def test_videopose3d_strided_is_dilated_on_one_receptive_field(
    widths: tuple[int, ...], causal: bool
) -> None:
    """The claim of the paper: training on single outputs and running over whole clips
    compute the same function.
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
    even.load(
        {
            name: array
            for name, array in learnt.params().items()
            if name in plain.parameters
        }
    )
    arrays = feeds(spec.infer, batch=2, frames=4)
    assert_close(
        learnt(arrays)["pose"], even(arrays)["pose"], rtol=1e-12, what="fusion"
    )


@pytest.mark.parametrize("name", ["motionbert", "poseformer"])
def test_dropped_attention_weights_are_the_fused_attention_when_none_is_dropped(
    name: str,
) -> None:
    fused, written = (
        small(name, drop_path=0.0),
        small(name, drop_path=0.0, attention_drop=0.5),
    )
    arrays = feeds(fused.infer, batch=2, frames=9)
    assert (
        "attention" in fused.infer.census()
        and "attention" not in written.infer.census()
    )
    assert_close(
        program(written.infer)(arrays)["pose"],
        program(fused.infer)(arrays)["pose"],
        rtol=1e-12,
        what=name,
    )


def test_losses_by_hand() -> None:
    losses = {}
    for name in ("mpjpe", "n_mpjpe", "velocity"):
        graph = small("videopose3d", strided=False, dropout=0.0, loss={name: 2.0}).train
        arrays = feeds(graph, batch=2, frames=30)
        outputs = program(graph)(arrays)
        losses[name] = float(outputs["loss"]) / 2
    pose, target = outputs["pose"], arrays["target"]
    scale = (pose * target).sum((2, 3), keepdims=True) / (pose * pose).sum(
        (2, 3), keepdims=True
    )
    due = {
        "mpjpe": pose - target,
        "n_mpjpe": scale * pose - target,
        "velocity": np.diff(pose - target, axis=1),
    }
    for name, error in due.items():
        assert_close(
            losses[name], np.linalg.norm(error, axis=-1).mean(), rtol=1e-12, what=name
        )


@pytest.mark.skipif(
    not OURS, reason=f"golden vectors are in none of {', '.join(map(str, FOLDERS))}"
)
@pytest.mark.parametrize("name", OURS)
def test_the_authors_own_code_gives_these_numbers(name: str) -> None:
    """Outputs and loss of the official implementations in float64, at 1e-10; gradients
    (kept in float32) at 2e-4 of the largest.
    """
    golden = safetensors(VECTORS[name])
    spec = models.from_official(golden.model, golden.config)
    x, target = golden.arrays["input/x"], golden.arrays["input/target"]
    weights = {key: golden.arrays[f"param/{key}"] for key in spec.parameters}
    oracle, trained = (
        NumpyProgram(spec.infer, FP64),
        NumpyProgram(gradient(spec.train), FP64),
    )
    oracle.load(weights)
    trained.load(weights)
    assert_close(
        oracle({"keypoints": x})["pose"],
        golden.arrays["eval64/out"],
        rtol=1e-10,
        what=f"{name} out",
    )
    came = trained({"keypoints": x, "target": target})
    assert_close(
        came["loss"], golden.arrays["train64/loss"], rtol=1e-10, what=f"{name} loss"
    )
    grads = {
        key.removeprefix("grad/"): array
        for key, array in golden.arrays.items()
        if key.startswith("grad/")
    }
    largest = max(float(np.abs(array).max()) for array in grads.values())
    for key, due in grads.items():
        assert_close(
            came[PREFIX + key] / largest + 1,
            due / largest + 1,
            rtol=2e-4 / 2,
            what=f"{name} grad {key}",
        )
    for key in (key for key in golden.arrays if key.startswith("train_after/")):
        assert_close(
            trained.params()[key.removeprefix("train_after/")],
            golden.arrays[key],
            rtol=1e-5,
            what=f"{name} {key}",
        )


@dataclass(frozen=True)
class Golden:
    """One file of numbers: official class, its constructor arguments, arrays by key."""

    model: str
    config: dict[str, Any]
    arrays: dict[str, np.ndarray]


def safetensors(path: Path) -> Golden:
    """Read one file."""
    reader = pytest.importorskip(
        "safetensors",
        reason="safetensors is not installed: golden vectors cannot be read",
    )
    with reader.safe_open(path, "np") as file:
        header = file.metadata()
        return Golden(
            header["model"],
            json.loads(header["config"]),
            {key: file.get_tensor(key) for key in file.keys()},  # noqa: SIM118
        )


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
