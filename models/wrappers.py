"""Wrappers: what is customary around an inference graph, as passes from graph to graph.

flipped     the mean with the pose of the mirrored picture
aggregated  the mean of several hypotheses
over_clip   of a graph of one window, one of a whole clip

The mean of weights is one around a train graph: `averaging.py`.

Each takes a graph that makes poses of `keypoints`, and gives one that does so, its noise drawn
beside it. Axes: b batch, t frames, j joints, c channels; flat models (b, j * c) are taken too.
Poses are `pose` (b, t, j, 3) and `hypotheses` (b, h, t, j, 3); other outputs are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import add

import numpy as np

from models import dims, passes
from models.builder import Builder
from models.dims import Length, fixed
from models.errors import BadInput
from models.graph import Graph
from models.layers import mirrored
from models.value import Value

KEYPOINTS, POSE, HYPOTHESES = "keypoints", "pose", "hypotheses"
POSES = (
    POSE,
    HYPOTHESES,
)  # outputs that a mirror, a clip and millimetres mean something to
BATCH = "batch"


def flipped(graph: Graph, *, mirror: Sequence[int]) -> Graph:
    """(pose + mirrored pose of the mirrored keypoints) / 2.

    `mirror` says which joint each one is in a mirror. Both passes have the same noise.
    """
    graph = posing(graph)
    builder = Builder(graph.name)
    x = opened(builder, graph, joints=len(mirror))
    noise = declared(builder, graph)
    poses = called(x, graph, noise)
    others = called(mirrored(x, mirror), graph, noise)
    for name, pose in poses.items():
        # back in the mirror before the mean, or left and right would cancel
        builder.output(name, (pose + mirrored(others[name], mirror)) * 0.5)
    return builder.finish()


def aggregated(graph: Graph) -> Graph:
    """The pose is the mean of the hypotheses (b, h, ...), whatever the model's own choice is.

    Raises BadInput where it makes none.
    """
    if HYPOTHESES not in graph.outputs:
        raise BadInput(
            f"{graph.name}: makes one pose, and no {HYPOTHESES} to take the mean of; leave the"
            " mean out"
        )
    builder, values = passes.copy(graph, lambda node, arguments: None)
    several = values[graph.outputs[HYPOTHESES]]
    builder.output(POSE, several.mean(axis=1, keepdims=False))
    return passes.prune(builder.finish())


def posing(graph: Graph) -> Graph:
    """The graph with those of its outputs that are poses."""
    return passes.prune(
        graph.with_outputs(*(name for name in POSES if name in graph.outputs))
    )


def over_clip(
    graph: Graph,
    *,
    joints: int,
    window: int,
    frames: int,
    every: int,
    causal: bool = False,
) -> Graph:
    """Keypoints of a clip (b, frames, j, c) -> poses of all of its frames (b, frames, j, 3).

    A window begins every `every` frames, and poses of one frame are averaged; of a model of one
    output a window lies around each frame, of a `causal` one before it. What windows see beyond
    the ends is the first and the last frame. Windows are drawn noise for one by one. Raises
    BadInput where windows would leave frames out.
    """
    _every(graph, every, window)
    graph = posing(graph)
    builder = Builder(graph.name)
    batch, _, joints, channels = _layout(graph, joints)
    x = builder.input(KEYPOINTS, (batch, frames, joints, channels))
    many = _outputs(graph, window) == window
    starts = (
        _starts(window, frames, every)
        if many
        else _around(window, frames, causal=causal)
    )
    seen = starts[:, None] + np.arange(window)
    index = np.clip(seen, 0, frames - 1)
    rows = builder.constant("clip.frames", index.ravel().astype(np.int64))
    whole = batch * len(starts)
    cut = x.take(rows, axis=1).reshape((whole, window, joints, channels))
    lengths: dict[str, Length] = {BATCH: whole, "frames": window}
    poses = called(cut, graph, declared(builder, graph, lengths), lengths)
    for name, pose in poses.items():
        joined = _joined(pose, len(starts))
        builder.output(name, _mean(joined, seen, frames) if many else joined)
    return builder.finish()


def opened(builder: Builder, graph: Graph, *, joints: int) -> Value:
    """The input `keypoints` with an axis for each thing: (b, t, j, c)."""
    return builder.input(KEYPOINTS, _layout(graph, joints))


def declared(
    builder: Builder, graph: Graph, lengths: Mapping[str, Length] | None = None
) -> dict[str, Value]:
    """The noise of a graph as noise of the one around it."""
    return {
        name: builder.noise(
            name,
            dims.at(noise.type.shape, lengths or {}),
            kind=noise.kind,
            number=noise.number,
        )
        for name, noise in graph.noise.items()
    }


def called(
    x: Value,
    graph: Graph,
    noise: Mapping[str, Value] | None = None,
    lengths: Mapping[str, Length] | None = None,
) -> dict[str, Value]:
    """The poses (b, ..., t, j, 3) that a graph makes of keypoints (b, t, j, c)."""
    bound = lengths or {}
    shape = dims.at(graph.inputs[KEYPOINTS].shape, bound)
    inputs = {**(noise or {}), KEYPOINTS: x.reshape(shape)}
    made = passes.inline(x.graph, graph, inputs, lengths=bound)
    return {name: _unfolded(pose) for name, pose in made.items()}


def _unfolded(pose: Value) -> Value:
    """Poses as they are, those of a flat model with an axis for each thing."""
    if len(pose.shape) > 2:
        return pose
    joints = fixed(pose.shape[-1]) // 3
    return pose.reshape((pose.shape[0], 1, joints, 3))


def _layout(graph: Graph, joints: int) -> tuple[Length, Length, int, int]:
    strays = [name for name in graph.inputs if name != KEYPOINTS]
    if strays:
        raise BadInput(
            f"{graph.name}: takes {', '.join(strays)} beside the keypoints; around those alone"
            " something can be wrapped"
        )
    given = graph.inputs[KEYPOINTS].shape
    if len(given) == 2:
        # the last axis of a flat model holds all joints
        return given[0], 1, joints, fixed(given[-1]) // joints
    return given[0], given[1], joints, fixed(given[-1])


def _every(graph: Graph, every: int, window: int) -> None:
    """Raise BadInput where windows so far apart leave frames out."""
    if not 1 <= every <= window:
        raise BadInput(
            f"{graph.name}: a window every {every} frames was asked for; 1 to {window} was due,"
            " the frames of a window"
        )


def _outputs(graph: Graph, window: int) -> int:
    """Frames that have a pose, of a window."""
    pose = graph.types[graph.outputs[POSE]].shape
    if len(pose) != 4:
        return 1
    return int(dims.bind(pose, {BATCH: 1, "frames": window})[1])


def _starts(window: int, frames: int, every: int) -> np.ndarray:
    """Every so many frames, and the last one shifted back into the clip."""
    last = max(frames - window, 0)
    return np.array([*range(0, last, every), last])


def _around(window: int, frames: int, *, causal: bool) -> np.ndarray:
    before = window - 1 if causal else (window - 1) // 2
    return np.arange(frames) - before


def _joined(pose: Value, windows: int) -> Value:
    """(b * windows, ..., t, j, 3) -> (b, ..., windows * t, j, 3)."""
    more = " h" if len(pose.shape) > 4 else ""
    return pose.rearrange(f"(b w){more} t j c -> b{more} (w t) j c", w=windows)


def _mean(poses: Value, seen: np.ndarray, frames: int) -> Value:
    """(b, ..., windows * t, j, 3) -> (b, ..., frames, j, 3), the mean of what each frame has."""
    mine = [np.flatnonzero(seen.ravel() == frame) for frame in range(frames)]
    # picked and added, not multiplied by a table: a trace of that product excluded a batch of 1
    picked = (_share(poses, mine, which) for which in range(max(map(len, mine))))
    return reduce(add, picked)


def _share(poses: Value, mine: Sequence[np.ndarray], which: int) -> Value:
    """The pose that comes `which` among those of each frame, by its weight; 0 where none does."""
    places = np.array([own[min(which, len(own) - 1)] for own in mine], np.int64)
    shares = np.array([1 / len(own) if which < len(own) else 0 for own in mine])
    rows = poses.graph.constant(f"clip.place{which}", places)
    weights = shares.astype(np.float32).reshape(-1, 1, 1)
    picked = poses.take(rows, axis=len(poses.shape) - 3)
    return picked * poses.graph.constant(f"clip.share{which}", weights)
