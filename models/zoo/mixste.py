"""MixSTE: joints attend to each other, then each joint to its own frames, in turns.

Zhang et al., CVPR 2022; JinluZhang1126/MixSTE common/model_cross.py. A pose for every frame.
Axes: b batch, t frames, j joints, c width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.builder import Builder
from models.dims import fixed
from models.layers import block, check_heads
from models.losses.velocity import steps
from models.losses.weighted_mpjpe import weighted
from models.value import Value


@dataclass(frozen=True)
class Size:
    """The frame count is baked into the table of frame positions."""

    joints: int = 17
    channels: int = 2
    frames: int = 243
    width: int = 512  # embed_dim_ratio in the official code
    depth: int = 8  # of pairs: a block over joints, then one over frames
    heads: int = 8
    mlp_ratio: float = 2
    eps: float = 1e-6
    head_eps: float = 1e-5  # PyTorch's default, which the official head keeps
    qkv_bias: bool = True
    scale: float = 0.0  # 0: head width ** -0.5
    drop: float = 0.0
    attention_drop: float = 0.0
    drop_path: float = 0.1  # of the last pair; the official test model has 0

    def __post_init__(self) -> None:
        check_heads("mixste", self.width, self.heads)


def train(g: Builder, size: Size) -> Value:
    """(b, t, j, channels) -> (b, t, j, 3)."""
    shape = ("batch", size.frames, size.joints, size.channels)
    return trunk(embed(g.input("keypoints", shape), size), size)


def embed(x: Value, size: Size) -> Value:
    """(..., j, channels) -> (..., j, c), which joint each one is added."""
    x = x.linear(size.width, name="Spatial_patch_to_embedding")
    row = (1, size.joints, size.width)
    return x + x.graph.param("Spatial_pos_embed", row, init=("zeros", 0.0))


def trunk(x: Value, size: Size) -> Value:
    """(b, t, j, c) -> (b, t, j, 3): all blocks, and the head."""
    x = x.dropout(rate=size.drop, name="pos_drop")
    for i in range(size.depth):
        # from 0 to the whole rate: early blocks are dropped least (linspace, officially)
        rate = size.drop_path * i / max(size.depth - 1, 1)
        x = x.rearrange("b t j c -> (b t) j c")
        x = _block(x, size, rate, "Spatial", i)
        x = x.rearrange("(b t) j c -> (b j) t c", t=size.frames)
        if i == 0:
            x = _framed(x, size)
        x = _block(x, size, rate, "Temporal", i)
        x = x.rearrange("(b j) t c -> b t j c", j=size.joints)
    x = x.layer_norm(eps=size.head_eps, name="head.0")
    return x.linear(3, name="head.1")


def _framed(x: Value, size: Size) -> Value:
    """Which frame each one is, added once: later blocks take it from the first."""
    table = (1, size.frames, size.width)
    x = x + x.graph.param("Temporal_pos_embed", table, init=("zeros", 0.0))
    return x.dropout(rate=size.drop, name="pos_drop")


def _block(x: Value, size: Size, rate: float, over: str, i: int) -> Value:
    """A block, and the norm that all blocks over the same axis share."""
    with x.graph.scope(f"{over[0]}TEblocks.{i}"):
        x = block(x, size, drop_path=rate)
    return x.layer_norm(eps=size.eps, name=f"{over}_norm")


# How much each joint counts in both terms below, in Human3.6M's order: limbs' ends most.
_WEIGHTS = (1, 1, 2.5, 2.5, 1, 2.5, 2.5, 1, 1, 1, 1.5, 1.5, 4, 4, 1.5, 4, 4)


def _weights(pose: Value) -> Value:
    """(j,); another skeleton's joints count alike."""
    joints = fixed(pose.shape[2])
    known = _WEIGHTS if joints == len(_WEIGHTS) else (1,) * joints
    return pose.graph.constant("weights", np.array(known, np.float32))


def _wmpjpe(pose: Value, size: Size) -> Value:
    """The mean of weight * distance, metres."""
    return weighted(pose, pose.graph.input("target", pose.shape), _weights(pose))


def _tcl(pose: Value, size: Size) -> Value:
    """The mean of weight * step ** 2, metres ** 2: how little a prediction keeps still.

    Of the prediction alone: the target's own steps are no part of it.
    """
    moved = steps(pose)
    weights = _weights(pose).expand_dims(axis=1)
    return (moved * moved * weights).mean(axis=(0, 1, 2, 3), keepdims=False)


LOSSES = {"wmpjpe": _wmpjpe, "tcl": _tcl}
NOTES = (
    (
        "The authors multiply each gradient by the loss itself (backward of the loss "
        "times its value); here gradients are those of the loss."
    ),
    (
        "The weights of joints in the published loss are of Human3.6M; other counts of "
        "joints weigh alike."
    ),
)
PRESETS = {
    "paper": Size(),
    "frames81": Size(frames=81),
    "frames27": Size(frames=27),
    "small": Size(
        frames=27,
        width=32,
        depth=2,
        heads=4,
        drop_path=0.0,
    ),
    # few frames, for many poses in the seconds of a first run
    "tiny": Size(
        frames=2,
        width=48,
        depth=2,
        heads=4,
        drop_path=0.0,
    ),
}
PAPER_PARAMETERS = {
    "paper": 33_783_811,
    "frames81": 33_700_867,
    "frames27": 33_673_219,
}
# in this order, single frames are refused by velocity, which says why
LOSS = {"wmpjpe": 1.0, "velocity": 2.0, "tcl": 0.5}
OFFICIAL = "MixSTE2"


def from_official(official: str, config: Mapping[str, Any]) -> Size:
    """Constructor arguments of MixSTE2; every drop rate is 0, so that runs can be compared."""
    return Size(
        joints=config.get("num_joints", 17),
        channels=config.get("in_chans", 2),
        frames=config.get("num_frame", 9),
        width=config.get("embed_dim_ratio", 32),
        depth=config.get("depth", 4),
        heads=config.get("num_heads", 8),
        mlp_ratio=config.get("mlp_ratio", 2.0),
        qkv_bias=config.get("qkv_bias", True),
        scale=config.get("qk_scale") or 0.0,  # None there: head width ** -0.5
        drop_path=0.0,
    )
