"""RealNVP (Dinh et al., 2017): a flow of few coordinates, by couplings with masks.

As Jeff-sjtu/res-loglikelihood-regression rlepose/models/layers/real_nvp.py has it. A coupling
keeps the coordinates x of its mask m, and moves the others by networks s and t of them:

    x <- m x + (1 - m) (x exp(s(m x)) + t(m x))

from latents to data; the density of data is that of their latents, which are normal.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from models.errors import BadInput
from models.value import Value

Masks = tuple[tuple[int, ...], ...]
SLOPE = 0.01  # of LeakyReLU, PyTorch's default


@dataclass(frozen=True, kw_only=True)
class RealNVP:
    """A flow's name, its masks (1 keeps, 0 moves), and how wide its networks are."""

    name: str
    masks: Masks  # one for each coupling
    width: int  # of both hidden layers

    def __post_init__(self) -> None:
        widths = {len(mask) for mask in self.masks}
        if len(widths) != 1 or not {0, 1}.issuperset(np.ravel(self.masks)):
            raise BadInput(
                f"{self.name}: masks {self.masks} came; one or more were due, of zeros and"
                " ones and equally long"
            )


class Density(NamedTuple):
    """Latents (..., n), and logarithms (...): of the determinant there, and of the density."""

    latent: Value
    logdet: Value
    total: Value


def density(x: Value, flow: RealNVP) -> Density:
    """How likely data (..., n) are."""
    width = len(flow.masks[0])
    logdet: Value | None = None
    for coupling in reversed(range(len(flow.masks))):
        kept, moved = _masks(x, flow, coupling)
        s, t = _networks(x * kept, flow, coupling)
        s = s * moved
        x = moved * (x - t) * (-s).exp() + x * kept
        step = s.sum(axis=-1, keepdims=False)
        logdet = -step if logdet is None else logdet - step
    assert logdet is not None
    square = (x * x).sum(axis=-1, keepdims=False)
    normal = square * -0.5 - 0.5 * width * math.log(2 * math.pi)
    return Density(x, logdet, normal + logdet)


def sampled(z: Value, flow: RealNVP) -> Value:
    """Data (..., n) of latents: the way back from `density`."""
    for coupling in range(len(flow.masks)):
        kept, moved = _masks(z, flow, coupling)
        s, t = _networks(z * kept, flow, coupling)
        z = z * kept + moved * (z * s.exp() + t)
    return z


def _masks(
    x: Value,
    flow: RealNVP,
    coupling: int,
) -> tuple[Value, Value]:
    """What a coupling keeps and what it moves, as rows of ones and zeros."""
    mask = flow.masks[coupling]
    return _row(x, mask), _row(x, tuple(1 - one for one in mask))


def _row(x: Value, mask: tuple[int, ...]) -> Value:
    name = "mask_" + "".join(map(str, mask))
    return x.graph.constant(name, np.array(mask, np.float32))


def _networks(
    kept: Value,
    flow: RealNVP,
    coupling: int,
) -> tuple[Value, Value]:
    """The logarithm of the scale, within -1 and 1, and the shift."""
    with kept.graph.scope(flow.name):
        s = _network(kept, flow, f"s.{coupling}").tanh()
        return s, _network(kept, flow, f"t.{coupling}")


def _network(
    x: Value,
    flow: RealNVP,
    name: str,
) -> Value:
    coordinates = len(flow.masks[0])
    h = x.linear(flow.width, name=f"{name}.0").leaky_relu(slope=SLOPE)
    h = h.linear(flow.width, name=f"{name}.2").leaky_relu(slope=SLOPE)
    return h.linear(coordinates, name=f"{name}.4")
