"""VideoPose3D as its authors write it: the yardstick of ours.

Same parameter names, same mathematics, the usual modules (nn.Conv1d, nn.BatchNorm1d,
nn.Dropout), ReLU in place. Axes: b batch, t frames, j joints, c channels.
"""

from __future__ import annotations

from torch import Tensor, nn

from models.zoo import videopose3d


class VideoPose3D(nn.Module):
    """Temporal convolutions: strided to train on single frames, dilated to run over clips.

    Both by one state_dict.
    """

    def __init__(self, size: videopose3d.Size, *, strided: bool) -> None:
        super().__init__()
        first, *rest = size.widths
        self.strided, self.widths = strided, size.widths
        self.expand_conv = nn.Conv1d(
            size.joints * size.channels,
            size.width,
            first,
            stride=first if strided else 1,
            bias=False,
        )
        self.expand_bn = nn.BatchNorm1d(size.width, momentum=0.1)
        self.drop = nn.Dropout(size.dropout)
        self.relu = nn.ReLU(inplace=True)
        self.shrink = nn.Conv1d(size.width, size.joints * 3, 1)
        convolutions = []
        reach = first
        for taps in rest:
            # either way a layer sees `reach` times as many frames as the one before
            step = {"stride": taps} if strided else {"dilation": reach}
            convolutions += [
                nn.Conv1d(size.width, size.width, taps, bias=False, **step),
                nn.Conv1d(size.width, size.width, 1, bias=False),
            ]
            reach *= taps
        self.layers_conv = nn.ModuleList(convolutions)
        norms = [nn.BatchNorm1d(size.width, momentum=0.1) for _ in convolutions]
        self.layers_bn = nn.ModuleList(norms)

    def forward(self, keypoints: Tensor) -> Tensor:
        """(b, t, j, c) -> (b, 1 or t - receptive field + 1, j, 3)."""
        b, t, j, c = keypoints.shape
        x = keypoints.reshape(b, t, j * c).transpose(1, 2)
        x = self.drop(self.relu(self.expand_bn(self.expand_conv(x))))
        reach = self.widths[0]
        for i, taps in enumerate(self.widths[1:]):
            # the shortcut: the frames in the middle of each that the convolution makes
            side = (taps - 1) * reach // 2
            if self.strided:
                kept = x[:, :, taps // 2 :: taps]
            else:
                kept = x[:, :, side : x.shape[2] - side]
            for layer in (2 * i, 2 * i + 1):
                y = self.layers_bn[layer](self.layers_conv[layer](x))
                x = self.drop(self.relu(y))
            x = kept + x
            reach *= taps
        return (
            self.shrink(x)
            .transpose(1, 2)
            .reshape(
                b,
                -1,
                j,
                3,
            )
        )
