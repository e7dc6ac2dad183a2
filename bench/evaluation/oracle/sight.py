"""What a model sees of a clip and what it predicts, by its own graph and the protocol."""

from __future__ import annotations

from dataclasses import dataclass

from bench.coordinator.job import Job
from bench.data.geometry import skeletons
from bench.data.protocols import Protocol
from models import dims
from models.spec import Spec


@dataclass(frozen=True, kw_only=True)
class Sight:
    """The facts that windows are cut by. Joints and pairs are of the protocol's skeleton."""

    joints: tuple[str, ...]
    pairs: tuple[tuple[int, int], ...]  # places of what a mirror swaps
    root: str
    frames: int  # T
    outputs: int  # K, the middle ones of T
    channels: int  # C of what it reads
    pad: str  # what a window sees beyond the ends of a clip: edge or reflect
    pixels: bool  # the model predicts thousands of pixels and not metres
    reads: str = "keypoints"  # or poses, or images
    makes: str = "poses"  # or keypoints
    causal: bool = False  # the one output is the last of T
    size: tuple[int, int] = (0, 0)  # height and width of images
    seed: int = 0  # of what is drawn in them

    @property
    def before(self) -> int:
        """Frames that a window sees before the first that it predicts."""
        others = self.frames - self.outputs
        return others if self.causal else others // 2


def of(spec: Spec, protocol: Protocol, job: Job, *, training: bool = False) -> Sight:
    """The sight of a job's model under a protocol: of what it predicts, or of what it is taught."""
    skeleton = skeletons.load(protocol.skeleton)
    lengths = {"batch": 1, "frames": spec.frames}
    seen = dims.bind(spec.infer.inputs[spec.reads].shape, lengths)
    pose = spec.infer.types[spec.infer.outputs["pose"]].shape
    if training and "target" in spec.train.inputs:
        pose = spec.train.inputs["target"].shape
    given = dims.bind(pose, lengths)
    # a flat model has (1, joints * channels) and (1, joints * 3): a frame in, a frame out
    flat = len(seen) == 2
    return Sight(
        joints=skeleton.joints,
        pairs=skeleton.pairs,
        root=protocol.root,
        frames=spec.frames,
        outputs=1 if len(given) == 2 else given[1],
        channels=seen[1] // len(skeleton.joints) if flat else seen[-1],
        pad=job.settings.pad,
        pixels=protocol.lengths == "2.5d",
        causal=spec.causal,
        reads=spec.reads,
        makes=spec.makes,
        size=(seen[-2], seen[-1]) if spec.reads == "images" else (0, 0),
        seed=job.config.seed,
    )
