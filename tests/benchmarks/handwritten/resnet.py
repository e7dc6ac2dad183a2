"""ResNet as torchvision and the repositories that copy it write it.

He et al., CVPR 2016; of a block of three convolutions the middle one strides. Axes: b batch,
c channels, h height, w width.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

# convolutions of two or three a block, and blocks of each layer
DEPTHS = {18: (False, (2, 2, 2, 2)), 50: (True, (3, 4, 6, 3))}


def _conv(inputs: int, outputs: int, taps: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(
        inputs, outputs, taps, stride=stride, padding=taps // 2, bias=False
    )


def _shortcut(inputs: int, outputs: int, stride: int) -> nn.Sequential | None:
    """None where what a block gives fits what it was given."""
    if stride == 1 and inputs == outputs:
        return None
    return nn.Sequential(
        _conv(inputs, outputs, 1, stride),
        nn.BatchNorm2d(outputs),
    )


class BasicBlock(nn.Module):
    """Two convolutions, added to what they were given."""

    def __init__(self, inputs: int, inner: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = _conv(inputs, inner, 3, stride)
        self.bn1 = nn.BatchNorm2d(inner)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = _conv(inner, outputs, 3)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = _shortcut(inputs, outputs, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(b, inputs, h, w) -> (b, outputs, h / stride, w / stride)."""
        kept = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.bn2(self.conv2(x))
        x += kept
        return self.relu(x)


class Bottleneck(nn.Module):
    """Three convolutions, the middle one of fewer channels, added to what they were given."""

    def __init__(self, inputs: int, inner: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = _conv(inputs, inner, 1)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = _conv(inner, inner, 3, stride)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = _conv(inner, outputs, 1)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _shortcut(inputs, outputs, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(b, inputs, h, w) -> (b, outputs, h / stride, w / stride)."""
        kept = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        x = self.bn3(self.conv3(x))
        x += kept
        return self.relu(x)


class ResNet(nn.Module):
    """All but the classifier.

    `channels` are other widths in the place of the published ones, for small networks.
    """

    def __init__(self, depth: int, channels: Mapping[int, int]) -> None:
        super().__init__()
        deep, counts = DEPTHS[depth]
        stem = channels.get(64, 64)
        self.conv1 = nn.Conv2d(3, stem, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(stem)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        block = Bottleneck if deep else BasicBlock
        self.out_channels = stem
        for i, count in enumerate(counts):
            inner = 64 * 2**i
            outer = inner * 4 if deep else inner
            layer = []
            for j in range(count):
                widths = channels.get(inner, inner), channels.get(outer, outer)
                # each layer but the first halves the picture
                stride = 2 if i and not j else 1
                layer.append(block(self.out_channels, *widths, stride))
                self.out_channels = widths[1]
            self.add_module(f"layer{i + 1}", nn.Sequential(*layer))

    def forward(self, x: Tensor) -> Tensor:
        """(b, 3, h, w) -> (b, out_channels, h / 32, w / 32)."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer2(self.layer1(x))
        return self.layer4(self.layer3(x))
