"""ResNet (He et al., 2016): residual blocks of convolutions in stages that halve the picture.

As torchvision lays it out, without pool and classifier, and with its names; the stride of a
bottleneck is in its middle convolution. Axes: b batch, c channels, h height, w width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.errors import BadInput
from models.value import Value

# the published depths: blocks of each stage, and whether they are bottlenecks
DEPTHS = {
    18: ((2, 2, 2, 2), False),
    34: ((3, 4, 6, 3), False),
    50: ((3, 4, 6, 3), True),
    101: ((3, 4, 23, 3), True),
    152: ((3, 8, 36, 3), True),
}
WIDTHS = (64, 128, 256, 512)  # of the published stages
SPREAD = 4  # how many times wider a published bottleneck's output is than its middle
KERNEL = 7  # of the first convolution; in less than it looks at nobody is seen
LARGEST = 4096  # pixels of a side: a picture of more is no crop of a person
Init = tuple[str, float] | None


@dataclass(frozen=True)
class Size:
    """The sizes of a model that are its ResNet's; the published one of 50 layers."""

    stem: int = 64  # channels before the first stage
    blocks: tuple[int, ...] = (3, 4, 6, 3)  # of each stage
    inner: tuple[int, ...] = (64, 128, 256, 512)  # channels within the blocks of each
    outer: tuple[int, ...] = (256, 512, 1024, 2048)  # channels that each gives
    # whether blocks narrow to their inner channels by kernels of 1, or have two of 3
    bottleneck: bool = True


def check(model: str, size: Size, *sides: int) -> None:
    """Raise BadInput where stages do not fit together, or no picture has such sides."""
    stages = {len(size.blocks), len(size.inner), len(size.outer)}
    if len(stages) > 1 or not size.blocks:
        raise BadInput(
            f"{model}: blocks {size.blocks}, inner {size.inner} and outer {size.outer} came;"
            " one number for each stage was due"
        )
    if not size.bottleneck and list(size.inner) != list(size.outer):
        raise BadInput(
            f"{model}: inner {size.inner} and outer {size.outer} came; blocks that are no"
            " bottlenecks give what they are wide"
        )
    if not all(KERNEL <= side <= LARGEST for side in sides):
        came = " x ".join(map(str, sides))
        raise BadInput(
            f"{model}: pictures of {came} pixels came; sides from {KERNEL} to {LARGEST:,}"
            " were due"
        )


def reduced(length: int, stages: int) -> int:
    """How long an axis of the picture is behind `stages` stages."""
    # the stem halves twice, and every stage but the first once
    for _ in range(stages + 1):
        length = (length + 1) // 2
    return length


def published(
    model: str, depth: int, channels: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """Sizes of a published depth, by name; `channels` maps single widths to others.

    Raises BadInput for a depth that was not published.
    """
    if depth not in DEPTHS:
        known = ", ".join(map(str, DEPTHS))
        raise BadInput(f"{model}: a ResNet of {depth!r} layers came; {known} are known")
    blocks, bottleneck = DEPTHS[depth]
    spread = SPREAD if bottleneck else 1
    widths = [WIDTHS[0], *WIDTHS, *(width * spread for width in WIDTHS)]
    stem, *others = [(channels or {}).get(str(width), width) for width in widths]
    return {
        "blocks": blocks,
        "stem": stem,
        "inner": tuple(others[: len(WIDTHS)]),
        "outer": tuple(others[len(WIDTHS) :]),
        "bottleneck": bottleneck,
    }


def slim(
    blocks: tuple[int, ...],
    widths: tuple[int, ...],
) -> dict[str, Any]:
    """Sizes of one without bottlenecks, by name: blocks and channels of each stage."""
    return {
        "blocks": blocks,
        "stem": widths[0],
        "inner": widths,
        "outer": widths,
        "bottleneck": False,
    }


def resnet(
    x: Value,
    size: Size,
    *,
    name: str,
    init: Init,
) -> Value:
    """(b, 3, h, w) -> (b, c, h', w'), as `reduced`: of four stages a 32nd, rounded up.

    `init` is of every convolution; None: PyTorch's.
    """
    with x.graph.scope(name):
        x = _normed(x, size.stem, KERNEL, 2, "conv1", "bn1", init).relu()
        x = x.max_pool2d(kernel=3, stride=2, padding=1, dilation=1)
        for stage, blocks in enumerate(size.blocks):
            for block in range(blocks):
                stride = 2 if stage and not block else 1
                with x.graph.scope(f"layer{stage + 1}.{block}"):
                    x = _block(x, size, stage, stride, first=not block, init=init)
    return x


def _block(
    x: Value, size: Size, stage: int, stride: int, *, first: bool, init: Init
) -> Value:
    inner, outer = size.inner[stage], size.outer[stage]
    if size.bottleneck:
        h = _normed(x, inner, 1, 1, "conv1", "bn1", init).relu()
        h = _normed(h, inner, 3, stride, "conv2", "bn2", init).relu()
        h = _normed(h, outer, 1, 1, "conv3", "bn3", init)
    else:
        h = _normed(x, inner, 3, stride, "conv1", "bn1", init).relu()
        h = _normed(h, outer, 3, 1, "conv2", "bn2", init)
    # the first block of a stage may take other channels, or a larger picture
    if first and (stride > 1 or x.shape[1] != outer):
        x = _normed(x, outer, 1, stride, "downsample.0", "downsample.1", init)
    return (x + h).relu()


def _normed(
    x: Value, width: int, kernel: int, stride: int, name: str, norm: str, init: Init
) -> Value:
    """A convolution without bias that keeps the middle in the middle, and batch norm."""
    h = x.conv2d(
        width,
        kernel=kernel,
        stride=stride,
        dilation=1,
        padding=kernel // 2,
        bias=False,
        name=name,
        init=init,
    )
    return h.batch_norm(eps=1e-5, momentum=0.1, train=True, name=norm)
