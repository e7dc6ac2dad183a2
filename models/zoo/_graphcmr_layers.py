"""The graph network of GraphCMR, of `graphcmr.py`: a vertex of the mesh sees its neighbours.

Kolotouros et al., CVPR 2019; nkolot/GraphCMR models/graph_layers.py and graph_cnn.py. Axes:
b batch, c channels, v vertices: channels come first.
"""

from __future__ import annotations

from models.dims import fixed
from models.sparse import Matrix
from models.value import Value

EIGHT = 8  # channels of a group that is normalised together


def features(
    x: Value,
    graph: Matrix,
    *,
    width: int,
    depth: int,
) -> Value:
    """(b, c, v) -> (b, width, v), `gc`: a layer, and a block more than `depth`."""
    with x.graph.scope("gc"):
        x = linear(x, 2 * width, "0")
        for i in range(depth + 1):
            x = _block(x, width, graph, f"{i + 1}")
    return x


def shape(x: Value, graph: Matrix) -> Value:
    """Features (b, c, v) -> vertices (b, 3, v)."""
    with x.graph.scope("shape"):
        x = _block(x, 64, graph, "0")
        x = _block(x, 32, graph, "1")
        return linear(_norm(x, "2").relu(), 3, "4")


def camera(x: Value) -> Value:
    """Features (b, c, v) -> (b, 3), scale and shift of a weak perspective."""
    with x.graph.scope("camera_fc"):
        x = linear(_norm(x, "0").relu(), 1, "2").relu()
        return x.rearrange("b c v -> b (c v)").linear(3, name="4")


def linear(
    x: Value,
    width: int,
    name: str,
) -> Value:
    """A dense layer of the channels."""
    inner = fixed(x.shape[1])
    # the authors' bound, 1 / (inner * width), is so near to 0 that little of the picture passes:
    # what is normalised behind it is smaller than `eps`
    start = ("uniform", inner**-0.5)
    weight = x.graph.param(f"{name}.W", (width, inner), init=start)
    row = x.graph.param(f"{name}.b", (width,), init=start)
    return weight @ x + row.expand_dims(axis=1)


def _block(
    x: Value,
    width: int,
    graph: Matrix,
    name: str,
) -> Value:
    """x + a bottleneck whose middle looks at neighbours."""
    inner, half = fixed(x.shape[1]), width // 2
    with x.graph.scope(name):
        h = linear(_norm(x, "pre_norm").relu(), half, "lin1")
        h = _convolve(_norm(h, "norm1").relu(), graph, "conv")
        h = linear(_norm(h, "norm2").relu(), width, "lin2")
        # the official block has this layer whether it calls it or not
        skipped = linear(x, width, "skip_conv") if inner != width else x
        if inner == width:
            _unused_linear(x, "skip_conv")
    return skipped + h


def _unused_linear(x: Value, name: str) -> None:
    width = fixed(x.shape[1])
    start = ("uniform", width**-0.5)
    x.graph.param(f"{name}.W", (width, width), init=start)
    x.graph.param(f"{name}.b", (width,), init=start)


def _convolve(
    x: Value,
    graph: Matrix,
    name: str,
) -> Value:
    """The mean over a vertex and its neighbours of a dense layer; as many channels."""
    width = fixed(x.shape[1])
    start = ("uniform", 6 / (2 * width) ** 0.5)
    weight = x.graph.param(f"{name}.weight", (width, width), init=start)
    row = x.graph.param(f"{name}.bias", (width,), init=start)
    h = graph.product(x.rearrange("b c v -> b v c") @ weight, "mesh.mean") + row
    return h.rearrange("b v c -> b c v")


def _norm(x: Value, name: str) -> Value:
    return x.group_norm(groups=fixed(x.shape[1]) // EIGHT, eps=1e-5, name=name)
