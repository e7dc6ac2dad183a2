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

from models import wrappers
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
    inner = wrappers.posing(graph)
    if scaling:
        inner = _standardised(inner, joints, scaling)
    if mirror:
        inner = wrappers.flipped(inner, mirror=mirror)
    builder = Builder(graph.name)
    x = wrappers.opened(builder, inner, joints=joints)
    size = builder.input(SIZE, (x.shape[0], 2))
    screen = _screen(x, size)
    noise = wrappers.declared(builder, inner)
    for name, pose in wrappers.called(screen, inner, noise).items():
        builder.output(name, pose * METRE)
    return builder.finish()


def _standardised(graph: Graph, joints: int, scaling: Arrays) -> Graph:
    """The graph, its keypoints less their mean, over their deviation."""
    builder = Builder(graph.name)
    x = wrappers.opened(builder, graph, joints=joints)
    shape = scaling["mean"].shape
    mean = builder.param(MEAN, shape, init=("zeros", 0.0), trainable=False)
    std = builder.param(STD, shape, init=("ones", 0.0), trainable=False)
    noise = wrappers.declared(builder, graph)
    for name, pose in wrappers.called((x - mean) / std, graph, noise).items():
        builder.output(name, pose)
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
