"""VideoPose3D: temporal convolutions over keypoint sequences.

Pavllo et al., CVPR 2019; facebookresearch/VideoPose3D common/model.py. Trained strided (one
output frame from one receptive field, its TemporalModelOptimized1f), run dilated (every frame
of a whole clip, its TemporalModel), over the same weights. Axes: b batch, t frames, j joints,
c channels. All convolutions are valid: t shrinks by receptive field - 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import models
from models.builder import Builder
from models.errors import BadInput
from models.golden import Array, Golden, plain, shown
from models.passes import to_inference
from models.value import Value


@dataclass(frozen=True)
class Size:
    """`strided` chooses the train graph; the inference graph is always dilated.

    `dense` is the paper's ablation without dilation.
    """

    joints: int = 17
    channels: int = 2
    widths: tuple[int, ...] = (3, 3, 3, 3, 3)  # taps of each level: 3 ** 5 = 243 frames
    width: int = 1024
    dropout: float = 0.25
    causal: bool = False  # the past alone: a frame is the last of its window
    dense: bool = False
    strided: bool = True
    joints_out: int = 0  # 0: as many as come in

    def __post_init__(self) -> None:
        if any(width % 2 == 0 for width in self.widths):
            # an even window has no middle frame for the residual to keep
            raise BadInput(f"videopose3d: filter widths must be odd, got {self.widths}")
        if self.dense and self.strided:
            raise BadInput(
                "videopose3d: the dense ablation has no strided train graph; set"
                " strided=False"
            )

    @property
    def frames(self) -> int:
        """Receptive field: input frames behind one output frame."""
        return math.prod(self.widths)


def train(g: Builder, size: Size) -> Value:
    """(b, t, j, c) -> (b, 1, j, 3), t the receptive field; or, not strided, (b, t', j, 3)."""
    return _network(g, size, strided=size.strided, train=True)


def infer(g: Builder, size: Size) -> Value:
    """(b, t, j, c) -> (b, t - receptive field + 1, j, 3), any t that holds a receptive field."""
    return _network(g, size, strided=False, train=False)


def _network(g: Builder, size: Size, *, strided: bool, train: bool) -> Value:
    # strides of the widths themselves come out even on one receptive field alone
    frames = size.frames if strided else "frames"
    shape = ("batch", frames, size.joints, size.channels)
    # channels are joint-major, x0, y0, x1, ..., as the official view makes them
    x = g.input("keypoints", shape).rearrange("b t j c -> b (j c) t")
    first = size.widths[0]
    stride = first if strided else 1
    x = _conv(x, size, first, stride=stride, dilation=1, name="expand_conv")
    x = _activate(x, size, train, "expand_bn")  # (b, width, t)
    dilation = first  # frames between taps: the product of the widths before
    for i, taps in enumerate(size.widths[1:]):
        x = _block(x, size, taps, dilation, i, strided=strided, train=train)
        dilation *= taps
    # the only convolution with a bias: batch norm follows all others and has its own
    x = x.conv1d(
        (size.joints_out or size.joints) * 3,
        kernel=1,
        stride=1,
        dilation=1,
        padding=0,
        bias=True,
        name="shrink",
    )  # (b, j * 3, t)
    return x.rearrange("b (j c) t -> b t j c", c=3)


def _block(
    x: Value,
    size: Size,
    taps: int,
    dilation: int,
    i: int,
    *,
    strided: bool,
    train: bool,
) -> Value:
    """Two convolutions, the second over one frame, beside the frames they keep.

    The official module lists both in one ModuleList, hence the names 2i and 2i + 1.
    """
    if strided:
        kept = _strided_residual(x, size, taps)
    else:
        kept = _residual(x, size, taps, dilation)
    h = _block_conv(x, size, taps, dilation, strided, name=f"layers_conv.{2 * i}")
    h = _activate(h, size, train, f"layers_bn.{2 * i}")
    h = _conv(h, size, 1, stride=1, dilation=1, name=f"layers_conv.{2 * i + 1}")
    # ReLU comes before the sum and nothing after it
    return kept + _activate(h, size, train, f"layers_bn.{2 * i + 1}")


def _block_conv(
    x: Value, size: Size, taps: int, dilation: int, strided: bool, *, name: str
) -> Value:
    """Strided: one step per `taps`.

    Dilated: every step, taps `dilation` apart. Dense: every tap in between too.
    """
    if strided:
        return _conv(x, size, taps, stride=taps, dilation=1, name=name)
    if size.dense:
        reach = (taps - 1) * dilation + 1  # frames from the first tap to the last
        return _conv(x, size, reach, stride=1, dilation=1, name=name)
    return _conv(x, size, taps, stride=1, dilation=dilation, name=name)


def _residual(x: Value, size: Size, taps: int, dilation: int) -> Value:
    """The frames of x at the centre of each window (at its end in the causal model)."""
    # frames that a valid convolution takes off each end
    side = (taps - 1) * dilation // 2
    shift = side if size.causal else 0
    return x.slice(axis=2, start=side + shift, stop=x.shape[2] - side + shift, step=1)


def _strided_residual(x: Value, size: Size, taps: int) -> Value:
    """The same of windows that lie side by side, so that the step is their length."""
    middle = taps // 2
    start = 2 * middle if size.causal else middle
    return x.slice(axis=2, start=start, stop=x.shape[2], step=taps)


def _conv(
    x: Value, size: Size, taps: int, *, stride: int, dilation: int, name: str
) -> Value:
    return x.conv1d(
        size.width,
        kernel=taps,
        stride=stride,
        dilation=dilation,
        padding=0,
        bias=False,
        name=name,
    )


def _activate(x: Value, size: Size, train: bool, norm: str) -> Value:
    """Batch norm, ReLU, dropout."""
    # `train` changes numbers, not weights: the strided graph takes statistics over the
    # positions it has, the dilated one would see all between. The paper's recipe lets the
    # momentum fall from here.
    h = x.batch_norm(eps=1e-5, momentum=0.1, train=train, name=norm).relu()
    return h.dropout(rate=size.dropout, name=norm) if train else h


NOTES = (
    (
        "The momentum of batch norm falls from 0.1 to 0.001 with each batch, where the "
        "authors let it fall at the end of each epoch."
    ),
    (
        "The trajectory model is built and run; windows hold poses relative to the "
        "root, so that it is not trained here. The semi-supervised loop is left out."
    ),
)
PRESETS = {
    "paper": Size(),
    "frames9": Size(widths=(3, 3)),
    "frames27": Size(widths=(3, 3, 3)),
    "frames81": Size(widths=(3, 3, 3, 3)),
    "causal": Size(causal=True),
    # the ablation; at 243 frames it has 260 million parameters
    "dense": Size(
        widths=(3, 3, 3),
        dense=True,
        strided=False,
    ),
    # where the root is, for the semi-supervised training: one joint, which no data here teaches
    "trajectory": Size(joints_out=1),
    "small": Size(
        widths=(3, 3, 3),
        width=128,
        dropout=0.1,
    ),
    "tiny": Size(
        widths=(3, 3, 3),
        width=128,
        dropout=0.1,
    ),
}
# counted in the official code
PAPER_PARAMETERS = {
    "paper": 16_952_371,
    "frames9": 4_357_171,
    "frames27": 8_555_571,
    "frames81": 12_753_971,
    "causal": 16_952_371,
    "trajectory": 16_903_171,
}
LOSS = {"mpjpe": 1.0}
OFFICIAL = "TemporalModel"


def from_official(official: str, config: Mapping[str, Any]) -> Size:
    """Constructor arguments of TemporalModel.

    The train graph is the dilated one, as that class trains; no dropout, so that runs can be
    compared.
    """
    return Size(
        joints=config["num_joints_in"],
        channels=config["in_features"],
        joints_out=config["num_joints_out"],
        widths=tuple(config["filter_widths"]),
        width=config.get("channels", 1024),  # features there, not coordinates
        dropout=0.0,
        causal=config.get("causal", False),
        dense=config.get("dense", False),
        strided=False,
    )


STRIDED = (
    "_strided"  # ends the keys of the other train graph in files of golden vectors
)


def golden(
    official: str, config: Mapping[str, Any], arrays: Mapping[str, Array]
) -> list[Golden]:
    """Files show the dilated graph, and the strided one (TemporalModelOptimized1f) beside it.

    Both on the same weights; each is asked for its own batch statistics.
    """
    sizes = from_official(official, config)
    found = [_golden(sizes, arrays, suffix="")]
    if f"input/x{STRIDED}" in arrays:
        found.append(_golden(replace(sizes, strided=True), arrays, suffix=STRIDED))
    return found


def _golden(sizes: Size, arrays: Mapping[str, Array], *, suffix: str) -> Golden:
    spec = models.assemble("videopose3d", sizes, loss={"mpjpe": 1.0})
    if sizes.strided:
        # of the train graph, so that both are compared
        spec = replace(spec, infer=to_inference(spec.train, outputs=["pose"]))
    names = [name for name in shown(arrays) if name.endswith(STRIDED) == bool(suffix)]
    return plain(spec, arrays, names=names, suffix=suffix)
