"""What is wrapped around a graph, against plain NumPy around the same graph."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import models
from backends.base import Settings
from backends.numpy.program import NumpyProgram
from models import params, wrappers
from models.builder import Builder
from models.errors import BadInput
from models.graph import Graph
from tests.zoo import tiny

Array = np.ndarray
MIRROR = [0, 4, 5, 6, 1, 2, 3, 7, 8, 9, 10, 14, 15, 16, 11, 12, 13]
FLAT = [0, 4, 5, 6, 1, 2, 3, 7, 8, 9, 13, 14, 15, 10, 11, 12]
MODELS = ("motionbert", "poseformer", "simple_baseline", "videopose3d")


def program(graph: Graph) -> Callable[..., Array]:
    made = NumpyProgram(graph, Settings(precision="fp64"))
    made.load(params.draw(graph.params, seed=3))

    def run(keypoints: Array, **noise: Array) -> Array:
        found: Array = made({"keypoints": keypoints, **noise})["pose"]
        return found

    return run


def plain(model: str) -> tuple[Callable[..., Array], list[int], int]:
    """The model as (b, t, j, c) -> (b, t, j, 3), its mirror, its channels."""
    graph = tiny(model).infer
    given = graph.inputs["keypoints"].shape
    flat = len(given) == 2
    mirror = FLAT if flat else MIRROR
    run = program(graph)

    def lift(keypoints: Array) -> Array:
        if not flat:
            return run(keypoints)
        return run(keypoints.reshape(len(keypoints), -1)).reshape(-1, 1, 16, 3)

    return lift, mirror, int(str(given[-1])) // (16 if flat else 1)


def drawn(*shape: int) -> Array:
    return np.random.default_rng(5).normal(size=shape).astype(np.float32)


def mirrored(x: Array, mirror: list[int]) -> Array:
    return x[:, :, mirror] * ([-1] + [1] * (x.shape[-1] - 1))


@pytest.mark.parametrize("model", MODELS)
def test_the_flip_is_the_mean_with_the_mirrored_pose(model: str) -> None:
    lift, mirror, channels = plain(model)
    x = drawn(2, tiny(model).frames, len(mirror), channels)
    came = program(wrappers.flipped(tiny(model).infer, mirror=mirror))(x)
    due = (lift(x) + mirrored(lift(mirrored(x, mirror)), mirror)) / 2
    np.testing.assert_allclose(came, due, rtol=0, atol=1e-12)


@pytest.mark.parametrize("every", [2, 5, 8])
@pytest.mark.parametrize("frames", [23, 4])
def test_a_clip_has_the_mean_of_its_windows(frames: int, every: int) -> None:
    """Of a model with a pose for each frame."""
    window = 8
    graph = models.build("motionbert", preset="tiny", frames=window).infer
    lift, channels = program(graph), int(str(graph.inputs["keypoints"].shape[-1]))
    x = drawn(2, frames, 17, channels)
    over = wrappers.over_clip(
        graph, joints=17, window=window, frames=frames, every=every
    )
    padded = np.concatenate([x, *[x[:, -1:]] * max(window - frames, 0)], axis=1)
    due = np.zeros((2, padded.shape[1], 17, 3))
    count = np.zeros((padded.shape[1], 1, 1))
    last = max(frames - window, 0)
    for start in sorted({*range(0, last, every), last}):
        due[:, start : start + window] += lift(padded[:, start : start + window])
        count[start : start + window] += 1
    due = (due / np.maximum(count, 1))[:, :frames]
    np.testing.assert_allclose(program(over)(x), due, rtol=0, atol=1e-6)


def test_windows_that_leave_frames_out_are_refused() -> None:
    graph = tiny("motionbert").infer
    with pytest.raises(BadInput, match="1 to 5 was due, the frames of a window"):
        wrappers.over_clip(graph, joints=17, window=5, frames=9, every=6)


@pytest.mark.parametrize("model", ["poseformer", "videopose3d", "simple_baseline"])
def test_a_clip_has_a_window_around_each_frame(model: str) -> None:
    lift, mirror, channels = plain(model)
    window, frames, joints = tiny(model).frames, 6, len(mirror)
    x = drawn(2, frames, joints, channels)
    over = wrappers.over_clip(
        tiny(model).infer, joints=joints, window=window, frames=frames, every=1
    )
    before = (window - 1) // 2
    wide = np.pad(x, ((0, 0), (before, window - 1 - before), (0, 0), (0, 0)), "edge")
    due = [lift(wide[:, start : start + window]) for start in range(frames)]
    np.testing.assert_allclose(
        program(over)(x), np.concatenate(due, axis=1), rtol=0, atol=1e-12
    )


def noisy() -> Graph:
    """(b, t, 3, 2) -> hypotheses (b, 4, t, 3, 3), and the first of them as the pose."""
    g = Builder("noisy.infer")
    x = g.input("keypoints", ("batch", "frames", 3, 2))
    batch, frames = x.shape[:2]
    z = g.noise("z", (batch, 4, frames, 3, 3), kind="normal", number=1.0)
    lifted = x.linear(3, name="head").reshape((batch, 1, frames, 3, 3))
    several = lifted + z * lifted
    g.output("hypotheses", several)
    first = several.slice(axis=1, start=0, stop=1, step=1)
    g.output("pose", first.reshape((batch, frames, 3, 3)))
    return g.finish()


def test_hypotheses_become_their_mean() -> None:
    x, z = drawn(2, 5, 3, 2), drawn(2, 4, 5, 3, 3)
    graph = wrappers.aggregated(noisy())
    made = NumpyProgram(noisy(), Settings(precision="fp64"))
    made.load(params.draw(graph.params, seed=3))
    due = made({"keypoints": x, "z": z})["hypotheses"].mean(axis=1)
    assert list(graph.outputs) == ["pose"]
    np.testing.assert_allclose(program(graph)(x, z=z), due, rtol=0, atol=1e-12)
    with pytest.raises(BadInput, match="makes one pose, and no hypotheses"):
        wrappers.aggregated(tiny("motionbert").infer)


def test_hypotheses_are_wrapped_as_the_pose_is() -> None:
    x, z = drawn(1, 6, 3, 2), drawn(2, 4, 5, 3, 3)
    made = NumpyProgram(
        wrappers.over_clip(noisy(), joints=3, window=5, frames=6, every=5),
        Settings(precision="fp64"),
    )
    made.load(params.draw(noisy().params, seed=3))
    found = made({"keypoints": x, "z": z})
    assert found["hypotheses"].shape == (1, 4, 6, 3, 3)
    np.testing.assert_array_equal(found["hypotheses"][:, 0], found["pose"])


def test_noise_is_the_same_in_the_mirror_and_another_in_each_window() -> None:
    x, z = drawn(2, 5, 3, 2), drawn(2, 4, 5, 3, 3)
    run, mirror = program(noisy()), [0, 2, 1]
    flip = wrappers.flipped(wrappers.aggregated(noisy()), mirror=mirror)
    assert list(flip.noise) == ["z"]
    over = wrappers.over_clip(noisy(), joints=3, window=5, frames=10, every=5)
    assert str(over.noise["z"].type) == "(2*batch, 4, 5, 3, 3) float32"
    long, more = drawn(1, 10, 3, 2), drawn(2, 4, 5, 3, 3)
    due = np.concatenate(
        [run(long[:, :5], z=more[:1]), run(long[:, 5:], z=more[1:])], axis=1
    )
    np.testing.assert_allclose(program(over)(long, z=more), due, rtol=0, atol=1e-6)
    assert program(flip)(x, z=z).shape == (2, 5, 3, 3)
