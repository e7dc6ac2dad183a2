"""The trained network as NumPy computes it, from the weights as they lie in the checkpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from backends.base import Program, Settings
from backends.numpy.program import NumpyProgram
from bench.evaluation.oracle import cutting
from bench.evaluation.oracle.cutting import Array, Cut
from bench.evaluation.oracle.scaling import Scaling
from bench.evaluation.oracle.sight import Sight
from models import noise
from models.flops import flops
from models.graph import Graph
from models.spec import Spec

ROUNDING = 1e-7  # of float32, about
BATCH = 64  # windows at once
# FLOPs of a batch: inner values stay near the processor, and a large model's in memory at all
ROOM = 1e8


@dataclass(frozen=True, kw_only=True)
class Network:
    """Keypoints of windows in, poses out, in one precision throughout."""

    program: Program
    sight: Sight
    scaling: Scaling
    flip: bool  # whether the mirror image's prediction is averaged in
    kind: type[np.floating]
    batch: int

    def poses(self, windows: Sequence[Array]) -> Array:
        """(W, T, J, C) on the screen -> (W, K, J, 3) in the model's unit."""
        found = []
        for first in range(0, len(windows), self.batch):
            seen = np.stack(windows[first : first + self.batch])
            pose = self._predicted(seen)
            if self.flip:
                other = self._predicted(cutting.mirrored(seen, self.sight))
                pose = (pose + cutting.mirrored(other, self.sight)) / 2
            found.append(pose)
        return np.concatenate(found)

    def _predicted(self, seen: Array) -> Array:
        fed = self.scaling.scaled(seen)
        if len(self.program.graph.inputs["keypoints"].shape) == 2:
            fed = fed.reshape(len(fed), -1)
        graph = self.program.graph
        lengths = {"batch": len(seen), "frames": seen.shape[1]}
        pose = self.program({"keypoints": fed} | noise.fixed(graph, lengths))["pose"]
        shape = (len(seen), self.sight.outputs, len(self.sight.joints), 3)
        return np.asarray(pose, self.kind).reshape(shape)


def predicted(
    numbers: Sequence[int],
    *,
    test: Cut,
    spec: Spec,
    weights: Mapping[str, np.ndarray],
    scaling: Scaling,
    flip: bool,
    precision: str,
    nudge: int = 0,
) -> dict[int, Array]:
    """Poses (K, J, 3) of test windows by their number, in float64 or in less.

    Halves are float32 whose results are rounded (`backends/numpy/halves.py`); `nudge` is the
    seed of a disturbance of weights, keypoints and their mean, 0 for none.
    """
    program = NumpyProgram(spec.infer, Settings(precision=precision))
    disturbed = nudged(weights, nudge)
    program.load({name: disturbed[name] for name in spec.infer.params})
    kind = np.float64 if precision == "fp64" else np.float32
    rng = np.random.default_rng(nudge)
    off = ROUNDING if nudge else 0.0
    # a mean that is rounded moves a coordinate in every frame, which no other frame makes up for
    mean = scaling.mean + off * rng.normal(size=scaling.mean.shape)
    network = Network(
        program=program,
        sight=test.sight,
        scaling=replace(scaling, mean=mean),
        flip=flip,
        kind=kind,
        batch=min(BATCH, max(1, int(ROOM // cost(spec.infer, spec.frames)))),
    )
    seen: list[Array] = []
    for number in numbers:
        exact = screen(test, number, kind)
        seen.append((exact + off * rng.normal(size=exact.shape)).astype(kind))
    return dict(zip(numbers, network.poses(seen), strict=True))


def screen(test: Cut, number: int, kind: type[np.floating]) -> Array:
    """The keypoints (T, J, C) of a test window."""
    strip, start = test.place(number)
    return cutting.keypoints(test.strips[strip], start, test.sight, kind)


def cost(graph: Graph, frames: int) -> int:
    """FLOPs of one window."""
    lengths = {**dict.fromkeys(graph.axes(), frames), "batch": 1}
    return max(1, flops(graph, lengths))


def weights(checkpoint: Path) -> dict[str, np.ndarray]:
    """The parameters in a checkpoint, read without the harness's own reader."""
    from safetensors import safe_open

    start = "params/"
    with safe_open(checkpoint, framework="numpy") as file:
        names = [name for name in file.keys() if name.startswith(start)]  # noqa: SIM118
        return {name.removeprefix(start): file.get_tensor(name) for name in names}


def nudged(weights: Mapping[str, np.ndarray], seed: int) -> dict[str, np.ndarray]:
    """Weights, each off by about one rounding of float32; as they are where the seed is 0."""
    rng = np.random.default_rng(seed)
    found = {}
    for name, array in weights.items():
        found[name] = array
        # integers are counters, which no rounding touches
        if seed and array.dtype.kind == "f":
            found[name] = array * (1 + ROUNDING * rng.normal(size=array.shape))
    return found


def averaged(poses: Sequence[Array]) -> Array:
    """The mean of several predictions of one frame."""
    total: Array = poses[0]
    for pose in poses[1:]:
        total = total + pose
    return total / len(poses)
