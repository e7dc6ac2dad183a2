"""MixSTE2 as its authors write it: joints of a frame and frames of a joint attend in turns.

Zhang et al., CVPR 2022; JinluZhang1126/MixSTE common/model_cross.py. Axes: b batch, f frames,
j joints, c width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tests.benchmarks.handwritten.vit import EPS, Block


class MixSTE2(nn.Module):
    """Takes the arguments of the authors' class, and has its names."""

    def __init__(
        self,
        *,
        num_frame: int,
        num_joints: int,
        in_chans: int,
        embed_dim_ratio: int,
        depth: int,
        num_heads: int,
        mlp_ratio: float,
        qkv_bias: bool,
        qk_scale: float | None,
    ) -> None:
        super().__init__()
        width = embed_dim_ratio

        def blocks() -> nn.ModuleList:
            return nn.ModuleList(
                Block(width, num_heads, ratio=mlp_ratio, bias=qkv_bias, scale=qk_scale)
                for _ in range(depth)
            )

        self.Spatial_patch_to_embedding = nn.Linear(in_chans, width)
        self.Spatial_pos_embed = nn.Parameter(torch.zeros(1, num_joints, width))
        self.Temporal_pos_embed = nn.Parameter(torch.zeros(1, num_frame, width))
        self.pos_drop = nn.Dropout(0.0)
        self.STEblocks = blocks()
        self.TTEblocks = blocks()
        # one of each for all depths
        self.Spatial_norm = nn.LayerNorm(width, eps=EPS)
        self.Temporal_norm = nn.LayerNorm(width, eps=EPS)
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 3))

    def forward(self, x: Tensor) -> Tensor:
        """(b, f, j, channels) -> (b, f, j, 3)."""
        b, f, j, _ = x.shape
        x = self.Spatial_patch_to_embedding(x.reshape(b * f, j, -1))
        x += self.Spatial_pos_embed
        return self.head(self._mixed(self.pos_drop(x), b))

    def _mixed(self, x: Tensor, b: int) -> Tensor:
        """All blocks: (b * f, j, c) -> (b, f, j, c)."""
        rows, j, c = x.shape
        f = rows // b
        for depth, (spatial, temporal) in enumerate(
            zip(self.STEblocks, self.TTEblocks, strict=True)
        ):
            x = self.Spatial_norm(spatial(x.reshape(b * f, j, c)))
            x = x.reshape(b, f, j, c).permute(0, 2, 1, 3).reshape(b * j, f, c)
            if depth == 0:
                x += self.Temporal_pos_embed
                x = self.pos_drop(x)
            x = self.Temporal_norm(temporal(x))
            x = x.reshape(b, j, f, c).permute(0, 2, 1, 3)
        return x
