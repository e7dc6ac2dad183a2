"""MotionAGFormer: in each layer attention beside graph convolutions, over joints, then frames.

Mehraban et al., WACV 2024; TaatiTeam/MotionAGFormer model/MotionAGFormer.py and model/modules.
Axes: b batch, t frames, j joints, c width, h heads, d width of a head, s the three of query,
key, value. Mixers see (n, nodes, c): n = (b t) where joints are nodes, (b j) where frames are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from models.builder import Builder
from models.dims import fixed
from models.errors import BadInput, UnknownName
from models.layers import attend, check_heads, mlp
from models.value import Value, emit

# By joint, the joints that its features come from: as published, that is not symmetric (the
# pelvis hears of the right hip and not of the left), and none hears of itself.
# fmt: off
NEIGHBOURS = (
    (1, 7), (0, 2), (1, 3), (2,), (0, 5), (4, 6), (5,), (0, 8), (7, 9), (8, 10), (9,),
    (8, 12), (11, 13), (12,), (8, 15), (14, 16), (15,),
)
# fmt: on
_NONE, _HALVES = ("zeros", 0.0), ("constant", 0.5)  # how a fusion starts
TAPS, DILATIONS = 5, (1, 2)  # of the temporal convolutions
BRANCHES = 4  # two of them, a maximum over three frames, one over a single frame


@dataclass(frozen=True)
class Size:
    """`adjacency` is of frames: the most similar ones ("similarity"), or the next ("next").

    The frame count is baked into batch norms over frames.
    """

    joints: int = 17
    channels: int = 3  # x, y, confidence
    outputs: int = 3
    frames: int = 243
    width: int = 128  # dim_feat in the official code
    representation: int = 512  # dim_rep
    depth: int = 16
    heads: int = 8
    mlp_ratio: float = 4
    eps: float = 1e-5
    qkv_bias: bool = False
    scale: float = 0.0  # 0: head width ** -0.5
    layer_scale: bool = True
    layer_scale_start: float = 1e-5
    fuse: bool = True  # learnt fusion of the branches; else their mean
    hierarchical: bool = (
        False  # half of the channels to either branch, one after the other
    )
    graph_only: bool = False  # graph convolutions without norms and MLP around them
    tcn: bool = False  # temporal convolutions in the place of graphs of frames
    adjacency: str = "similarity"
    # of "similarity": frames that a frame hears of, itself among them
    neighbours: int = 2
    next_frames: int = 1  # of "next": besides the frame itself
    # 0 in every published configuration
    drop: float = 0.0
    attention_drop: float = 0.0
    drop_path: float = 0.0

    def __post_init__(self) -> None:
        if self.joints != len(NEIGHBOURS):
            raise BadInput(
                f"motionagformer: its graph is of {len(NEIGHBOURS)} joints, not {self.joints}"
            )
        if self.adjacency not in _ADJACENCIES:
            raise UnknownName("adjacency", str(self.adjacency), _ADJACENCIES)
        similar = self.adjacency == "similarity" and not self.tcn
        if similar and self.neighbours > self.frames:
            raise BadInput(
                f"motionagformer: neighbours {self.neighbours} exceed the {self.frames} frames"
            )
        if self.hierarchical and self.width % 2:
            raise BadInput(
                f"motionagformer: width {self.width} has no halves, which hierarchical needs"
            )
        check_heads("motionagformer", self.inner, self.heads)
        if self.tcn and self.inner % BRANCHES:
            raise BadInput(
                f"motionagformer: width {self.inner} is not divisible by {BRANCHES} branches of"
                " tcn"
            )

    @property
    def inner(self) -> int:
        """Width of either branch."""
        return self.width // 2 if self.hierarchical else self.width


def train(g: Builder, size: Size) -> Value:
    """(b, t, j, channels) -> (b, t, j, outputs); the tanh representation is labelled `rep`."""
    shape = ("batch", size.frames, size.joints, size.channels)
    x = g.input("keypoints", shape).linear(size.width, name="joints_embed")
    row = (1, size.joints, size.width)
    x = x + g.param("pos_embed", row, init=("zeros", 0.0))
    for i in range(size.depth):
        with g.scope(f"layers.{i}"):
            x = _layer(x, size, i)
    x = x.layer_norm(eps=size.eps, name="norm")
    x = x.linear(size.representation, name="rep_logit.fc").tanh()
    return g.label("rep", x).linear(size.outputs, name="head")


def _layer(x: Value, size: Size, i: int) -> Value:
    """Both branches, and what becomes of them."""
    if size.hierarchical:
        x, other = x.split(2, axis=-1)
    attended = _part(x, size, "att_spatial", _attend_joints)
    attended = _part(attended, size, "att_temporal", _attend_frames)
    graph = other + attended if size.hierarchical else x
    over_frames = _convolve if size.tcn else partial(_graph_of_frames, layer=i)
    # a graph by itself, or in the place of the attention within a transformer block
    part = _bare if size.graph_only else _part
    graph = part(graph, size, "graph_spatial", _graph_of_joints)
    graph = part(graph, size, "graph_temporal", over_frames)
    if size.hierarchical:
        _unused_fusion(x.graph, size)
        return attended.concat(graph, axis=-1)
    if size.fuse:
        return _fuse(attended, graph)
    return (attended + graph) * 0.5


Mixer = Callable[[Value, Size], Value]


def _bare(x: Value, size: Size, name: str, mixer: Mixer) -> Value:
    with x.graph.scope(name):
        return mixer(x, size)


def _part(x: Value, size: Size, name: str, mixer: Mixer) -> Value:
    """A transformer block around a mixer of joints or frames."""
    with x.graph.scope(name):
        h = _bare(x.layer_norm(eps=size.eps, name="norm1"), size, "mixer", mixer)
        x = x + _scaled(h, size, "layer_scale_1")
        h = x.layer_norm(eps=size.eps, name="norm2")
        h = mlp(h, hidden=int(size.inner * size.mlp_ratio), drop=size.drop, name="mlp")
        return x + _scaled(h, size, "layer_scale_2")


def _scaled(x: Value, size: Size, name: str) -> Value:
    if size.layer_scale:
        start = ("constant", size.layer_scale_start)
        x = x * x.graph.param(name, (size.inner,), init=start)
    return x.drop_path(rate=size.drop_path, name=name)


def _fuse(attended: Value, graph: Value) -> Value:
    """softmax(W [attended; graph]) weighs both of each token; even at the start."""
    both = attended.concat(graph, axis=-1)
    logits = both.linear(2, name="fusion", init=_NONE, bias_init=_HALVES)
    first, second = logits.softmax(axis=-1).split(2, axis=-1)
    return attended * first + graph * second


def _unused_fusion(g: Builder, size: Size) -> None:
    """Hierarchical layers hold these weights and never use them; checkpoints have them."""
    if size.fuse:
        g.param("fusion.weight", (2, 2 * size.inner), init=_NONE)
        g.param("fusion.bias", (2,), init=_HALVES)


def _attend_joints(x: Value, size: Size) -> Value:
    return _over_joints(x, size, lambda h: _attend(h, size))


def _attend_frames(x: Value, size: Size) -> Value:
    return _over_frames(x, size, lambda h: _attend(h, size))


def _graph_of_joints(x: Value, size: Size) -> Value:
    table = np.zeros((size.joints, size.joints))
    for joint, others in enumerate(NEIGHBOURS):
        table[joint, others] = 1
    adjacency = x.graph.constant("adjacency.joints", table)
    return _over_joints(x, size, lambda h: _graph(h, adjacency))


def _graph_of_frames(x: Value, size: Size, *, layer: int) -> Value:
    adjacency = _ADJACENCIES[size.adjacency]
    return _over_frames(x, size, lambda h: _graph(h, adjacency(h, size, layer)))


def _over_joints(x: Value, size: Size, mix: Callable[[Value], Value]) -> Value:
    mixed = mix(x.rearrange("b t j c -> (b t) j c"))
    return mixed.rearrange("(b t) j c -> b t j c", t=size.frames)


def _over_frames(x: Value, size: Size, mix: Callable[[Value], Value]) -> Value:
    mixed = mix(x.rearrange("b t j c -> (b j) t c"))
    return mixed.rearrange("(b j) t c -> b t j c", j=size.joints)


def _attend(x: Value, size: Size) -> Value:
    width = size.inner
    packed = x.linear(3 * width, name="qkv", bias=size.qkv_bias)
    packed = packed.rearrange("n t (s h d) -> s n h t d", s=3, h=size.heads)
    mixed = attend(
        packed,
        scale=size.scale or (width // size.heads) ** -0.5,
        drop=size.attention_drop,
        name="attention",
    )
    mixed = mixed.rearrange("n h t d -> n t (h d)").linear(width, name="proj")
    return mixed.dropout(rate=size.drop, name="proj")


def _graph(x: Value, adjacency: Value) -> Value:
    """relu(x + norm(A V x + U x)), A divided by the roots of both nodes' degrees."""
    width = fixed(x.shape[-1])
    # (n, t, t), or one table for all
    table = adjacency if len(adjacency.shape) == 3 else adjacency.expand_dims(axis=0)
    # of the row on both sides, though A is not symmetric
    root = table.sum(axis=-1, keepdims=True).pow(-0.5)
    weights = table * root * root.rearrange("n a b -> n b a")
    h = weights @ x.linear(width, name="V") + x.linear(width, name="U")
    # its channels are the nodes
    h = h.batch_norm(eps=1e-5, momentum=0.1, train=True, name="batch_norm")
    return (x + h).relu()


def _similar(x: Value, size: Size, layer: int) -> Value:
    """1 where x_a . x_b is among the largest of a row, (n, t, t); nothing is learnt through it.

    A rounding may turn the choice, and with it all that follows; so it is labelled, as is the
    margin by which a product is above the last that counts, where nothing jumps.
    """
    products = (x @ x.rearrange("n t c -> n c t")).stop_gradient()
    order = products.sort(axis=-1, descending=True)
    last = order.slice(axis=-1, start=size.neighbours - 1, stop=size.neighbours, step=1)
    margin = x.graph.label(f"layers.{layer}.margin", products - last)
    chosen = margin.greater_equal(0.0).astype("float32")
    return x.graph.label(f"layers.{layer}.adjacency", chosen)


def _next(x: Value, size: Size, layer: int) -> Value:
    """1 for a frame itself and those that come next, (t, t)."""
    ones = np.ones((size.frames, size.frames))
    table = np.triu(ones) - np.triu(ones, size.next_frames + 1)
    return x.graph.constant("adjacency.frames", table)


_ADJACENCIES = {"similarity": _similar, "next": _next}


def _convolve(x: Value, size: Size) -> Value:
    """x + four looks at the frames around each, a quarter of the channels from either."""
    h = x.rearrange("b t j c -> b c t j")
    looks = []
    for i, dilation in enumerate(DILATIONS):
        look = _squeezed(h, f"branches.{i}")
        look = _conv(look, TAPS, dilation, f"branches.{i}.3.conv")
        looks.append(_normed(look, f"branches.{i}.3.bn"))
    look = _largest(_squeezed(h, "branches.2"))
    looks.append(_normed(look, "branches.2.4"))
    looks.append(_normed(_conv(h, 1, 1, "branches.3.0", BRANCHES), "branches.3.1"))
    first, *others = looks
    return x + first.concat(*others, axis=1).rearrange("b c t j -> b t j c")


def _squeezed(x: Value, name: str) -> Value:
    return _normed(_conv(x, 1, 1, f"{name}.0", BRANCHES), f"{name}.1").relu()


def _normed(x: Value, name: str) -> Value:
    return x.batch_norm(eps=1e-5, momentum=0.1, train=True, name=name)


def _conv(x: Value, taps: int, dilation: int, name: str, share: int = 1) -> Value:
    """Over frames, (b, c, t, j) -> (b, c / share, t, j)."""
    channels = fixed(x.shape[1])
    start = ("uniform", (channels * taps) ** -0.5)
    shape = (channels // share, channels, taps, 1)
    weight = x.graph.param(f"{name}.weight", shape, init=start)
    bias = x.graph.param(f"{name}.bias", shape[:1], init=start)
    padding = (taps // 2 * dilation, 0)
    ones = (1, 1)
    return emit(
        "conv", x, weight, bias, stride=ones, dilation=(dilation, 1), padding=padding
    )


def _largest(x: Value) -> Value:
    """The maximum of each frame and both beside it, (b, c, t, j); at an end, of two."""
    frames = x.shape[2]
    first = x.slice(axis=2, start=0, stop=1, step=1)
    last = x.slice(axis=2, start=-1, stop=frames, step=1)
    before = first.concat(x.slice(axis=2, start=0, stop=-1, step=1), axis=2)
    after = x.slice(axis=2, start=1, stop=frames, step=1).concat(last, axis=2)
    return x.maximum(before).maximum(after)


_TINY = Size(
    width=64,
    representation=64,
    frames=2,
    depth=1,
    heads=4,
    mlp_ratio=2,
    # from 1e-5 on, the layers would take longer than a short training to be heard
    layer_scale_start=1.0,
)
NOTES = (
    "Rounding may choose other neighbours in time, there too; the choice is compared apart.",
)
PRESETS = {
    "paper": Size(),  # B
    "b81": Size(frames=81),
    "xs": Size(
        width=64,
        frames=27,
        depth=12,
    ),
    "s": Size(
        width=64,
        frames=81,
        depth=26,
    ),
    "l": Size(depth=26),
    "l81": Size(
        depth=26,
        frames=81,
    ),
    "small": Size(
        width=64,
        representation=64,
        frames=9,
        depth=2,
    ),
    "tiny": _TINY,
}
PAPER_PARAMETERS = {
    "paper": 11_723_811,
    "b81": 11_718_627,
    "xs": 2_241_531,
    "s": 4_817_119,
    "l": 19_007_111,
    "l81": 18_998_687,
}
LOSS = {"mpjpe": 1.0, "n_mpjpe": 0.5, "velocity": 20.0}
OFFICIAL = "MotionAGFormer"


def from_official(official: str, config: Mapping[str, Any]) -> Size:
    """Constructor arguments of MotionAGFormer, with its own defaults.

    Every drop rate is 0, so that runs can be compared. Raises BadInput for an activation other
    than GELU.
    """
    activation = config.get("act_layer") or "gelu"
    if str(activation).lower() not in ("gelu", "nn.gelu"):
        raise BadInput(
            f"MotionAGFormer: act_layer {activation!r} is not supported; GELU was due"
        )
    similar = config.get("use_temporal_similarity", True)
    return Size(
        joints=config.get("num_joints", 17),
        channels=config["dim_in"],
        outputs=config.get("dim_out", 3),
        frames=config.get("n_frames", 243),
        width=config["dim_feat"],
        representation=config.get("dim_rep", 512),
        depth=config["n_layers"],
        heads=config.get("num_heads", 4),
        mlp_ratio=config.get("mlp_ratio", 4),
        qkv_bias=config.get("qkv_bias", False),
        scale=config.get("qkv_scale") or 0.0,
        layer_scale=config.get("use_layer_scale", True),
        layer_scale_start=config.get("layer_scale_init_value", 1e-5),
        fuse=config.get("use_adaptive_fusion", True),
        hierarchical=config.get("hierarchical", False),
        graph_only=config.get("graph_only", False),
        tcn=config.get("use_tcn", False),
        adjacency="similarity" if similar else "next",
        neighbours=config.get("neighbour_num", 4),
        next_frames=config.get("temporal_connection_len", 1),
    )
