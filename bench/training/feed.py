"""Between windows of poses and the inputs of a spec.

Which windows it wants, and how they are scaled and shaped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bench.coordinator import dataset
from bench.coordinator.job import Job
from bench.coordinator.spec import build
from bench.data import Split
from bench.data.batches.padded import Pad
from bench.data.batches.standardizer import Standardizer
from bench.data.batches.windows import Windows
from bench.data.clip import Clip
from bench.data.protocols import Protocol
from models import dims, noise
from models.dims import Shape
from models.spec import Spec

Array = NDArray[np.float32]


def split_of(job: Job) -> Split:
    """The data of a job's run, under its protocol and how the model's test windows overlap.

    Raises as `dataset.of` does.
    """
    split = dataset.of(job.config, job.folder)
    return replace(split, protocol=overlapping(job, split.protocol))


def overlapping(job: Job, protocol: Protocol) -> Protocol:
    """The protocol with how the job's test windows overlap."""
    return protocol.model_copy(update={"overlap": job.settings.test_every or 0})


# output of an inference graph that gives several poses for each frame
HYPOTHESES = "hypotheses"


@dataclass(frozen=True)
class Feed:
    """How `spec` is fed: keypoints standardised or not, flat where the model is flat."""

    spec: Spec
    protocol: Protocol
    standardizer: Standardizer | None = None
    pad: Pad = "edge"

    @property
    def joints(self) -> int:
        """Joints of the protocol's skeleton."""
        return len(self.protocol.joints)

    @property
    def channels(self) -> int:
        """2, or 3 where the model takes confidences."""
        shape = self.spec.train.inputs["keypoints"].shape
        last = int(str(shape[-1]))
        # (batch, joints * channels) of a flat model, else (batch, frames, joints, channels)
        return last // self.joints if len(shape) == 2 else last

    @property
    def sequence(self) -> bool:
        """Whether every input frame has an output pose; else the middle one has."""
        graph = self.spec.infer
        return self._many(graph.types[graph.outputs["pose"]].shape)

    @property
    def taught(self) -> bool:
        """Whether a training window has a target for every frame; else for the middle one."""
        target = self.spec.train.inputs.get("target")
        return self.sequence if target is None else self._many(target.shape)

    def windows(
        self,
        clips: Sequence[Clip],
        *,
        stride: int | None,
        every: int = 1,
        training: bool = False,
    ) -> Windows:
        """Windows of the length the model trains on, pixels under 2.5D lengths.

        Each has the poses that the model makes of it, or those that training wants.
        """
        whole = self.taught if training else self.sequence
        return Windows(
            clips,
            frames=self.spec.frames,
            outputs="all" if whole else "centre",
            stride=stride,
            every=every,
            skeleton=self.protocol.skeleton,
            root=self.protocol.root,
            channels=self.channels,
            pad=self.pad,
            pixels=self.protocol.lengths == "2.5d",
        )

    def inputs(self, keypoints: Array) -> dict[str, Array]:
        """(B, T, J, C) screen coordinates -> the inference graph's `keypoints`, and its noise."""
        lengths = {"batch": len(keypoints), "frames": keypoints.shape[1]}
        return self._keypoints(keypoints) | noise.fixed(self.spec.infer, lengths)

    def batch(self, keypoints: Array, target: Array) -> dict[str, Array]:
        """Inputs of the train graph; target (B, K, J, 3) in the unit of the windows."""
        shaped = self._flat(target)
        fed = self._keypoints(keypoints) | {"target": np.ascontiguousarray(shaped)}
        # a model that learns from what it is shown alone has no target
        return {name: fed[name] for name in self.spec.train.inputs}

    def _keypoints(self, keypoints: Array) -> dict[str, Array]:
        if self.standardizer is not None:
            keypoints = self.standardizer.apply(keypoints)
        shaped = self._flat(keypoints)
        # a view is taken by some frameworks and refused by others
        return {"keypoints": np.ascontiguousarray(shaped)}

    def poses(self, pose: Array) -> Array:
        """The graph's `pose` -> (B, K, J, 3), in the unit of the targets."""
        return pose.reshape(len(pose), -1, self.joints, 3)

    @property
    def hypotheses(self) -> int:
        """Poses that the inference graph gives for each frame beside its own; 0: none."""
        graph = self.spec.infer
        if HYPOTHESES not in graph.outputs:
            return 0
        shape = graph.types[graph.outputs[HYPOTHESES]].shape
        return int(str(shape[1]))

    def several(self, hypotheses: Array) -> Array:
        """The graph's `hypotheses` (B, H, K, J, 3) -> (B, K, H, J, 3), in the same unit."""
        return np.moveaxis(hypotheses, 1, 2)

    def _flat(self, array: Array) -> Array:
        flat = len(self.spec.train.inputs["keypoints"].shape) == 2
        return array.reshape(len(array), -1) if flat else array

    def _many(self, shape: Shape) -> bool:
        """Whether poses of such a shape are several, of one training window."""
        lengths = {"batch": 1, "frames": self.spec.frames}
        bound = dims.bind(shape, lengths)
        return len(bound) == 4 and bound[1] != 1


def feed_of(
    job: Job, protocol: Protocol, standardizer: Standardizer | None = None
) -> Feed:
    """How a job's model is fed under a protocol: the one place where that is decided."""
    spec = build(job.model, job.settings, protocol)
    return Feed(spec, protocol, standardizer, job.settings.pad)
