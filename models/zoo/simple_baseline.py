"""SimpleBaseline: a residual, fully connected lifter of single frames.

Martinez et al., ICCV 2017. Parameter names and numbers are those of the PyTorch port,
weigq/3d_pose_baseline_pytorch; the preset `tensorflow` is the authors' own program,
una-dinosauria/3d-pose-baseline src/linear_model.py, under the same names. Axes: b batch, i and
o what goes into and comes out of a layer. The keypoints of a frame go in flat (x0, y0, x1, ...)
and its joints come out flat (x0, y0, z0, ...).

Published is the mean squared error of coordinates that are standardised one by one. Poses are
metres here, so `mse` weighs each coordinate by its spread; the short trainings take MPJPE.
TensorFlow lets running variances follow the biased variance of a batch, which is 1/64 less.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from models.builder import Builder
from models.dims import fixed
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
    residual: bool = True
    batch_norm: bool = True
    # TensorFlow's are 1e-3 and, as it weighs the old mean by 0.99, 0.01
    eps: float = 1e-5
    momentum: float = 0.1
    # Largest Frobenius norm of a weight where it is used, stored larger as it may be; 0: any.
    # The port's option of this name limits gradients instead.
    max_norm: float = 0.0
    truncated: bool = (
        False  # weights and biases start as the original's, not as the port's
    )


def train(g: Builder, size: Size) -> Value:
    """(b, joints * channels) -> (b, joints * 3)."""
    x = g.input("keypoints", ("batch", size.inputs or size.joints * size.channels))
    x = _dense(x, size, "w1", "batch_norm1")  # (b, width)
    for i in range(size.stages):
        with g.scope(f"linear_stages.{i}"):
            h = _dense(x, size, "w1", "batch_norm1")
            h = _dense(h, size, "w2", "batch_norm2")
            # nothing after the sum: what is added is already behind its ReLU
            x = x + h if size.residual else h
    # the output layer is called w2, like the second layer of every stage: the port does so
    return _linear(x, size, size.outputs or size.joints * 3, "w2")


def _dense(x: Value, size: Size, name: str, norm: str) -> Value:
    """Linear, batch norm, ReLU, dropout."""
    h = _linear(x, size, size.width, name)
    if size.batch_norm:
        h = h.batch_norm(eps=size.eps, momentum=size.momentum, train=True, name=norm)
    return h.relu().dropout(rate=size.dropout, name=name)


def _linear(x: Value, size: Size, width: int, name: str) -> Value:
    """A dense layer, its weight scaled down to `max_norm` where it is larger."""
    inner = fixed(x.shape[-1])
    kind = "trunc_normal" if size.truncated else "normal"
    init = (kind, (2 / inner) ** 0.5)
    # The port leaves biases to PyTorch. The original draws them like weights, by their own
    # length, for its initialiser looks at the first axis of whatever it is given.
    row = (kind, (2 / width) ** 0.5) if size.truncated else None
    if not size.max_norm:
        return x.linear(width, name=name, init=init, bias_init=row)
    weight = x.graph.param(f"{name}.weight", (width, inner), init=init)
    usual = ("uniform", inner**-0.5)
    bias = x.graph.param(f"{name}.bias", (width,), init=row or usual)
    return x @ _clipped(weight, size.max_norm).rearrange("o i -> i o") + bias


def _clipped(weight: Value, most: float) -> Value:
    """weight * most / max(|weight|, most), as tf.clip_by_norm; the slope sees the norm, too."""
    norm = weight.rearrange("o i -> (o i)").vector_norm(axis=0)
    return weight * (most / norm.maximum(most))


NOTES = (
    (
        "No numbers of the TensorFlow program are here: the preset `tensorflow` is held"
        " to the formulas of its source alone."
    ),
    "TensorFlow lets running variances follow the biased variance of a batch.",
)
PRESETS = {
    "paper": Size(),
    "tensorflow": Size(
        eps=1e-3,
        momentum=0.01,
        max_norm=1.0,
        truncated=True,
    ),
    "small": Size(
        width=512,
        dropout=0.1,
    ),
    "tiny": Size(
        width=256,
        dropout=0.1,
    ),
}
# 4.29 M in the literature; counted in the port, and as many in the original
PAPER_PARAMETERS = {"paper": 4_291_632, "tensorflow": 4_291_632}
LOSS = {"mpjpe": 1.0}
OFFICIAL = "LinearModel"


def from_official(official: str, config: Mapping[str, Any]) -> Size:
    """Constructor arguments of either LinearModel: `num_layers` is a word of the original's.

    No dropout, so that runs can be compared.
    """
    if "num_layers" in config:
        return _of_tensorflow(config)
    # 16 joints where nothing is said, as in the port: 32 coordinates in, 48 out
    outputs = int(config.get("output_size", 48))
    return Size(
        joints=outputs // 3,
        width=config.get("linear_size", 1024),
        stages=config.get("num_stage", 2),
        dropout=0.0,
        inputs=int(config.get("input_size", 32)),
        outputs=outputs,
    )


def _of_tensorflow(config: Mapping[str, Any]) -> Size:
    joints = 14 if config.get("predict_14", False) else 16
    return replace(
        PRESETS["tensorflow"],
        joints=joints,
        width=config["linear_size"],
        stages=config["num_layers"],
        dropout=0.0,
        inputs=32,
        outputs=joints * 3,
        residual=config["residual"],
        batch_norm=config["batch_norm"],
        max_norm=1.0 if config["max_norm"] else 0.0,
    )
