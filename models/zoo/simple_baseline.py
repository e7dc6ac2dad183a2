"""SimpleBaseline: a residual, fully connected lifter of single frames.

Martinez et al., ICCV 2017; parameter names and numbers are those of the PyTorch port,
weigq/3d_pose_baseline_pytorch. Axis: b batch. The keypoints of a frame go in flat
(x0, y0, x1, ...) and its joints come out flat (x0, y0, z0, ...).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.builder import Builder
from models.spec import Recipe, Training
from models.value import Value


@dataclass(frozen=True)
class Size:
    """`inputs` and `outputs` are numbers of coordinates.

    0 means joints * channels and joints * 3.
    """

    joints: int = 16  # the 17 of Human3.6M without neck/nose
    channels: int = 2
    width: int = 1024
    stages: int = 2  # residual blocks of two layers each
    dropout: float = 0.5  # the original's keep_prob, which is 0.5 too
    # apart from `joints`: --predict_14 of the original gives 14 joints (42) for 16 (32)
    inputs: int = 0
    outputs: int = 0
    frames: int = 1


def train(g: Builder, size: Size) -> Value:
    """(b, joints * channels) -> (b, joints * 3)."""
    x = g.input("keypoints", ("batch", size.inputs or size.joints * size.channels))
    x = _dense(x, size, "w1", "batch_norm1")  # (b, width)
    for i in range(size.stages):
        with g.scope(f"linear_stages.{i}"):
            h = _dense(x, size, "w1", "batch_norm1")
            # nothing after the sum: what is added is already behind its ReLU
            x = x + _dense(h, size, "w2", "batch_norm2")
    # the output layer is called w2, like the second layer of every stage: the port does so
    return x.linear(
        size.outputs or size.joints * 3, name="w2", init=_kaiming(size.width)
    )


def _dense(x: Value, size: Size, name: str, norm: str) -> Value:
    """Linear, batch norm, ReLU, dropout."""
    inner = int(str(x.shape[-1]))  # never symbolic: a weight has this length
    h = x.linear(size.width, name=name, init=_kaiming(inner))
    # The port's numbers. The TensorFlow original has eps 1e-3 and a momentum of 0.99 that
    # weighs the old mean, 0.01 as it is meant here: its weights give other numbers.
    h = h.batch_norm(eps=1e-5, momentum=0.1, train=True, name=norm)
    return h.relu().dropout(rate=size.dropout, name=name)


def _kaiming(inner: int) -> tuple[str, float]:
    # of weights alone, as in the port; biases start as PyTorch's do
    return ("normal", (2 / inner) ** 0.5)


PRESETS = {
    "paper": Size(),
    "small": Size(width=512, dropout=0.1),
    "tiny": Size(width=256, dropout=0.1),
}
PAPER_PARAMETERS = {"paper": 4_291_632}  # 4.29 M in the literature; counted in the port
RECIPE = Recipe(
    optimizer="adam",
    lr=1e-3,
    weight_decay=0.0,
    lr_decay=0.96,
    batch=64,
    loss={"mpjpe": 1.0},
    inputs="zscore",
    source="Martinez et al. 2017: Adam 1e-3, batch 64; MPJPE in place of MSE",
)
# Beats the best trivial baseline by a quarter within a minute on two cores.
QUICK = Training(steps=4000, batch=128, lr=3e-3, validate_every=1000)
TRAINING = {
    "paper": Training(steps=200_000, batch=64, validate_every=5000),
    "small": Training(steps=10_000, batch=128, lr=1e-3, validate_every=1000),
    "tiny": QUICK,
}
OFFICIAL = "LinearModel"


def from_official(official: str, config: Mapping[str, Any]) -> Size:
    """Constructor arguments of the PyTorch port's LinearModel.

    No dropout, so that runs can be compared.
    """
    # 16 joints where nothing is said, as in the port: 32 coordinates in, 48 out
    outputs = int(config.get("output_size", 48))
    return Size(
        joints=outputs // 3,
        width=config["linear_size"],
        stages=config["num_stage"],
        dropout=0.0,
        inputs=int(config.get("input_size", 32)),
        outputs=outputs,
    )
