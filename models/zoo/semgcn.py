"""SemGCN: graph convolutions over the skeleton, whose edges have learnt weights.

Zhao et al., CVPR 2019; garyzhao/SemGCN models/sem_gcn.py, sem_graph_conv.py and
graph_non_local.py. Axes: b batch, j joints, k pools of joints, c channels, i and o what goes
into and comes out of a layer. A lifter of single frames: keypoints go in flat (x0, y0, x1, ...)
and joints come out flat (x0, y0, z0, ...).

Parameters bear the official names, but for `non_local`: theirs became a keyword in Python 3.
The repository trains on the mean squared error of joints in metres, as here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

import models
from models.body import Body
from models.builder import Builder
from models.dims import fixed
from models.errors import BadInput
from models.golden import Array, Golden, Shown
from models.value import Value

Places = tuple[tuple[int, ...], ...]
# Human3.6M's joints and what they hang on: the skeleton of a model that is built for no data.
# The published 16 lack the neck/nose, and the head hangs on the thorax.
PARENTS = {
    "Hip": "",
    "RHip": "Hip",
    "RKnee": "RHip",
    "RFoot": "RKnee",
    "LHip": "Hip",
    "LKnee": "LHip",
    "LFoot": "LKnee",
    "Spine": "Hip",
    "Thorax": "Spine",
    "Neck/Nose": "Thorax",
    "Head": "Neck/Nose",
    "LShoulder": "Thorax",
    "LElbow": "LShoulder",
    "LWrist": "LElbow",
    "RShoulder": "Thorax",
    "RElbow": "RShoulder",
    "RWrist": "RElbow",
}
# what the non-local blocks look at together
PAIRS = (
    ("RKnee", "RFoot"),
    ("LKnee", "LFoot"),
    ("RHip", "LHip"),
    ("Hip", "Spine"),
    ("Thorax", "Neck/Nose"),
    ("Thorax", "Head"),
    ("RElbow", "RWrist"),
    ("LElbow", "LWrist"),
    ("LShoulder", "RShoulder"),
)
FAR = -9e15  # the logit of joints that are no neighbours, as in the official code


@dataclass(frozen=True)
class Size:
    """`edges` and `groups` are those of the skeleton where they are left out."""

    joints: int = 16
    channels: int = 2
    width: int = 128
    depth: int = 4  # residual blocks of two graph convolutions
    non_local: bool = True  # a block that looks at all joints after each
    dropout: float = 0.0
    frames: int = 1
    # (row, column) of the neighbours in row order, a joint's own place among them
    edges: Places = ()
    groups: Places = ()  # joints pooled together, each joint in one

    def __post_init__(self) -> None:
        placed = sorted(chain(*self.groups))
        if self.groups and placed != list(range(self.joints)):
            raise BadInput(
                f"semgcn: groups {self.groups} were given; each joint from 0 to"
                f" {self.joints - 1} in one group was due"
            )
        if any(not 0 <= place < self.joints for place in chain(*self.edges)):
            raise BadInput(
                f"semgcn: edges {self.edges} were given; places from 0 to"
                f" {self.joints - 1} were due"
            )
        if self.pool < 2 or self.pool > self.joints:
            raise BadInput(
                f"semgcn: a first group of {self.pool} joints came; 2 to {self.joints}"
                " were due"
            )

    @property
    def pool(self) -> int:
        """Joints of a pool: the official code asks the first group, whatever the others have."""
        return len(self.groups[0]) if self.groups else 2


@dataclass(frozen=True)
class Graph:
    """Tables that every layer reads."""

    near: Array  # (j, j), whether column is a neighbour of row
    edge: Array  # (j * j,), the place of its weight among those of all edges
    order: Array  # (j,), joints group by group
    back: Array  # (j,), and the way back
    pool: int

    @property
    def count(self) -> int:
        """Edges, of both directions and of joints with themselves."""
        return int(self.near.sum())


def train(g: Builder, size: Size, *, body: Body | None = None) -> Value:
    """(b, joints * channels) -> (b, joints * 3).

    Raises BadInput for a skeleton of another number of joints.
    """
    graph = _graph(size, _skeleton(size, body))
    x = g.input("keypoints", ("batch", size.joints * size.channels))
    x = x.rearrange("b (j c) -> b j c", j=size.joints)
    x = _layer(x, size, graph, "gconv_input.0")
    if size.non_local:
        x = _non_local(x, size, graph, "gconv_input.1.non_local")
    for i in range(size.depth):
        # the official module lists both kinds of block in one Sequential
        place = 2 * i if size.non_local else i
        name = f"gconv_layers.{place}"
        h = _layer(x, size, graph, f"{name}.gconv1")
        x = x + _layer(h, size, graph, f"{name}.gconv2")
        if size.non_local:
            x = _non_local(x, size, graph, f"gconv_layers.{place + 1}.non_local")
    x = _convolve(x, graph, 3, "gconv_output")
    return x.rearrange("b j c -> b (j c)")


def _layer(x: Value, size: Size, graph: Graph, name: str) -> Value:
    """Graph convolution, batch norm, ReLU, dropout."""
    h = _convolve(x, graph, size.width, f"{name}.gconv")
    h = _norm(h, f"{name}.bn", init=("ones", 0.0)).relu()
    return h.dropout(rate=size.dropout, name=name)


def _convolve(x: Value, graph: Graph, width: int, name: str) -> Value:
    """A joint by one matrix, its neighbours by another, by the learnt share of each.

    The official code normalises its adjacency, and then asks only where it is positive.
    """
    g, inner = x.graph, fixed(x.shape[-1])
    # Xavier's bound, with the fans that PyTorch sees in an array of (2, in, out)
    bound = 1.414 * (6 / (inner * width + 2 * width)) ** 0.5
    both = g.param(f"{name}.W", (2, inner, width), init=("uniform", bound))
    row = g.param(f"{name}.bias", (width,), init=("uniform", width**-0.5))
    own, others = both.unstack(axis=0)
    shares = _shares(g, graph, name)  # (j, j)
    same = np.eye(len(graph.near))
    mine = shares * g.constant("joints.same", same)
    mine = mine.sum(axis=1, keepdims=True)  # (j, 1)
    around = shares * g.constant("joints.other", 1 - same)
    return mine * (x @ own) + around @ (x @ others) + row


def _shares(g: Builder, graph: Graph, name: str) -> Value:
    """The softmax of each joint's edges, one logit learnt for each."""
    joints = len(graph.near)
    logits = g.param(f"{name}.e", (1, graph.count), init=("ones", 0.0))
    edge = g.constant("joints.edge", graph.edge)
    table = logits.take(edge, axis=1).reshape((joints, joints))
    near = g.constant("joints.near", graph.near)
    return near.where(table, FAR).softmax(axis=1)


def _non_local(x: Value, size: Size, graph: Graph, name: str) -> Value:
    """x + W(mean over pools k of relu(a theta(x)_j + a' phi(x)_k) g(x)_k)."""
    g, half = x.graph, size.width // 2
    x = x.take(g.constant("joints.order", graph.order), axis=1)
    theta = _pointwise(x, half, f"{name}.theta")
    phi = _pooled(_pointwise(x, half, f"{name}.phi.0"), graph.pool)
    seen = _pooled(_pointwise(x, half, f"{name}.g.0"), graph.pool)  # (b, k, half)
    # a convolution over theta and phi side by side: the sum of one over each
    project = g.param(
        f"{name}.concat_project.0.weight", (1, 2 * half, 1, 1), init=_kaiming(2 * half)
    )
    over_theta, over_phi = project.reshape((2 * half, 1)).split(2, axis=0)
    ours = theta @ over_theta  # (b, j, 1)
    theirs = (phi @ over_phi).rearrange("b k c -> b c k", c=1)
    pools = len(graph.order) // graph.pool
    mixed = ((ours + theirs).relu() / pools) @ seen  # (b, j, half)
    # starts at 0, so that the block starts as the identity
    h = _norm(
        _pointwise(mixed, size.width, f"{name}.W.0"), f"{name}.W.1", init=("zeros", 0.0)
    )
    return (x + h).take(g.constant("joints.back", graph.back), axis=1)


def _pointwise(x: Value, width: int, name: str) -> Value:
    """A convolution of kernel 1 over (b, j, c), which is a dense layer."""
    inner = fixed(x.shape[-1])
    weight = x.graph.param(f"{name}.weight", (width, inner, 1), init=_kaiming(inner))
    row = x.graph.param(f"{name}.bias", (width,), init=("zeros", 0.0))
    return x @ weight.reshape((width, inner)).rearrange("o i -> i o") + row


def _pooled(x: Value, pool: int) -> Value:
    """(b, j, c) -> (b, k, c), the largest of each pool; joints left over are in none."""
    pools = fixed(x.shape[1]) // pool
    x = x.slice(axis=1, start=0, stop=pools * pool, step=1)
    return x.rearrange("b (k p) c -> b k p c", p=pool).max(axis=2, keepdims=False)


def _norm(x: Value, name: str, *, init: tuple[str, float]) -> Value:
    """Batch norm of (b, j, c) over channels, whose statistics are of all joints."""
    # joints as samples of their own: the same numbers, and no axes are exchanged
    h = x.rearrange("b j c -> (b j) c")
    h = h.batch_norm(eps=1e-5, momentum=0.1, train=True, name=name, init=init)
    return h.rearrange("(b j) c -> b j c", j=x.shape[1])


def _kaiming(inner: int) -> tuple[str, float]:
    return ("normal", (2 / inner) ** 0.5)


def _skeleton(size: Size, body: Body | None) -> Body:
    """The skeleton that was given; else Human3.6M's, with or without the neck/nose."""
    parents = dict(PARENTS)
    if size.joints < len(parents):
        parents["Head"] = parents.pop("Neck/Nose")
    joints = tuple(parents)
    bones = tuple(
        (joints.index(parent), place)
        for place, parent in enumerate(parents.values())
        if parent
    )
    found = body or Body(joints=joints, bones=bones)
    told = size.edges and size.groups
    if len(found.joints) != size.joints and not told:
        raise BadInput(
            f"semgcn: {size.joints} joints were asked for and the skeleton has"
            f" {len(found.joints)}; give `body`, a models.Body of as many"
        )
    return found


def _graph(size: Size, body: Body) -> Graph:
    near = np.eye(size.joints, dtype=np.bool_)
    if size.edges:
        near[:] = False
    for row, column in size.edges or body.bones:
        near[row, column] = True
        near[column, row] |= not size.edges
    order = np.array(list(chain(*(size.groups or _groups(body)))), np.int64)
    # counted in row order; what is no edge reads the first weight, and is then masked
    edge = np.where(near, near.cumsum().reshape(near.shape) - 1, 0)
    return Graph(near, edge.ravel(), order, order.argsort(), size.pool)


def _groups(body: Body) -> Places:
    """The pairs that a skeleton has, each joint once, then its other joints in order."""
    free = {joint: place for place, joint in enumerate(body.joints)}
    pairs = [
        (free.pop(one), free.pop(other))
        for one, other in PAIRS
        if one in free and other in free
    ]
    return (*pairs, *((place,) for place in free.values()))


NOTES = (
    "The authors' clip of the norm of all gradients to 1 is left out.",
    "The golden numbers come of the authors' formulas written down again for Python 3.",
    (
        "The error of bones, and the variant that reads image features, are in the "
        "paper and not in the repository, nor here."
    ),
)
PRESETS = {
    "paper": Size(),
    "local": Size(non_local=False),
    "small": Size(
        width=64,
        depth=2,
    ),
    "tiny": Size(
        width=64,
        depth=1,
    ),
}
# Published as 0.43 M and 0.27 M; counted in the official code, whose skeleton has 16 joints.
PAPER_PARAMETERS = {"paper": 434_703, "local": 267_343}
LOSS = {"mse": 1.0}
OFFICIAL = "SemGCN"


def from_official(official: str, config: Mapping[str, Any]) -> Size:
    """Constructor arguments of SemGCN; `adj` as rows of numbers.

    No dropout, so that runs can be compared. Raises BadInput for outputs of another number of
    coordinates than 3, which are no poses.
    """
    channels, outputs = config.get("coords_dim", (2, 3))
    if outputs != 3:
        raise BadInput(f"semgcn: coords_dim gives {outputs} coordinates; 3 were due")
    near = np.asarray(config["adj"]) > 0
    groups = config.get("nodes_group")
    return Size(
        joints=len(near),
        channels=channels,
        width=config["hid_dim"],
        depth=config.get("num_layers", 4),
        non_local=groups is not None,
        edges=tuple((int(row), int(column)) for row, column in np.argwhere(near)),
        groups=tuple(tuple(group) for group in groups or ()),
    )


def golden(
    official: str, config: Mapping[str, Any], arrays: Mapping[str, Array]
) -> list[Golden]:
    """Files have an axis of joints, (b, j, c), where we are flat."""
    sizes = from_official(official, config)
    spec = models.assemble("semgcn", sizes, loss={"mpjpe": 1.0})
    feeds = {
        "keypoints": _flat(arrays["input/x"]),
        "target": _flat(arrays["input/target"]),
    }

    def joints(pose: Array) -> Array:
        return pose.reshape(len(pose), sizes.joints, 3)

    return [
        Golden(
            spec=spec,
            feeds=feeds,
            outputs={"out": Shown(spec.infer, joints)},
            trained={"out": Shown(spec.train.with_outputs("pose"), joints)},
            names={name: official_name(name) for name in spec.parameters},
        )
    ]


def official_name(name: str) -> str:
    """What the authors' code calls a parameter: `nonlocal` is a word of Python's now."""
    return name.replace(".non_local.", ".nonlocal.")


def _flat(array: Array) -> Array:
    return array.reshape(len(array), -1)
