"""Integral regression as mks0601's repository writes it: joints as the means of volumes.

Sun et al., ECCV 2018; main/model.py and common/nets. Axes: b batch, j joints, and of a volume d
depth, h height, w width, in cells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from tests.benchmarks.handwritten.resnet import ResNet


class HeadNet(nn.Module):
    """Three deconvolutions, each doubling the picture, then one channel for each cell of depth."""

    def __init__(self, inputs: int, width: int, outputs: int) -> None:
        super().__init__()
        layers = []
        for _ in range(3):
            layers += [
                nn.ConvTranspose2d(inputs, width, 4, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
            ]
            inputs = width
        self.deconv_layers = nn.Sequential(*layers)
        self.final_layer = nn.Conv2d(width, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(b, inputs, h / 8, w / 8) -> (b, outputs, h, w)."""
        return self.final_layer(self.deconv_layers(x))


def soft_argmax(x: Tensor, volume: tuple[int, int, int]) -> Tensor:
    """(b, j * d, h, w) -> (b, j, 3): x, y, z, the mean cell of each joint's volume."""
    d, h, w = volume
    cells = x.reshape(len(x), -1, d * h * w).softmax(dim=2).reshape(len(x), -1, d, h, w)
    means = []
    # of each axis, what is left when the other two are summed
    for others, count in (((2, 3), w), ((2, 4), h), ((3, 4), d)):
        places = torch.arange(1, count + 1, dtype=x.dtype, device=x.device)
        share = cells.sum(dim=others)
        means.append((share * places).sum(dim=2, keepdim=True) - 1)
    return torch.cat(means, dim=2)


def location_loss(
    coord: Tensor, target: Tensor, seen: Tensor, have_depth: Tensor
) -> Tensor:
    """Mean |coord - target| (b, j, 3) of joints that are seen, depth where it is known."""
    off = torch.abs(coord - target) * seen
    depth = off[:, :, 2] * have_depth
    return ((off[:, :, 0] + off[:, :, 1] + depth) / 3.0).mean()


class ResPoseNet(nn.Module):
    """Has the names of the authors' class; its arguments lie in a configuration of theirs."""

    def __init__(
        self,
        *,
        resnet: int,
        joints: int,
        depth_dim: int,
        output_shape: Sequence[int],
        channels: Mapping[str, int],
    ) -> None:
        super().__init__()
        widths = {int(published): width for published, width in channels.items()}
        self.volume = depth_dim, *output_shape
        self.backbone = ResNet(resnet, widths)
        self.head = HeadNet(
            self.backbone.out_channels, widths.get(256, 256), joints * depth_dim
        )

    def forward(self, x: Tensor) -> Tensor:
        """(b, 3, height, width) -> (b, j, 3), in cells."""
        return soft_argmax(self.head(self.backbone(x)), self.volume)
