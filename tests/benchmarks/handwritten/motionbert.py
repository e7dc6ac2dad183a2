"""MotionBERT as a good PyTorch author writes it: the yardstick of ours.

Same parameter names, same mathematics, the usual modules (nn.Linear, nn.LayerNorm, fused
attention). Axes: b batch, t frames, j joints, c width, h heads, d width of a head.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.zoo import motionbert


class Attention(nn.Module):
    """Multi-head self-attention over the second-last axis of (rows, tokens, c)."""

    def __init__(self, width: int, heads: int, *, bias: bool) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, width * 3, bias=bias)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(rows, tokens, c) -> (rows, tokens, c)."""
        rows, tokens, width = x.shape
        packed = self.qkv(x).reshape(
            rows,
            tokens,
            3,
            self.heads,
            width // self.heads,
        )
        # (rows, heads, tokens, d) each, as PyTorch's fused attention takes them
        q, k, v = packed.permute(2, 0, 3, 1, 4).unbind(0)
        mixed = F.scaled_dot_product_attention(q, k, v)
        return self.proj(mixed.transpose(1, 2).reshape(rows, tokens, width))


class Mlp(nn.Module):
    """Two layers with an exact GELU between them."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """(..., c) -> (..., c)."""
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    """Spatial and temporal attention, in either order."""

    def __init__(self, size: motionbert.Size, *, spatial_first: bool) -> None:
        super().__init__()
        self.spatial_first = spatial_first
        hidden = int(size.width * size.mlp_ratio)
        # the authors' names, so that one state_dict serves both
        for axis in "st":
            attention = Attention(size.width, size.heads, bias=size.qkv_bias)
            setattr(self, f"norm1_{axis}", nn.LayerNorm(size.width, eps=size.eps))
            setattr(self, f"attn_{axis}", attention)
            setattr(self, f"norm2_{axis}", nn.LayerNorm(size.width, eps=size.eps))
            setattr(self, f"mlp_{axis}", Mlp(size.width, hidden))

    def forward(self, x: Tensor) -> Tensor:
        """(b, t, j, c) -> (b, t, j, c)."""
        if self.spatial_first:
            return self._temporal(self._spatial(x))
        return self._spatial(self._temporal(x))

    def _spatial(self, x: Tensor) -> Tensor:
        b, t, j, c = x.shape
        rows = self.norm1_s(x).reshape(b * t, j, c)
        x = x + self.attn_s(rows).reshape(b, t, j, c)
        return x + self.mlp_s(self.norm2_s(x))

    def _temporal(self, x: Tensor) -> Tensor:
        b, t, j, c = x.shape
        rows = (
            self.norm1_t(x)
            .transpose(1, 2)
            .reshape(
                b * j,
                t,
                c,
            )
        )
        x = x + self.attn_t(rows).reshape(b, j, t, c).transpose(1, 2)
        return x + self.mlp_t(self.norm2_t(x))


class Representation(nn.Module):
    """The last projection before the head."""

    def __init__(self, width: int, representation: int) -> None:
        super().__init__()
        self.fc = nn.Linear(width, representation)

    def forward(self, x: Tensor) -> Tensor:
        """(..., c) -> (..., representation), within -1 and 1."""
        return torch.tanh(self.fc(x))


class MotionBert(nn.Module):
    """DSTformer without drop rates, its streams fused by learnt weights."""

    def __init__(self, size: motionbert.Size) -> None:
        super().__init__()
        self.joints_embed = nn.Linear(size.channels, size.width)
        self.pos_embed = nn.Parameter(torch.zeros(1, size.joints, size.width))
        self.temp_embed = nn.Parameter(torch.zeros(1, size.max_frames, 1, size.width))
        every = range(size.depth)
        self.blocks_st = nn.ModuleList(Block(size, spatial_first=True) for _ in every)
        self.blocks_ts = nn.ModuleList(Block(size, spatial_first=False) for _ in every)
        self.ts_attn = nn.ModuleList(nn.Linear(size.width * 2, 2) for _ in every)
        self.norm = nn.LayerNorm(size.width, eps=size.eps)
        self.pre_logits = Representation(size.width, size.representation)
        self.head = nn.Linear(size.representation, size.outputs)

    def forward(self, keypoints: Tensor) -> Tensor:
        """(b, t, j, channels) -> (b, t, j, outputs)."""
        x = self.joints_embed(keypoints) + self.pos_embed
        x = x + self.temp_embed[:, : keypoints.shape[1]]
        streams = zip(self.blocks_st, self.blocks_ts, self.ts_attn, strict=True)
        for spatial_first, temporal_first, fuse in streams:
            st = spatial_first(x)
            ts = temporal_first(x)
            # how much of each stream, joint by joint
            weights = fuse(torch.cat([st, ts], dim=-1)).softmax(dim=-1)
            x = st * weights[..., :1] + ts * weights[..., 1:]
        return self.head(self.pre_logits(self.norm(x)))
