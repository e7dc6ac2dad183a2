"""PoseFormer: a spatial transformer per frame, then a temporal one over frames.

Zheng et al., ICCV 2021; zczcwh/PoseFormer common/model_poseformer.py. Axes: b batch,
t frames, j joints, c spatial width, e = j * c temporal width (joint-major), n tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.builder import Builder
from models.layers import block, check_heads
from models.value import Value


@dataclass(frozen=True)
class Size:
    """`width` is the spatial width of one joint; the temporal width is joints * width.

    The frame count is baked into two parameters.
    """

    joints: int = 17
    channels: int = 2
    frames: int = 81
    width: int = 32  # embed_dim_ratio in the official code
    depth: int = 4  # of either transformer
    heads: int = 8  # of either: 4 wide over joints, 68 wide over frames
    mlp_ratio: float = 2
    eps: float = 1e-6
    head_eps: float = 1e-5  # PyTorch's default, which the official head keeps
    qkv_bias: bool = True
    scale: float = 0.0  # 0: head width ** -0.5
    drop: float = 0.0
    attention_drop: float = 0.0
    drop_path: float = 0.1  # of the last block; the official test model has 0

    def __post_init__(self) -> None:
        check_heads("poseformer", self.width, self.heads)


def train(g: Builder, size: Size) -> Value:
    """(b, t, j, channels) -> (b, 1, j, 3), the pose of the middle frame."""
    shape = ("batch", size.frames, size.joints, size.channels)
    x = g.input("keypoints", shape)
    # every frame is a sample of its own, its joints the tokens
    x = x.rearrange("b t j c -> (b t) j c")
    x = x.linear(size.width, name="Spatial_patch_to_embedding")
    row = (1, size.joints, size.width)
    x = x + g.param("Spatial_pos_embed", row, init=("zeros", 0.0))
    x = x.dropout(rate=size.drop, name="pos_drop")
    x = _blocks(x, size, "Spatial_blocks").layer_norm(eps=size.eps, name="Spatial_norm")
    # now the frames are the tokens, all joints of one side by side
    x = x.rearrange("(b t) j c -> b t (j c)", t=size.frames)
    table = (1, size.frames, size.joints * size.width)
    x = x + g.param("Temporal_pos_embed", table, init=("zeros", 0.0))
    x = x.dropout(rate=size.drop, name="pos_drop")
    x = _blocks(x, size, "blocks").layer_norm(eps=size.eps, name="Temporal_norm")
    # A learnt mean over time: the frames stand where a convolution expects its channels, and
    # one channel comes out, (b, 1, e).
    x = x.conv1d(
        1,
        kernel=1,
        stride=1,
        dilation=1,
        padding=0,
        bias=True,
        name="weighted_mean",
    )
    x = x.layer_norm(eps=size.head_eps, name="head.0")
    x = x.linear(size.joints * 3, name="head.1")
    return x.rearrange("b t (j c) -> b t j c", c=3)


def _blocks(x: Value, size: Size, scope: str) -> Value:
    """Pre-norm transformer blocks over (b, n, width); spatial ones have (b t) for b."""
    for i in range(size.depth):
        # from 0 to the whole rate: early blocks are dropped least (linspace, officially)
        rate = size.drop_path * i / max(size.depth - 1, 1)
        with x.graph.scope(f"{scope}.{i}"):
            x = block(x, size, drop_path=rate)
    return x


NOTES = (
    (
        "Evaluation is by the protocols here; the authors slide windows by single "
        "frames over clips that are padded by their edges, which `pad: edge` does."
    ),
)
PRESETS = {
    "paper": Size(),
    "frames27": Size(frames=27),
    "small": Size(
        frames=9,
        width=16,
        depth=2,
        heads=4,
    ),
    "tiny": Size(
        frames=9,
        width=8,
        depth=1,
        heads=4,
    ),
}
PAPER_PARAMETERS = {"paper": 9_602_885, "frames27": 9_573_455}
LOSS = {"mpjpe": 1.0}
OFFICIAL = "PoseTransformer"


def from_official(official: str, config: Mapping[str, Any]) -> Size:
    """Constructor arguments of PoseTransformer.

    Every drop rate is 0, so that runs can be compared.
    """
    return Size(
        joints=config["num_joints"],
        channels=config["in_chans"],
        frames=config["num_frame"],
        width=config["embed_dim_ratio"],
        depth=config["depth"],
        heads=config["num_heads"],
        mlp_ratio=config["mlp_ratio"],
        qkv_bias=config.get("qkv_bias", True),
        scale=config.get("qk_scale") or 0.0,  # None there: head width ** -0.5
        drop_path=0.0,
    )
