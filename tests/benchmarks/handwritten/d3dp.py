"""One call of D3DP's denoiser as its authors write it: MixSTE that knows the time step.

Shan et al., ICCV 2023; paTRICK-swk/D3DP common/mixste.py. Axes as in `mixste`.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from tests.benchmarks.handwritten.mixste import MixSTE2


class Sinusoid(nn.Module):
    """(b,) time steps -> (b, width): sines, then cosines, of falling frequency."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.half = width // 2

    def forward(self, time: Tensor) -> Tensor:
        """Made anew in each call, as the authors do."""
        step = math.log(10000) / (self.half - 1)
        frequency = torch.exp(torch.arange(self.half, device=time.device) * -step)
        angle = time[:, None] * frequency[None, :]
        return torch.cat((angle.sin(), angle.cos()), dim=-1)


class Denoiser(MixSTE2):
    """MixSTE2 over keypoints beside a noisy pose."""

    def __init__(self, *, in_chans: int, embed_dim_ratio: int, **sizes: Any) -> None:
        width = embed_dim_ratio
        super().__init__(in_chans=in_chans + 3, embed_dim_ratio=width, **sizes)
        self.time_mlp = nn.Sequential(
            Sinusoid(width),
            nn.Linear(width, width * 2),
            nn.GELU(),
            nn.Linear(width * 2, width),
        )

    # a denoiser takes more than MixSTE does
    def forward(self, x_2d: Tensor, x_3d: Tensor, t: Tensor) -> Tensor:  # type: ignore[override]
        """(b, f, j, 2), (b, f, j, 3), (b,) -> (b, f, j, 3)."""
        b, f, j, _ = x_2d.shape
        x = torch.cat((x_2d, x_3d), dim=-1).reshape(b * f, j, -1)
        x = self.Spatial_patch_to_embedding(x)
        x += self.Spatial_pos_embed
        time = self.time_mlp(t)[:, None, None, :].repeat(1, f, j, 1)
        x += time.reshape(b * f, j, -1)
        return self.head(self._mixed(self.pos_drop(x), b))
