"""The trained network as NumPy computes it, from the weights as they lie in the checkpoint.

Of a masked model, `hidden` stands behind the coordinates of each joint.
"""

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
from models.flops import of_window
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
    # it answers in the scale that it was shown, for it learns from that alone
    unscaled: bool
    flip: bool  # whether the mirror image's prediction is averaged in
    kind: type[np.floating]
    batch: int
    output: str = "pose"  # or vertices, which are neither mirrored nor scaled

    def poses(self, windows: Sequence[Array], numbers: Sequence[int]) -> Array:
        """(W, T, J, C) as they are read -> (W, K, J, C) in the model's unit."""
        found = []
        for first in range(0, len(windows), self.batch):
            seen = np.stack(windows[first : first + self.batch])
            some = numbers[first : first + self.batch]
            pose = self._predicted(seen, some)
            if self.flip:
                turned = cutting.seen_mirrored(seen, self.sight)
                other = self._predicted(turned, some)
                pose = (pose + cutting.mirrored(other, self.sight)) / 2
            found.append(pose)
        return np.concatenate(found)

    def _predicted(self, seen: Array, numbers: Sequence[int]) -> Array:
        fed, graph, reads = (
            self.scaling.scaled(seen),
            self.program.graph,
            self.sight.reads,
        )
        if len(graph.inputs[reads].shape) == 2:
            fed = fed.reshape(len(fed), -1)
        frames = self.sight.frames if reads == "images" else seen.shape[1]
        lengths = {"batch": len(seen), "frames": frames}
        # where a part is hidden, each window has masks of its own
        own = numbers if "hidden" in graph.outputs else None
        made = self.program({reads: fed} | noise.fixed(graph, lengths, own))
        if self.output == "vertices":
            # (W, 1, V, 3): of the one frame that is predicted
            return np.asarray(made["vertices"], self.kind)[:, None]
        shape = (len(seen), self.sight.outputs, len(self.sight.joints), -1)
        parts = [np.asarray(made["pose"], self.kind).reshape(shape)]
        if self.unscaled:
            width = parts[0].shape[-1]
            mean, spread = self.scaling.mean, self.scaling.deviation
            parts[0] = parts[0] * spread[:, :width] + mean[:, :width]
        if own is not None:
            parts.append(np.asarray(made["hidden"], self.kind).reshape(shape))
        return np.concatenate(parts, axis=-1)


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
    output: str = "pose",
) -> dict[int, Array]:
    """Poses (K, J, C), or vertices, of test windows by their number, in float64 or in less.

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
        unscaled="target" not in spec.train.inputs and spec.reads == spec.makes,
        flip=flip and not spec.masked and output == "pose",
        kind=kind,
        batch=min(BATCH, max(1, int(ROOM // cost(spec.infer, spec.frames)))),
        output=output,
    )
    seen: list[Array] = []
    for number in numbers:
        exact = screen(test, number, kind)
        seen.append((exact + off * rng.normal(size=exact.shape)).astype(kind))
    return dict(zip(numbers, network.poses(seen, numbers), strict=True))


def screen(test: Cut, number: int, kind: type[np.floating]) -> Array:
    """What is read (T, J, C) of a test window."""
    strip, start = test.place(number)
    return cutting.shown(test.strips[strip], start, test.sight, kind)


def cost(graph: Graph, frames: int) -> int:
    """FLOPs of one window, to divide by."""
    return max(1, of_window(graph, frames))


def stored(checkpoint: Path, group: str = "params") -> dict[str, np.ndarray]:
    """The parameters in a checkpoint, or its `scaling`, without the harness's own reader."""
    from safetensors import safe_open

    start = f"{group}/"
    with safe_open(checkpoint, framework="numpy") as file:
        names = [name for name in file.keys() if name.startswith(start)]  # noqa: SIM118
        return {name.removeprefix(start): file.get_tensor(name) for name in names}


def weights(checkpoint: Path) -> dict[str, np.ndarray]:
    """The weights that are evaluated: the stored ones, or their means where it has them."""
    found = stored(checkpoint)
    share = found.get("average.share", np.zeros(()))
    if not share:
        return found
    means = {name: f"average.{name}" for name in found if f"average.{name}" in found}
    return found | {name: found[mean] / share for name, mean in means.items()}


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
