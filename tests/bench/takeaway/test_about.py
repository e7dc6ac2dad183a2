"""What a file says of itself, and pixels in place of screen coordinates."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends.base import Settings
from backends.numpy.program import NumpyProgram
from bench.data.batches.standardizer import Standardizer
from bench.data.batches.windows import mirror
from bench.data.geometry.cameras import to_screen
from bench.data.geometry.skeletons import H36M17
from bench.takeaway import export
from bench.takeaway.about import digest
from bench.takeaway.export import Order
from bench.training import checkpoint
from bench.training.checkpoint import Checkpoint
from models import params
from models.errors import BadInput
from tests.zoo import tiny

ORIGIN = {
    "protocol": "somewhere",
    "protocol_hash": "0123456789ab",
    "run": "20260101-000000-abcd",
    "seed": 4,
    "skeleton": "h36m17",
    "joints": list(H36M17.joints),
    "parents": list(H36M17.parents),
    "mirror": list(H36M17.mirror),
    "root": "Hip",
    "unit": "m",
    "pad": "edge",
    "flip_averaging": False,
}
MODELS = ("videopose3d", "motionbert", "poseformer")


def channels(model: str) -> int:
    return int(str(tiny(model).infer.inputs["keypoints"].shape[-1]))


def kept(folder: Path, model: str, **changed: Any) -> str:
    """A checkpoint that says where it comes from; the path of it."""
    path = folder / "best.safetensors"
    shape = (17, channels(model))
    draw = np.random.default_rng(1)
    scaling = {
        "mean": draw.normal(0, 0.1, shape).astype(np.float32),
        "std": draw.uniform(0.1, 0.4, shape).astype(np.float32),
    }
    weights = params.draw(tiny(model).train.params, seed=9)
    checkpoint.save(path, Checkpoint(weights, {}, scaling, {}, {**ORIGIN, **changed}))
    return str(path)


def order(model: str, weights: str | None, **more: Any) -> Order:
    return Order(model, "onnx", "m.onnx", preset="tiny", weights=weights, **more)


def test_what_a_user_must_know_is_there(tmp_path: Path) -> None:
    weights = kept(tmp_path, "videopose3d")
    said = export.content(order("videopose3d", weights)).about
    assert json.loads(json.dumps(said)) == said
    held = checkpoint.load(Path(weights))
    assert said["keypoints"]["unit"] == "screen"
    assert said["keypoints"]["channels"] == ["x", "y"]
    assert "2 y / width - height / width" in said["keypoints"]["convention"]
    assert said["keypoints"]["standardise"]["std"] == held.scaling["std"].tolist()
    assert said["pose"]["unit"] == "m" and said["pose"]["relative_to"] == "Hip"
    assert said["joints"][:2] == ["Hip", "RHip"] and said["parents"][1] == 0
    assert said["frames"] == {
        "window": 27,
        "least": 27,
        "most": None,
        "outputs": "centre",
        "pad": "edge",
    }
    assert said["origin"] == ORIGIN
    inferred = tiny("videopose3d").infer.params
    due = digest({name: held.params[name] for name in inferred})
    assert said["weights"] == {"random": False, "sha256": due}


def test_random_weights_say_so() -> None:
    said = export.content(order("motionbert", None, seed=3)).about
    other = export.content(order("motionbert", None, seed=4)).about
    assert said["weights"]["random"] is True and said["weights"]["seed"] == 3
    assert said["weights"]["sha256"] != other["weights"]["sha256"]
    assert said["origin"] is None and said["joints"] is None
    assert said["frames"]["outputs"] == "all"
    assert (said["frames"]["least"], said["frames"]["most"]) == (1, 27)


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("model", MODELS)
def test_pixels_give_what_the_harness_makes_of_them(
    model: str, flip: bool, tmp_path: Path
) -> None:
    weights = kept(tmp_path, model, flip_averaging=flip)
    asked = export.content(order(model, weights, with_preprocessing=True))
    assert asked.scaling == {}, "nothing is left to the caller"
    assert asked.about["keypoints"]["unit"] == "pixels"
    assert asked.about["pose"]["unit"] == "mm"
    assert asked.about["flip_averaged"] is flip
    spec, held = tiny(model), checkpoint.load(Path(weights))
    draw = np.random.default_rng(2)
    pixels = draw.uniform(0, 900, (2, spec.frames, 17, channels(model)))
    pixels[..., 2:] = draw.random(pixels[..., 2:].shape)  # confidences
    pixels = pixels.astype(np.float32)
    sizes = np.array([[1920, 1080], [640, 480]], np.float32)
    program = NumpyProgram(asked.graph, Settings(precision="fp32"))
    program.load(asked.params)
    came = program({"keypoints": pixels, "image_size": sizes})["pose"]
    screen = pixels.copy()
    for row, (width, height) in enumerate(sizes.astype(int).tolist()):
        screen[row, ..., :2] = to_screen(
            pixels[row, ..., :2], width=width, height=height
        )
    plain = NumpyProgram(spec.infer, Settings(precision="fp32"))
    plain.load({name: held.params[name] for name in spec.infer.params})
    scaled = Standardizer(held.scaling["mean"], held.scaling["std"])

    def lifted(values: np.ndarray) -> np.ndarray:
        return plain({"keypoints": scaled.apply(values)})["pose"]

    due = lifted(screen)
    if flip:
        due = (due + mirror(lifted(mirror(screen, H36M17)), H36M17)) / 2
    assert np.abs(came - 1000 * due).max() < 1e-3  # mm


def test_a_clip_in_pixels_is_what_its_windows_give(tmp_path: Path) -> None:
    weights = kept(tmp_path, "videopose3d", flip_averaging=True)
    whole = export.content(
        order("videopose3d", weights, with_preprocessing=True, clip=7)
    )
    assert whole.about["frames"]["window"] == whole.about["frames"]["most"] == 7
    assert whole.about["frames"]["outputs"] == "all"
    windows = export.content(order("videopose3d", weights, with_preprocessing=True))
    pixels = np.random.default_rng(2).uniform(0, 900, (1, 7, 17, 2)).astype(np.float32)
    size = np.array([[1920, 1080]], np.float32)

    def lifted(asked: export.Content, keypoints: np.ndarray) -> np.ndarray:
        program = NumpyProgram(asked.graph, Settings(precision="fp32"))
        program.load(asked.params)
        return program({"keypoints": keypoints, "image_size": size})["pose"]

    half = tiny("videopose3d").frames // 2
    wide = np.pad(pixels, ((0, 0), (half, half), (0, 0), (0, 0)), "edge")
    # a dilated graph has a pose for every window of a longer clip
    assert np.abs(lifted(whole, pixels) - lifted(windows, wide)).max() < 1e-3  # mm


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"clip": 0, "mean": True}, "makes one pose, and no hypotheses"),
        ({"clip": 0}, "1 to 10000 frames were due"),
        ({"clip": 9, "graph": "train"}, "what is wrapped is run, and not trained"),
    ],
)
def test_what_cannot_be_wrapped_is_refused(more: dict[str, Any], told: str) -> None:
    with pytest.raises(BadInput, match=told):
        export.content(order("videopose3d", None, **more))


def test_a_flat_model_takes_joints_and_gives_joints() -> None:
    asked = export.content(order("simple_baseline", None, with_preprocessing=True))
    types = {name: str(type_) for name, type_ in asked.graph.inputs.items()}
    assert types == {
        "keypoints": "(batch, 1, 16, 2) float32",
        "image_size": "(batch, 2) float32",
    }
    assert asked.about["outputs"] == {"pose": "(batch, 1, 16, 3) float32"}


@pytest.mark.parametrize(
    ("changed", "more", "message"),
    [
        ({"unit": export.UNITS["2.5d"]}, {}, "pixels of an unknown scale"),
        ({"flip_averaging": True, "mirror": [0, 1]}, {}, "mirrors other joints"),
        ({"flip_averaging": True, "mirror": [0] * 17}, {}, "mirrors other joints"),
        ({}, {"graph": "train"}, "takes what its trainer feeds it"),
        (None, {}, "does not say how the model was fed"),
    ],
)
def test_preprocessing_that_cannot_be_is_refused(
    changed: dict[str, Any] | None, more: dict[str, Any], message: str, tmp_path: Path
) -> None:
    weights = kept(tmp_path, "videopose3d", **(changed or {}))
    if changed is None:
        of_before = replace(checkpoint.load(Path(weights)), origin={})
        checkpoint.save(Path(weights), of_before)
    asked = order("videopose3d", weights, with_preprocessing=True, **more)
    with pytest.raises(BadInput, match=message):
        export.content(asked)
