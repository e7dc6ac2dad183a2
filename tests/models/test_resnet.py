"""ResNet: torchvision's sizes to the unit, how far it reduces a picture, what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

import models
from models import resnet
from models.builder import Builder
from models.errors import BadInput
from models.graph import Graph
from models.zoo.rle import Size

# torchvision's, without the classifier
COUNTS = {
    18: 11_176_512,
    34: 21_284_672,
    50: 23_508_032,
    101: 42_500_160,
    152: 58_143_808,
}
SMALL: dict[str, Any] = {"blocks": (1, 2), "stem": 4, "bottleneck": False}


def built(size: Size, height: int = 64, width: int = 64) -> Graph:
    g = Builder("resnet")
    images = g.input("images", ("batch", 3, height, width))
    g.output("map", resnet.resnet(images, size, name="net", init=None))
    return g.finish()


@pytest.mark.parametrize("depth", COUNTS)
def test_published_depths_have_the_published_parameters(depth: int) -> None:
    size = Size(**resnet.published("a model", depth))
    assert built(size).parameter_count() == COUNTS[depth]


@pytest.mark.parametrize("height", [32, 33, 64, 100])
def test_a_picture_is_reduced_as_said(height: int) -> None:
    graph = built(Size(**SMALL, inner=(4, 8), outer=(4, 8)), height, 48)
    due = ("batch", 8, resnet.reduced(height, 2), resnet.reduced(48, 2))
    assert tuple(map(str, graph.types[graph.outputs["map"]].shape)) == tuple(
        map(str, due)
    )


def test_shortcuts_are_where_channels_or_lengths_change() -> None:
    graph = built(Size(**SMALL, inner=(4, 8), outer=(4, 8)))
    found = {name.rsplit(".", 2)[0] for name in graph.params if "downsample" in name}
    assert found == {"net.layer2.0.downsample"}
    wide = built(Size(**SMALL | {"bottleneck": True}, inner=(4, 8), outer=(16, 32)))
    found = {name.rsplit(".", 2)[0] for name in wide.params if "downsample" in name}
    assert found == {"net.layer1.0.downsample", "net.layer2.0.downsample"}


@pytest.mark.parametrize("name", ["integral", "rle"])
def test_stages_that_do_not_fit_are_refused(name: str) -> None:
    with pytest.raises(BadInput, match="one number for each stage was due"):
        models.build(name, preset="tiny", inner=(4, 8))
    with pytest.raises(BadInput, match="blocks that are no bottlenecks give what they"):
        models.build(name, preset="tiny", outer=(8, 16, 32, 65))


def test_a_depth_that_nobody_published_is_refused() -> None:
    with pytest.raises(BadInput, match="a ResNet of 51 layers came; 18, 34, 50, 101"):
        resnet.published("integral", 51)
