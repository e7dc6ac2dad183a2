"""Between windows of poses and the inputs of a spec.

Which windows it wants, and how they are scaled and shaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bench.coordinator import dataset
from bench.coordinator.job import Job
from bench.coordinator.spec import build, skin_of
from bench.data import Split
from bench.data.batches import standardizer
from bench.data.batches.padded import Pad
from bench.data.batches.standardizer import Standardizer
from bench.data.batches.windows import Outputs, Windows
from bench.data.clip import Clip
from bench.data.geometry.skinning import Skin
from bench.data.pictures.crops import Crops
from bench.data.protocols import Protocol
from bench.training import heldout
from models import dims, noise
from models.dims import Shape
from models.errors import BadInput
from models.spec import Spec

Array = NDArray[np.float32]
# thousandths of what runs from -1 to 1 across the picture: of half its width
SCREEN = "‰ of the screen"
WINDOWS = 512  # in a call of a program
PICTURES = 32  # which are thousandfold as large as keypoints, and inside a network larger still
# of entries that are hidden alone: of poses, and of keypoints
HIDDEN, HIDDEN_2D = "hidden MPJPE", "hidden 2D error"


def split_of(job: Job) -> Split:
    """The data of a job's run, under its protocol and how the model's test windows overlap.

    Raises as `dataset.of` does, and BadInput where nothing can be held out.
    """
    split = dataset.of(job.config, job.folder)
    divided = heldout.divided(split, job.settings.train)
    return replace(divided, protocol=overlapping(job, split.protocol))


def overlapping(job: Job, protocol: Protocol) -> Protocol:
    """The protocol with how the job's test windows overlap."""
    return protocol.model_copy(update={"overlap": job.settings.test_every or 0})


# output of an inference graph that gives several poses for each frame
HYPOTHESES = "hypotheses"
VERTICES = "vertices"  # and of one that makes a surface
KNOWN = "known"  # input of losses that leave coordinates out


@dataclass(frozen=True)
class Feed:
    """How `spec` is fed: keypoints standardised or not, flat where the model is flat."""

    spec: Spec
    protocol: Protocol
    standardizer: Standardizer | None = None
    pad: Pad = "edge"
    skin: Skin | None = None  # of a model that makes a surface
    seed: int = 0  # of what is drawn: backgrounds of pictures

    @property
    def joints(self) -> int:
        """Joints of the protocol's skeleton."""
        return len(self.protocol.joints)

    @property
    def channels(self) -> int:
        """2, or 3 where the model takes confidences."""
        if self.spec.reads != "keypoints":
            return 2  # nobody looks at them
        shape = self.spec.train.inputs["keypoints"].shape
        last = int(str(shape[-1]))
        # (batch, joints * channels) of a flat model, else (batch, frames, joints, channels)
        return last // self.joints if len(shape) == 2 else last

    @property
    def sequence(self) -> bool:
        """Whether every input frame has an output pose; else one has."""
        graph = self.spec.infer
        return self._many(graph.types[graph.outputs["pose"]].shape)

    @property
    def outputs(self) -> Outputs:
        """Which frames of a window have an output pose."""
        return "all" if self.sequence else self._one

    @property
    def _one(self) -> Outputs:
        return "last" if self.spec.causal else "centre"

    @property
    def taught(self) -> bool:
        """Whether a training window has a target for every frame; else for one."""
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
        pictures = self.spec.reads == "images"
        if pictures and stride is None:
            stride = every  # none is made that is not looked at
        return Windows(
            clips,
            frames=self.spec.frames,
            outputs="all" if whole else self._one,
            stride=stride,
            every=every,
            skeleton=self.protocol.skeleton,
            root=self.protocol.root,
            channels=self.channels,
            pad=self.pad,
            pixels=self.protocol.lengths == "2.5d",
            crops=self._crops(clips) if pictures else None,
        )

    def _crops(self, clips: Sequence[Clip]) -> Crops:
        height, width = self.spec.train.inputs["images"].shape[-2:]
        return Crops(
            clips,
            size=(int(str(height)), int(str(width))),
            joints=self.protocol.joints,
            root=self.protocol.root,
            drawn=self.protocol.rig is not None,
            seed=self.seed,
        )

    @property
    def at_once(self) -> int:
        """How many windows a call is given: enough for any device, few enough for any memory."""
        if self.spec.reads == "images":
            return PICTURES
        # each hypothesis takes as much memory as a window
        return max(1, WINDOWS // max(1, self.hypotheses))

    @property
    def unit(self) -> str:
        """Of a thousand times an error: what the model makes are metres, or parts of the screen."""
        return "mm" if self.spec.makes == "poses" else SCREEN

    @property
    def measured(self) -> str:
        """What an error of the model is called."""
        if not self.spec.masked:
            return "MPJPE"
        return HIDDEN if self.spec.makes == "poses" else HIDDEN_2D

    def fit(self, windows: Windows) -> Feed:
        """The same, which standardises what the model reads as it is in these windows."""
        poses = self.spec.reads == "poses"
        seen = windows.truth() if poses else windows.single()
        return replace(self, standardizer=standardizer.fit(seen))

    def shown(self, keypoints: Array, target: Array) -> Array:
        """Which of a window's two arrays the model reads."""
        return target if self.spec.reads == "poses" else keypoints

    def truth(self, keypoints: Array, target: Array) -> Array:
        """What the model should make of a window: its poses, or where its joints are seen."""
        return target if self.spec.makes == "poses" else keypoints[..., :2]

    def inputs(
        self, shown: Array, numbers: Iterable[int] | None = None
    ) -> dict[str, Array]:
        """What is shown (B, T, J, C), or pictures -> inputs and noise of the inference graph.

        `numbers` are the windows': where a model hides a part, each has masks of its own.
        """
        frames = self.spec.frames if self.spec.reads == "images" else shown.shape[1]
        lengths = {"batch": len(shown), "frames": frames}
        own = numbers if self.spec.masked else None
        return self._read(shown) | noise.fixed(self.spec.infer, lengths, own)

    def batch(
        self, keypoints: Array, target: Array, metres: Array | None = None
    ) -> dict[str, Array]:
        """Inputs of the train graph; target (B, K, J, 3) in the unit of the windows.

        Where that is no metre, `metres` are the same poses, for a model of surfaces.
        """
        shaped = self._flat(self.truth(keypoints, target))
        fed = self._read(self.shown(keypoints, target))
        fed["target"] = np.ascontiguousarray(shaped)
        if VERTICES in self.spec.train.inputs:
            posed = target if metres is None else metres
            fed[VERTICES] = self.surface(posed[:, 0])
        if KNOWN in self.spec.train.inputs:
            # whatever a frame lacks, it is not trained on: of those that are, all is known
            fed[KNOWN] = np.ones_like(fed["target"])
        # a model that learns from what it is shown alone has no target
        return {name: fed[name] for name in self.spec.train.inputs}

    def surface(self, target: Array) -> Array:
        """(n, V, 3): the true surface of poses (n, J, 3), metres from the root."""
        assert self.skin is not None  # as `feed_of` gives every model that makes one
        return self.skin.posed(target)

    def _read(self, shown: Array) -> dict[str, Array]:
        if self.standardizer is not None:
            shown = self.standardizer.apply(shown)
        # a view is taken by some frameworks and refused by others
        return {self.spec.reads: np.ascontiguousarray(self._flat(shown))}

    def poses(self, pose: Array) -> Array:
        """The graph's `pose` -> (B, K, J, C), in the unit of the targets."""
        made = pose.reshape(len(pose), -1, self.joints, self.coordinates)
        taught = "target" in self.spec.train.inputs
        if taught or self.spec.reads != self.spec.makes or self.standardizer is None:
            return made
        # one that learns from what it is shown answers in the scale that it was shown
        return self.standardizer.invert(made, coordinates=self.coordinates)

    @property
    def coordinates(self) -> int:
        """C of what the model makes."""
        return 3 if self.spec.makes == "poses" else 2

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
        flat = len(self.spec.train.inputs[self.spec.reads].shape) == 2
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
    _check(spec, len(protocol.joints))
    skin, seed = skin_of(spec, job.settings, protocol), job.config.seed
    return Feed(spec, protocol, standardizer, job.settings.pad, skin, seed)


def _check(spec: Spec, due: int) -> None:
    """Raise BadInput for poses of other joints than the data's: neither taught nor scored."""
    pose = spec.infer.types[spec.infer.outputs["pose"]].shape
    flat = len(pose) == 2
    came = pose[1] // 3 if flat else pose[-2]
    if came != due:
        raise BadInput(
            f"{spec.name} predicts {came} joints and the data have {due}; choose a preset and"
            " sizes that predict all"
        )
