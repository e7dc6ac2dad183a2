"""P-STMO's lifter as its authors write it: all frames encoded, then strided down to one.

Shan et al., ECCV 2022; paTRICK-swk/P-STMO model/stmo.py and its blocks. Axes: b batch, t
frames, j joints, c width, h heads, d width of a head.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn


class LinearBlock(nn.Module):
    """Two layers over each frame by itself, added to what they were given."""

    def __init__(self, width: int, drop: float) -> None:
        super().__init__()
        self.w1 = nn.Conv1d(width, width, 1)
        self.batch_norm1 = nn.BatchNorm1d(width)
        self.w2 = nn.Conv1d(width, width, 1)
        self.batch_norm2 = nn.BatchNorm1d(width)
        self.relu = nn.LeakyReLU(0.2)
        self.dropout = nn.Dropout(drop)

    def forward(self, x: Tensor) -> Tensor:
        """(b, width, t) -> (b, width, t)."""
        y = self.dropout(self.relu(self.batch_norm1(self.w1(x))))
        y = self.dropout(self.relu(self.batch_norm2(self.w2(y))))
        return x + y


class FCBlock(nn.Module):
    """The joints of each frame, by themselves: (b, j * 2, t) -> (b, c, t)."""

    def __init__(self, channels: int, width: int, hidden: int, drop: float) -> None:
        super().__init__()
        self.fc_1 = nn.Conv1d(channels, hidden, 1)
        self.bn_1 = nn.BatchNorm1d(hidden)
        self.layers = nn.ModuleList([LinearBlock(hidden, drop)])
        self.fc_2 = nn.Conv1d(hidden, width, 1)
        self.relu = nn.LeakyReLU(0.2)
        self.dropout = nn.Dropout(drop)

    def forward(self, x: Tensor) -> Tensor:
        """As the class says."""
        x = self.dropout(self.relu(self.bn_1(self.fc_1(x))))
        for layer in self.layers:
            x = layer(x)
        return self.fc_2(x)


class Norm(nn.Module):
    """(x - mean) / (std + eps) by the unbiased deviation, eps outside of the root."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.a_2 = nn.Parameter(torch.ones(width))
        self.b_2 = nn.Parameter(torch.zeros(width))
        self.eps = 1e-6

    def forward(self, x: Tensor) -> Tensor:
        """(..., c) -> (..., c)."""
        mean = x.mean(-1, keepdim=True)
        std = x.std(-1, keepdim=True)
        return self.a_2 * (x - mean) / (std + self.eps) + self.b_2


class MultiHeadedAttention(nn.Module):
    """Four projections by themselves: query, key, value, and what is mixed."""

    def __init__(self, heads: int, width: int, drop: float) -> None:
        super().__init__()
        self.heads = heads
        self.linears = nn.ModuleList(nn.Linear(width, width) for _ in range(4))
        self.dropout = nn.Dropout(drop)

    def forward(self, x: Tensor) -> Tensor:
        """(b, t, c) -> (b, t, c)."""
        b, t, c = x.shape
        d = c // self.heads
        q, k, v = (
            linear(x).view(b, -1, self.heads, d).transpose(1, 2)
            for linear in self.linears[:3]
        )
        scores = torch.matmul(q, k.transpose(-2, -1)) / math.sqrt(d)
        weights = self.dropout(scores.softmax(dim=-1))
        mixed = torch.matmul(weights, v).transpose(1, 2).contiguous().view(b, t, c)
        return self.linears[3](mixed)


class FeedForward(nn.Module):
    """Two layers with a ReLU between them."""

    def __init__(self, width: int, hidden: int, drop: float) -> None:
        super().__init__()
        self.w_1 = nn.Linear(width, hidden)
        self.w_2 = nn.Linear(hidden, width)
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout(drop)

    def forward(self, x: Tensor) -> Tensor:
        """(b, t, c) -> (b, t, c)."""
        return self.w_2(self.dropout(self.relu(self.w_1(x))))


class StridedFeedForward(nn.Module):
    """The same by convolutions, the second over three frames of which it keeps some."""

    def __init__(self, width: int, hidden: int, drop: float, *, stride: int) -> None:
        super().__init__()
        self.w_1 = nn.Conv1d(width, hidden, 1)
        self.w_2 = nn.Conv1d(hidden, width, 3, stride=stride, padding=1)
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout(drop)

    def forward(self, x: Tensor) -> Tensor:
        """(b, t, c) -> (b, t / stride, c)."""
        x = self.w_2(self.dropout(self.relu(self.w_1(x.permute(0, 2, 1)))))
        return x.permute(0, 2, 1)


class Sublayer(nn.Module):
    """Norm, what is asked for, and the sum with what was given, or with some frames of it."""

    def __init__(self, width: int, drop: float, *, stride: int = 1) -> None:
        super().__init__()
        self.norm = Norm(width)
        self.dropout = nn.Dropout(drop)
        self.pooling = nn.MaxPool1d(1, stride) if stride > 1 else None

    def forward(self, x: Tensor, work: Callable[[Tensor], Tensor]) -> Tensor:
        """(b, t, c) -> (b, t / stride, c)."""
        kept = x
        if self.pooling is not None:
            kept = self.pooling(x.permute(0, 2, 1)).permute(0, 2, 1)
        return kept + self.dropout(work(self.norm(x)))


class EncoderLayer(nn.Module):
    """Attention, then the two layers."""

    def __init__(
        self, width: int, hidden: int, heads: int, drop: float, *, stride: int | None
    ) -> None:
        super().__init__()
        self.self_attn = MultiHeadedAttention(heads, width, drop)
        self.feed_forward = (
            FeedForward(width, hidden, drop)
            if stride is None
            else StridedFeedForward(width, hidden, drop, stride=stride)
        )
        self.sublayer = nn.ModuleList(
            [Sublayer(width, drop), Sublayer(width, drop, stride=stride or 1)]
        )

    def forward(self, x: Tensor) -> Tensor:
        """(b, t, c) -> (b, t / stride, c)."""
        x = self.sublayer[0](x, self.self_attn)
        return self.sublayer[1](x, self.feed_forward)


class Encoder(nn.Module):
    """Layers over all frames, or over fewer and fewer where strides are given.

    Its last norm is in the checkpoints, and no one calls it.
    """

    def __init__(
        self,
        width: int,
        hidden: int,
        heads: int,
        drop: float,
        *,
        strides: Sequence[int | None],
        tables: tuple[int, int] = (0, 0),
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            EncoderLayer(width, hidden, heads, drop, stride=stride)
            for stride in strides
        )
        self.norm = Norm(width)
        self.tables, frames = tables
        for i in range(self.tables):
            table = nn.Parameter(torch.randn(1, frames, width))
            self.register_parameter(f"pos_embedding_{i + 1}", table)

    def forward(self, x: Tensor) -> Tensor:
        """(b, t, c) -> (b, t / strides, c)."""
        for i, layer in enumerate(self.layers):
            if i < self.tables:
                x += getattr(self, f"pos_embedding_{i + 1}")[:, : x.shape[1]]
            x = layer(x)
        return x


class Transformer(nn.Module):
    """All frames, each with its place."""

    def __init__(
        self, layers: int, width: int, hidden: int, frames: int, heads: int, drop: float
    ) -> None:
        super().__init__()
        self.pos_embedding = nn.Parameter(torch.randn(1, frames, width))
        strides = [None] * layers
        self.model = Encoder(width, hidden, heads, drop, strides=strides)

    def forward(self, x: Tensor) -> Tensor:
        """(b, t, c) -> (b, t, c)."""
        x += self.pos_embedding
        return self.model(x)


class TransformerReduce(nn.Module):
    """From all frames to one."""

    def __init__(
        self,
        width: int,
        hidden: int,
        frames: int,
        heads: int,
        drop: float,
        *,
        strides: Sequence[int],
    ) -> None:
        super().__init__()
        # three tables, however many layers there are
        self.model = Encoder(
            width, hidden, heads, drop, strides=strides, tables=(3, frames)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(b, t, c) -> (b, t / strides, c)."""
        return self.model(x)


class PSTMO(nn.Module):
    """Takes the arguments of the authors' `Model`, and has its names."""

    def __init__(
        self,
        *,
        layers: int,
        channel: int,
        d_hid: int,
        frames: int,
        n_joints: int,
        out_joints: int,
        stride_num: Sequence[int],
        heads: int = 8,
        drop: float = 0.0,
    ) -> None:
        super().__init__()
        self.joints = out_joints
        # hidden layers of the joints' own network are twice as wide
        self.encoder = FCBlock(2 * n_joints, channel, 2 * channel, drop)
        self.Transformer = Transformer(layers, channel, d_hid, frames, heads, drop)
        self.Transformer_reduce = TransformerReduce(
            channel, d_hid, frames, heads, drop, strides=stride_num
        )
        self.fcn = self._head(channel)
        self.fcn_1 = self._head(channel)

    def _head(self, channel: int) -> nn.Sequential:
        return nn.Sequential(
            nn.BatchNorm1d(channel, momentum=0.1),
            nn.Conv1d(channel, 3 * self.joints, 1),
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(b, 2, t, j, 1) -> (b, 3, 1, j, 1), and of all frames (b, 3, t, j, 1)."""
        b, channels, t, j, _ = x.shape
        x = x[..., 0].permute(0, 2, 3, 1).reshape(b, t, j * channels)
        x = self.encoder(x.permute(0, 2, 1)).permute(0, 2, 1).contiguous()
        x = self.Transformer(x)
        # first, as the next line changes it in place
        every = self._pose(self.fcn_1(x.permute(0, 2, 1).contiguous()))
        x = self.Transformer_reduce(x)
        return self._pose(self.fcn(x.permute(0, 2, 1).contiguous())), every

    def _pose(self, x: Tensor) -> Tensor:
        """(b, j * 3, t) -> (b, 3, t, j, 1)."""
        b, _, t = x.shape
        return x.view(b, self.joints, 3, t).permute(0, 2, 3, 1)[..., None]
