"""P-STMO: an encoder learnt by filling in hidden keypoints, then many frames to one pose.

Shan et al., ECCV 2022; paTRICK-swk/P-STMO model/stmo.py and stmo_pretrain.py. The stage
`pstmo:pretrain` hides frames and joints and is to restore all keypoints; the plain model
lifts, by a transformer over all frames and one whose strides leave a single frame. What both
share bears the same names. Axes: b batch, t frames, j joints, c coordinates or width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

import models
from models.builder import Builder
from models.errors import BadInput
from models.golden import Array, Golden, Shown
from models.layers import check_heads
from models.losses.mpjpe import mpjpe
from models.passes import to_inference
from models.spec import Stage
from models.value import Value
from models.zoo._pstmo_layers import (
    DRAWN,
    embed,
    head,
    norm,
    strided,
    transformer,
)

MASKABLE = 16  # joints that pre-training may hide: the last of 17 is never drawn


@dataclass(frozen=True)
class Size:
    """`strides` are of the strided layers: they leave one frame of all.

    The frame count is baked into the tables of positions.
    """

    joints: int = 17
    channels: int = 2
    joints_out: int = 0  # 0: as many as come in
    frames: int = 243
    strides: tuple[int, ...] = (3, 3, 3, 3, 3)
    width: int = 256  # channel in the official code
    hidden: int = 512  # d_hid: between the two layers of a feed-forward
    depth: int = 4  # of the transformer over all frames
    heads: int = 8
    dropout: float = 0.1  # everywhere, attention weights too
    # of pre-training: what is hidden of a window
    masked: float = 0.6  # share of the frames
    masked_frames: int = 0  # 0: that share, rounded down
    masked_joints: int = 3  # of every frame, not the same ones

    def __post_init__(self) -> None:
        check_heads("pstmo", self.width, self.heads)
        if self.shown < 1:
            raise BadInput(
                f"pstmo: {self.frames - self.shown} of {self.frames} frames are masked; leave"
                " one at least"
            )
        if self.masked_joints > self.maskable:
            raise BadInput(
                f"pstmo: masked_joints {self.masked_joints} exceed the {self.maskable} joints"
                " that may be hidden"
            )

    @property
    def shown(self) -> int:
        """Frames that pre-training does not hide."""
        return self.frames - (self.masked_frames or int(self.frames * self.masked))

    @property
    def maskable(self) -> int:
        """Joints that pre-training may hide."""
        return min(self.joints, MASKABLE)


def train(g: Builder, size: Size) -> Value:
    """(b, t, j, c) -> (b, 1, j, 3), the middle frame; the pose of all, `vte`, is a label."""
    left = size.frames
    for stride in size.strides:
        left = -(-left // stride)
    if left != 1:
        raise BadInput(
            f"pstmo: strides {size.strides} leave {left} of {size.frames} frames, one was due;"
            " add a stride"
        )
    x = embed(_keypoints(g, size), width=size.width, rate=size.dropout, training=True)
    with g.scope("Transformer"):
        x = _transform(x + _positions(g, size), size, rate=size.dropout)
    joints = size.joints_out or size.joints
    # of all frames, for the loss alone: what runs has no use for it
    g.label("vte", head(x, joints=joints, axes=3, training=True, name="fcn_1"))
    with g.scope("Transformer_reduce"):
        x = strided(
            x,
            strides=size.strides,
            heads=size.heads,
            hidden=size.hidden,
            rate=size.dropout,
        )
    return head(x, joints=joints, axes=3, training=True, name="fcn")


def _keypoints(g: Builder, size: Size) -> Value:
    shape = ("batch", size.frames, size.joints, size.channels)
    return g.input("keypoints", shape)


def _positions(g: Builder, size: Size) -> Value:
    return g.param("pos_embedding", (1, size.frames, size.width), init=DRAWN)


def _transform(x: Value, size: Size, *, rate: float) -> Value:
    return transformer(
        x, depth=size.depth, heads=size.heads, hidden=size.hidden, rate=rate
    )


def _of_all(pose: Value, size: Size) -> Value:
    """MPJPE of the poses of all frames, before they become one."""
    poses = pose.graph.labelled("vte")
    return mpjpe(poses, pose.graph.input("target", poses.shape))


def _of_middle(pose: Value, size: Size) -> Value:
    """MPJPE of the pose of the middle frame."""
    target = pose.graph.input("target", pose.graph.labelled("vte").shape)
    middle = (size.frames - 1) // 2
    return mpjpe(pose, target.slice(axis=1, start=middle, stop=middle + 1, step=1))


def _restore(g: Builder, size: Size, *, training: bool) -> Value:
    """(b, t, j, c) -> the same, in the order of time, of what the masks leave.

    What they hide is 1 in the label or output `hidden`, (b, t, j, 1).
    """
    keypoints, rate = _keypoints(g, size), size.dropout if training else 0.0
    joints = _masked_joints(g, size)  # (t, j, 1)
    token = g.param("spatial_mask_token", (1, 1, size.channels), init=DRAWN)
    x = joints.where(token, keypoints)
    # it sees the hidden frames too: its batch statistics are of all
    x = embed(x, width=size.width, rate=rate, training=training)
    order = _order(g, size)
    with g.scope("Transformer"):
        x = (x + _positions(g, size)).take(order, axis=1)
        x = x.slice(axis=1, start=0, stop=size.shown, step=1)
        x = _transform(x, size, rate=rate)
    x = _decode(x, order, size, rate)
    pose = head(
        x, joints=size.joints, axes=size.channels, training=training, name="fcn_dec"
    )
    place = order.argsort(axis=0, descending=False)  # of each frame in that order
    frames = place.greater_equal(size.shown).reshape((size.frames, 1, 1))
    hidden = joints.logical_or(frames).astype("float32")
    hidden = hidden.broadcast_to((*keypoints.shape[:3], 1))
    g.label("hidden", hidden)
    if not training:
        g.output("hidden", hidden)
    return pose.take(place, axis=1)


def _order(g: Builder, size: Size) -> Value:
    """Frames that are shown, then those that are not, each in the order of time.

    All windows of a batch hide the same frames.
    """
    drawn = g.noise("masked.frames", (size.frames,), kind="uniform", number=1.0)
    order = drawn.argsort(axis=0, descending=False)
    shown = order.slice(axis=0, start=0, stop=size.shown, step=1)
    rest = order.slice(axis=0, start=size.shown, stop=size.frames, step=1)
    shown = shown.sort(axis=0, descending=False)
    return shown.concat(rest.sort(axis=0, descending=False), axis=0)


def _masked_joints(g: Builder, size: Size) -> Value:
    """Which joints of which frames the token replaces, (t, j, 1), the same in all windows."""
    shape = (size.frames, size.joints)
    drawn = g.noise("masked.joints", shape, kind="uniform", number=1.0)
    # joints that are never hidden come after all others
    late = np.arange(size.joints) >= size.maskable
    keys = drawn + g.constant("never_masked", late.astype(float))
    order = keys.argsort(axis=1, descending=False)
    place = order.argsort(axis=1, descending=False)
    return place.less(size.masked_joints).expand_dims(axis=2)


def _decode(x: Value, order: Value, size: Size, rate: float) -> Value:
    """Features of the shown frames and a token for each hidden one -> (b, t, width / 2)."""
    g, width = x.graph, size.width // 2
    if width % size.heads:
        raise BadInput(
            f"pstmo:pretrain: the decoder's width, half of {size.width}, is not divisible by"
            f" {size.heads} heads"
        )
    x = norm(x, name="encoder_LN")
    x = x.linear(width, name="encoder_to_decoder", bias=False)
    table = g.param("dec_pos_embedding", (1, size.frames, width), init=DRAWN)
    token = g.param("mask_token", (1, 1, width), init=DRAWN)
    hidden = (x.shape[0], size.frames - size.shown, width)
    x = x.concat(token.broadcast_to(hidden), axis=1) + table.take(order, axis=1)
    with g.scope("Transformer_dec"):
        return transformer(
            x,
            depth=size.depth - 1,
            heads=size.heads,
            hidden=size.hidden // 2,
            rate=rate,
        )


def _restored(pose: Value, size: Size) -> Value:
    """MPJPE in 2D between the restored keypoints and all that came, hidden or not."""
    return mpjpe(pose, _keypoints(pose.graph, size))


_S = Size(
    depth=3,
    masked=0.8,
    masked_joints=2,
)  # P-STMO-S
_SMALL = Size(
    frames=27,
    strides=(3, 3, 3),
    width=64,
    hidden=128,
    depth=2,
)
_TINY = Size(
    frames=9,
    strides=(3, 3),
    width=48,
    hidden=96,
    # of one the decoder of the pre-training has none: what is hidden would stay so
    depth=2,
    dropout=0.0,
    masked_joints=2,
)
NOTES = (
    (
        "The refine module, which reads the true depth of the root and the camera, is "
        "left out."
    ),
)
PRESETS = {
    "paper": Size(),
    "s": _S,
    "s81": replace(
        _S,
        frames=81,
        strides=(3, 3, 3, 3),
    ),
    "s27": replace(
        _S,
        frames=27,
        strides=(3, 3, 3),
    ),
    "small": _SMALL,
    "tiny": _TINY,
}
PAPER_PARAMETERS = {
    "paper": 7_009_382,
    "s": 6_482_278,
    "s81": 5_527_142,
    "s27": 4_682_598,
}
LOSSES = {"vte": _of_all, "middle": _of_middle}
LOSS = {"vte": 1.0, "middle": 1.0}
STAGES = {
    "pretrain": Stage(
        train=partial(_restore, training=True),
        infer=partial(_restore, training=False),
        loss={"restored": 1.0},
        losses={"restored": _restored},
        parameters={
            "paper": 3_315_620,
            "s": 2_656_036,
            "s81": 2_593_828,
            "s27": 2_573_092,
        },
    )
}
OFFICIAL = {"P-STMO Model": "", "P-STMO Model_MAE": "pretrain"}
OFFICIAL_LOSS = {
    "P-STMO Model": {"vte": 1.0, "middle": 1.0},
    "P-STMO Model_MAE": {"restored": 1.0},
}


def from_official(official: str, config: Mapping[str, Any]) -> Size:
    """Options of Model or Model_MAE; nothing is dropped, so that runs can be compared."""
    return Size(
        joints=config["n_joints"],
        joints_out=config["out_joints"],
        frames=config["frames"],
        strides=tuple(config["stride_num"]),
        width=config["channel"],
        hidden=config["d_hid"],
        depth=config["layers"],
        heads=config.get("heads", 8),  # no option there
        dropout=0.0,
        # the training draws them, and gives them to the class
        masked=0.0,
        masked_frames=config.get("masked_frames", 0),
        masked_joints=config.get("spatial_mask_num", 0),
    )


def golden(
    official: str, config: Mapping[str, Any], arrays: Mapping[str, Array]
) -> list[Golden]:
    """Files have coordinates first, (b, c, t, j, 1), and a target of the middle by itself."""
    size = from_official(official, config)
    keypoints = np.moveaxis(arrays["input/x"][..., 0], 1, -1)
    if official == "P-STMO Model_MAE":
        return [_restoring(size, keypoints, arrays)]
    return [_lifting(size, keypoints, arrays)]


def _coordinates_first(pose: Array) -> Array:
    return np.moveaxis(pose, -1, 1)[..., None]


def _lifting(size: Size, keypoints: Array, arrays: Mapping[str, Array]) -> Golden:
    g = Builder("pstmo.train")
    pose = train(g, size)
    g.output("pose", pose)
    single = g.input("target_single", pose.shape)
    g.output("loss", mpjpe(pose, single) + _of_all(pose, size))
    spec = replace(models.assemble("pstmo", size), train=g.finish())
    still = to_inference(spec.train, outputs=["vte"])
    return Golden(
        spec=spec,
        feeds={
            "keypoints": keypoints,
            "target": arrays["input/target"],
            "target_single": arrays["input/target_single"],
        },
        outputs={
            "out": Shown(spec.infer, _coordinates_first),
            "out_vte": Shown(still, _coordinates_first),
        },
        trained={
            "out": Shown(spec.train.with_outputs("pose"), _coordinates_first),
            "out_vte": Shown(spec.train.with_outputs("vte"), _coordinates_first),
        },
    )


def _restoring(size: Size, keypoints: Array, arrays: Mapping[str, Array]) -> Golden:
    mask = arrays["noise/mask"]
    order = np.argsort(mask, kind="stable")  # what is shown, then what is not

    def layout(pose: Array) -> Array:
        return _coordinates_first(pose[:, order])

    spec = models.assemble("pstmo:pretrain", size)
    return Golden(
        spec=spec,
        feeds={
            "keypoints": keypoints,
            # in the order of what is drawn: the least numbers are frames shown, joints hidden
            "masked.frames": mask / 2,
            "masked.joints": (1 - arrays["noise/spatial_mask"]) / 2,
        },
        outputs={"out": Shown(spec.infer.with_outputs("pose"), layout)},
        trained={"out": Shown(spec.train.with_outputs("pose"), layout)},
    )
