"""The transformer block that MixSTE and D3DP build on: attention and MLP, each behind a norm.

Written as their authors have it: one fused projection, then products and softmax by
themselves. Axes: n tokens, c width, h heads, d width of a head.
"""

from __future__ import annotations

from torch import Tensor, nn

EPS = 1e-6  # of every LayerNorm but that of the heads


class Attention(nn.Module):
    """Multi-head self-attention over the second-last axis of (rows, n, c)."""

    def __init__(self, width: int, heads: int, *, bias: bool, scale: float | None):
        super().__init__()
        self.heads = heads
        self.scale = scale or (width // heads) ** -0.5
        self.qkv = nn.Linear(width, width * 3, bias=bias)
        self.attn_drop = nn.Dropout(0.0)
        self.proj = nn.Linear(width, width)
        self.proj_drop = nn.Dropout(0.0)

    def forward(self, x: Tensor) -> Tensor:
        """(rows, n, c) -> (rows, n, c)."""
        rows, n, c = x.shape
        packed = self.qkv(x).reshape(rows, n, 3, self.heads, c // self.heads)
        # (rows, h, n, d) each
        q, k, v = packed.permute(2, 0, 3, 1, 4).unbind(0)
        weights = (q @ k.transpose(-2, -1)) * self.scale
        weights = self.attn_drop(weights.softmax(dim=-1))
        mixed = (weights @ v).transpose(1, 2).reshape(rows, n, c)
        return self.proj_drop(self.proj(mixed))


class Mlp(nn.Module):
    """Two layers with an exact GELU between them."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.act = nn.GELU()
        self.fc2 = nn.Linear(hidden, width)
        self.drop = nn.Dropout(0.0)

    def forward(self, x: Tensor) -> Tensor:
        """(..., c) -> (..., c)."""
        x = self.drop(self.act(self.fc1(x)))
        return self.drop(self.fc2(x))


class Block(nn.Module):
    """Attention, then MLP, each added to what it was given."""

    def __init__(
        self, width: int, heads: int, *, ratio: float, bias: bool, scale: float | None
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=EPS)
        self.attn = Attention(width, heads, bias=bias, scale=scale)
        # what drop path is at a rate of 0
        self.drop_path = nn.Identity()
        self.norm2 = nn.LayerNorm(width, eps=EPS)
        self.mlp = Mlp(width, int(width * ratio))

    def forward(self, x: Tensor) -> Tensor:
        """(rows, n, c) -> (rows, n, c)."""
        x = x + self.drop_path(self.attn(self.norm1(x)))
        return x + self.drop_path(self.mlp(self.norm2(x)))
