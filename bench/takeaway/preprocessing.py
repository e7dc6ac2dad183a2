"""A graph that takes pixels and gives millimetres: scaling and standardising become part of it.

    keypoints   (batch, frames, joints, channels): x and y in pixels, then the confidence
    image_size  (batch, 2): width and height in pixels
    pose        (batch, frames, joints, 3): millimetres of the camera frame
    hypotheses  (batch, number, frames, joints, 3): the same, of a model that gives several

Noise of the graph stays an input: outside, nobody draws it.

Written in the graph language, so that every backend runs it and none knows of it. It computes
what `to_screen`, `Standardizer.apply` and `evaluation/poses.py` do around the network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from models import passes
from models.builder import Builder
from models.graph import Graph
from models.value import Value

SIZE = "image_size"  # the input beside the keypoints
# Parameters of the graph beside the network's. No constants: TensorFlow would make a product with
# the reciprocal of a division by one, and so other numbers.
MEAN, STD = "standardise.mean", "standardise.std"
METRE = 1000.0  # millimetres
Arrays = Mapping[str, np.ndarray]


def with_preprocessing(
    graph: Graph,
    *,
    joints: int,
    scaling: Arrays,
    mirror: Sequence[int] = (),
) -> Graph:
    """What is around an inference graph that makes poses, in metres, of `keypoints`.

    `scaling` is mean and std (joints, channels), or empty; they become the parameters MEAN and
    STD. `mirror` says which joint each one is in a mirror; where it is given, poses are averaged
    with those of the mirrored picture.
    """
    builder = Builder(graph.name)
    given = graph.inputs["keypoints"].shape
    flat = len(given) == 2
    frames = 1 if flat else given[1]
    # the last axis of a flat model holds all joints
    channels = int(str(given[-1])) // (joints if flat else 1)
    x = builder.input("keypoints", (given[0], frames, joints, channels))
    size = builder.input(SIZE, (given[0], 2))
    screen = _screen(x, size)
    # once: the mirrored picture is lifted with the same draws
    noise = {
        name: builder.noise(name, one.type.shape, kind=one.kind, number=one.number)
        for name, one in graph.noise.items()
    }
    found = _lifted(screen, graph, scaling, noise)
    if mirror:
        others = _lifted(_mirrored(screen, mirror), graph, scaling, noise)
        # back in the mirror before the mean, or left and right would cancel
        found = {
            name: (pose + _mirrored(others[name], mirror)) * 0.5
            for name, pose in found.items()
        }
    for name, pose in found.items():
        builder.output(name, pose * METRE)
    return builder.finish()


def _screen(x: Value, size: Value) -> Value:
    """(2 x / width - 1, 2 y / width - height / width), confidences as they are."""
    batch, channels = x.shape[0], int(str(x.shape[3]))
    sides = size.reshape((batch, 1, 1, 2))
    width = sides.slice(axis=3, start=0, stop=1, step=1)
    # operation by operation as `to_screen` has it: the same roundings give the same poses
    screen = x.slice(axis=3, start=0, stop=2, step=1) * (2.0 / width) - sides / width
    if channels == 2:
        return screen
    return screen.concat(x.slice(axis=3, start=2, stop=channels, step=1), axis=3)


def _lifted(
    screen: Value, graph: Graph, scaling: Arrays, noise: Mapping[str, Value]
) -> dict[str, Value]:
    """The network's poses (batch, ..., frames, joints, 3), its input standardised."""
    builder, x = screen.graph, screen
    if scaling:
        shape = scaling["mean"].shape
        mean = builder.param(MEAN, shape, init=("zeros", 0.0), trainable=False)
        std = builder.param(STD, shape, init=("ones", 0.0), trainable=False)
        x = (x - mean) / std
    given = graph.inputs["keypoints"].shape
    fed = {"keypoints": x.reshape(given), **noise}
    found = passes.inline(builder, graph, fed)
    return {name: _unfolded(pose) for name, pose in found.items()}


def _unfolded(pose: Value) -> Value:
    """Poses as they are, those of a flat model with their axes."""
    if len(pose.shape) > 2:
        return pose
    joints = int(str(pose.shape[-1])) // 3
    return pose.reshape((pose.shape[0], 1, joints, 3))


def _mirrored(x: Value, mirror: Sequence[int]) -> Value:
    """x (batch, ..., joints, coordinates) negated, left and right exchanged."""
    signs = np.ones(int(str(x.shape[-1])), np.float32)
    signs[0] = -1
    order = x.graph.constant("mirror", np.array(mirror, np.int64))
    turned = x.graph.constant(f"mirror.signs{len(signs)}", signs)
    return x.take(order, axis=len(x.shape) - 2) * turned
