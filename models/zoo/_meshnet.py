"""The network that refines a mesh, of `pose2mesh.py`: graph convolutions from coarse to fine.

Choi et al., ECCV 2020; hongsukchoi/Pose2Mesh_RELEASE lib/models/meshnet.py and
backbones/cheby_graph_conv.py. Axes: b batch, j joints, v vertices of a level, c channels,
k Chebyshev polynomials.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import NamedTuple

from models.dims import fixed
from models.errors import BadInput
from models.sparse import Matrix
from models.value import Value

Widths = tuple[tuple[int, ...], ...]


def refine(
    x: Value,
    graphs: Sequence[Matrix],
    *,
    blocks: Widths,
    orders: Sequence[int],
) -> Value:
    """Joints (b, j, c) -> (b, v, 3), vertices as the finest level orders them.

    `graphs` are operators of the levels, finest first, and of the joints. `blocks` are channels
    before and behind each convolution: over the joints, then over a level each from the
    coarsest on, and over the finest once more; `orders` how many polynomials each block takes.
    Raises BadInput where there are not as many graphs as such blocks need.
    """
    if len(graphs) != len(blocks) - 1:
        raise BadInput(
            f"pose2mesh: {len(graphs)} graphs came for {len(blocks)} blocks;"
            f" {len(blocks) - 1} were due, the joints' among them"
        )
    *levels, joints = (
        Operator(f"graph{place}", graph) for place, graph in enumerate(graphs)
    )
    numbers, last = count(), len(blocks) - 1
    x = _block(x, joints, blocks[0], orders[0], numbers)
    width, coarsest = blocks[1][0], levels[-1].graph.size
    x = x.rearrange("b j c -> b (j c)").linear(coarsest * width, name="fc")
    x = x.rearrange("b (v c) -> b v c", c=width)
    for i in range(1, last):
        h = _block(x, levels[last - 1 - i], blocks[i], orders[i], numbers)
        if x.shape[2] != h.shape[2]:
            # along the channels, though neighbours there have nothing to do with each other
            x = x.resize(axis=2, length=blocks[i][-1], mode="linear")
        x = x + h
        if i < last - 1:
            # the level below has both halves of a vertex side by side
            x = x.repeat(times=2, axis=1)
    *inner, coordinates = blocks[last]
    x = _block(x, levels[0], inner, orders[last], numbers)
    return _convolve(x, levels[0], coordinates, orders[last], f"cl.{next(numbers)}")


class Operator(NamedTuple):
    """A graph's, and what its constants are called."""

    name: str
    graph: Matrix


def _block(
    x: Value,
    operator: Operator,
    widths: Sequence[int],
    order: int,
    numbers: Iterator[int],
) -> Value:
    """Convolutions, each with batch norm and ReLU."""
    for width in widths[1:]:
        number = next(numbers)
        h = _convolve(x, operator, width, order, f"cl.{number}")
        # vertices as samples of their own: statistics are of all
        h = h.rearrange("b v c -> (b v) c")
        h = h.batch_norm(eps=1e-5, momentum=0.1, train=True, name=f"bn.{number}")
        x = h.relu().rearrange("(b v) c -> b v c", v=operator.graph.size)
    return x


def _convolve(
    x: Value,
    operator: Operator,
    width: int,
    order: int,
    name: str,
) -> Value:
    """A dense layer over Chebyshev polynomials of the graph's operator, for each vertex."""
    inner = fixed(x.shape[-1])
    bound = (2 / (inner * order + width)) ** 0.5
    shape = (width, inner * order)
    weight = x.graph.param(f"{name}.weight", shape, init=("uniform", bound))
    row = x.graph.param(f"{name}.bias", (width,), init=("zeros", 0.0))
    # a channel's polynomials side by side, officially; a polynomial's channels are, here
    weight = weight.rearrange("o (c k) -> (k c) o", k=order)
    return _chebyshev(x, operator, order) @ weight + row


def _chebyshev(
    x: Value,
    operator: Operator,
    order: int,
) -> Value:
    """x, L x, 2 L (L x) - x and so on, (b, v, c) -> (b, v, k * c)."""
    terms = [x]
    for k in range(1, order):
        h = operator.graph.product(terms[-1], operator.name)
        terms.append(h if k == 1 else h * 2 - terms[-2])
    return x.concat(*terms[1:], axis=2) if terms[1:] else x
