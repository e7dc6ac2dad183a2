"""Integral: joints as the means of volumes that a ResNet and deconvolutions make of a picture.

Sun et al., ECCV 2018; mks0601/Integral-Human-Pose-Regression-for-3D-Human-Pose-Estimation
main/model.py and common/nets. Axes: b batch, j joints, and of a joint's volume d depth, h height,
w width, in cells. A pose is x, y and depth, each from -0.5 to 0.5: across the picture, and of 2 m.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

import models
from models import resnet
from models.builder import Builder
from models.dims import fixed
from models.errors import BadInput
from models.golden import Array, Golden, Shown, alone, shown
from models.passes import to_inference
from models.value import Value

START = ("normal", 0.001)  # of every convolution, of the head as of the ResNet
ZEROS = ("zeros", 0.0)
MOST = 100_000_000  # cells for each picture, of 4 bytes: the published have 5 millions


@dataclass(frozen=True)
class Size(resnet.Size):
    """`height` and `width` are the picture's."""

    joints: int = 18
    height: int = 256
    width: int = 256
    depth: int = 64  # cells of a volume; its height and width follow from the picture's
    deconvolutions: int = 3  # each makes the volume twice as high and wide
    filters: int = 256  # of each

    def __post_init__(self) -> None:
        resnet.check("integral", self, self.height, self.width)
        volumes = self.joints * math.prod(self.cells)
        if volumes > MOST:
            raise BadInput(
                f"integral: {self.joints} volumes of {' x '.join(map(str, self.cells))} cells came;"
                f" at most {MOST:,} cells were due, of all joints"
            )

    @property
    def frames(self) -> int:
        """A picture is looked at alone."""
        return 1

    @property
    def cells(self) -> tuple[int, int, int]:
        """Width, height and depth of a volume, in the order of a pose's coordinates."""
        stages, times = len(self.blocks), 2**self.deconvolutions
        return (
            resnet.reduced(self.width, stages) * times,
            resnet.reduced(self.height, stages) * times,
            self.depth,
        )


def train(g: Builder, size: Size) -> Value:
    """(b, 3, height, width) -> (b, 1, j, 3); labelled `coord`, the same in cells."""
    x = g.input("images", ("batch", 3, size.height, size.width))
    x = g.label("feat", resnet.resnet(x, size, name="backbone", init=START))
    with g.scope("head"):
        x = g.label("heatmap", _head(x, size))
    coord = g.label("coord", _means(x, size))
    return coord / _cells(g, size) - 0.5


def _head(x: Value, size: Size) -> Value:
    """Deconvolutions, and a channel for each joint and depth: (b, j * d, h, w)."""
    for i in range(size.deconvolutions):
        # the official module lists three layers of each in one Sequential
        x = x.conv_transpose2d(
            size.filters,
            kernel=4,
            stride=2,
            padding=1,
            output_padding=0,
            bias=False,
            name=f"deconv_layers.{3 * i}",
            init=START,
        )
        name = f"deconv_layers.{3 * i + 1}"
        x = x.batch_norm(eps=1e-5, momentum=0.1, train=True, name=name).relu()
    return x.conv2d(
        size.joints * size.depth,
        kernel=1,
        stride=1,
        dilation=1,
        padding=0,
        bias=True,
        name="final_layer",
        init=START,
        bias_init=ZEROS,
    )


def _means(heat: Value, size: Size) -> Value:
    """Where each joint is on average, (b, 1, j, 3), by one softmax over its volume."""
    _, height, depth = size.cells
    x = heat.rearrange("b (j d) h w -> b j (d h w)", j=size.joints)
    x = x.softmax(axis=2)
    x = x.rearrange("b j (d h w) -> b j d h w", d=depth, h=height)
    plane = x.sum(axis=2, keepdims=False)
    means = (
        _mean(plane.sum(axis=2, keepdims=False)),
        _mean(plane.sum(axis=3, keepdims=False)),
        _mean(x.sum(axis=(3, 4), keepdims=False)),
    )
    return means[0].concat(*means[1:], axis=2).expand_dims(axis=1)


def _mean(shares: Value) -> Value:
    """The mean place, from 0, of (b, j, n) shares that sum to 1."""
    # the authors count from 1, and take 1 from the mean
    count = fixed(shares.shape[2])
    places = shares.graph.constant(
        f"places_{count}", np.arange(count, dtype=np.float32)
    )
    return (shares * places).sum(axis=2, keepdims=True)


def _cells(g: Builder, size: Size) -> Value:
    return g.constant("cells", np.array(size.cells, np.float32))


def location(pose: Value, size: Size) -> Value:
    """Mean of |mean place - true place| in cells, 0 where a coordinate is not `known`."""
    g = pose.graph
    target = (g.input("target", pose.shape) + 0.5) * _cells(g, size)
    known = g.input("known", pose.shape)
    distance = (g.labelled("coord") - target).abs() * known
    return distance.mean(axis=(0, 1, 2, 3), keepdims=False)


NOTES = (
    "The authors start from ImageNet's weights; here training starts from drawn ones.",
    (
        "The authors' pictures run to 255 when ImageNet's mean and deviation scale them, by "
        "oversight; published checkpoints expect that, and the pictures here run to 1."
    ),
    "The mean with the mirrored picture, which the authors take in tests, is left out.",
    "Published: 53.9 mm in the authors' repository, 49.6 mm in the paper.",
)
PRESETS = {
    "paper": Size(),
    "resnet18": Size(**resnet.published("integral", 18)),
    "resnet152": Size(**resnet.published("integral", 152)),
    "small": Size(
        joints=17,
        height=128,
        width=128,
        depth=32,
        filters=64,
        **resnet.slim((2, 2, 2, 2), (16, 32, 64, 128)),
    ),
    "tiny": Size(
        joints=17,
        height=64,
        width=64,
        depth=8,
        deconvolutions=2,
        filters=64,
        **resnet.slim((1, 1, 1, 1), (16, 32, 64, 128)),
    ),
}
PAPER_PARAMETERS = {"paper": 34_291_392}  # counted in the authors' code
LOSS = {"location": 1.0}
LOSSES = {"location": location}
OFFICIAL = "ResPoseNet (integral)"
OFFICIAL_LOSS = {OFFICIAL: {"location": 1.0}}


def from_official(official: str, config: Mapping[str, Any]) -> Size:
    """What the authors' config module says of ResPoseNet, or a file of golden vectors.

    Such a file has shorter names, and may map the channels of the ResNet and of the head to
    others. Raises BadInput where `output_shape` does not follow from the picture.
    """
    if "resnet_type" in config:
        layers, joints = config["resnet_type"], config["joint_num"]
        height, width = config["input_shape"]
    else:
        layers, joints = config["resnet"], config["joints"]
        height, width = config["image"]
    channels = config.get("channels", {})
    size = Size(
        joints=joints,
        height=height,
        width=width,
        depth=config["depth_dim"],
        filters=channels.get("256", 256),
        **resnet.published("integral", layers, channels),
    )
    asked = tuple(config.get("output_shape", size.cells[1::-1]))
    if asked != size.cells[1::-1]:
        raise BadInput(
            f"integral: output_shape {asked} came; pictures of {height} x {width} give"
            f" {size.cells[1::-1]}"
        )
    return size


def golden(
    official: str, config: Mapping[str, Any], arrays: Mapping[str, Array]
) -> list[Golden]:
    """Files have places in cells, and tell apart which joints and whose depths are known."""
    spec, size = models.from_official(official, config), from_official(official, config)
    target = arrays["input/target"].astype(np.float64) / size.cells - 0.5
    depths = arrays["input/target_have_depth"][:, :, None]  # (b, 1, 1)
    told = np.concatenate([np.ones_like(depths)] * 2 + [depths], axis=2)
    feeds = {
        "images": arrays["input/image"],
        "target": target[:, None],
        "known": (arrays["input/target_vis"] * told)[:, None],
    }
    outputs = {
        name: Shown(to_inference(spec.train, outputs=[name]))
        for name in shown(arrays)
        if name != "coord"
    }
    outputs["coord"] = Shown(to_inference(spec.train, outputs=["coord"]), alone)
    trained = {"coord": Shown(spec.train.with_outputs("coord"), alone)}
    return [Golden(spec=spec, feeds=feeds, outputs=outputs, trained=trained)]
