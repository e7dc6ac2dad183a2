"""A normalizing flow of couplings: forwards, backwards, and the logarithm of its determinant.

GLOW couplings (Kingma and Dhariwal, 2018) as FrEIA writes them, a fixed permutation after each.
With x = (x1, x2), a condition c and networks (s, t) = r(x, c):

    y1 = x1 e(s2) + t2    of (s2, t2) = r2(x2, c)
    y2 = x2 e(s1) + t1    of (s1, t1) = r1(y1, c)

where log e(s) stays within about +-clamp. FrEIA has changed what it calls by one name: see `Flow`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from models.dims import fixed
from models.errors import BadInput
from models.value import Value

SLOPE = 0.636  # about 2 / pi: the arc tangent ends at pi / 2
SPREAD = ("normal", 0.05)  # how every weight of the networks starts, biases too
PINNED, RELEASED = "ad2f5a2", "0.2"  # FrEIA's commit, FrEIA's release


@dataclass(frozen=True, kw_only=True)
class Flow:
    """Sizes of a flow, and which FrEIA it is.

    "ad2f5a2" is the commit that Wehrbein et al. pin, log e(s) = 0.636 clamp atan(s / clamp);
    "0.2" has 0.636 clamp atan(s), other parameter names, and halves an odd width to the even.
    """

    blocks: int
    width: int  # of the one hidden layer of each network
    clamp: float
    freia: str

    def __post_init__(self) -> None:
        if self.freia not in (PINNED, RELEASED):
            raise BadInput(
                f"flow: FrEIA {self.freia!r} is not known; {PINNED} and {RELEASED} are"
            )

        if self.blocks < 1:
            raise BadInput(f"flow: {self.blocks} couplings came; 1 or more were due")

    def first(self, width: int) -> int:
        """How many of `width` numbers are the first half."""
        return round(width / 2) if self.freia == RELEASED else width // 2

    def scope(self, block: int) -> str:
        """Where the parameters of a coupling lie; permutations are counted, too."""
        # the pinned commit counts a node for the input as well
        start = 0 if self.freia == RELEASED else 1
        return f"inn.module_list.{start + 2 * block}"

    def network(self, number: int) -> str:
        """What the network of half 1 or 2 is called."""
        return f"subnet{number}" if self.freia == RELEASED else f"s{number}"

    def exponent(self, s: Value) -> Value:
        """log e(s)."""
        scaled = s if self.freia == RELEASED else s / self.clamp
        return scaled.atan() * (self.clamp * SLOPE)


class Flowed(NamedTuple):
    """What came out, (..., n), and log |det| of the way there, (...)."""

    value: Value
    logdet: Value


def forwards(x: Value, condition: Value, flow: Flow) -> Flowed:
    """Data (..., n) -> latents, under a condition (..., c)."""
    exponents = []
    for block in range(flow.blocks):
        with x.graph.scope(flow.scope(block)):
            first, second = _halves(x, flow)
            s, t = _network(second, condition, _width(first), flow, 2)
            first = first * s.exp() + t
            exponents.append(s)
            s, t = _network(first, condition, _width(second), flow, 1)
            second = second * s.exp() + t
            exponents.append(s)
        x = first.concat(second, axis=-1).take(_permutation(x, block), axis=-1)
    return Flowed(x, _total(exponents))


def backwards(y: Value, condition: Value, flow: Flow) -> Flowed:
    """Latents (..., n) -> data: the inverse of `forwards`, by the same weights."""
    exponents = []
    for block in reversed(range(flow.blocks)):
        y = y.take(_permutation(y, block, back=True), axis=-1)
        with y.graph.scope(flow.scope(block)):
            first, second = _halves(y, flow)
            s, t = _network(first, condition, _width(second), flow, 1)
            second = (second - t) / s.exp()
            exponents.append(s)
            s, t = _network(second, condition, _width(first), flow, 2)
            first = (first - t) / s.exp()
            exponents.append(s)
        y = first.concat(second, axis=-1)
    return Flowed(y, -_total(exponents))


def _width(x: Value) -> int:
    return fixed(x.shape[-1])


def _halves(x: Value, flow: Flow) -> tuple[Value, Value]:
    return _parted(x, flow.first(_width(x)))


def _parted(x: Value, at: int) -> tuple[Value, Value]:
    first = x.slice(axis=-1, start=0, stop=at, step=1)
    return first, x.slice(axis=-1, start=at, stop=x.shape[-1], step=1)


def _network(
    x: Value, condition: Value, width: int, flow: Flow, number: int
) -> tuple[Value, Value]:
    """log e(s) and t for a half of `width` numbers, from the other half."""
    name = flow.network(number)
    h = x.concat(condition, axis=-1)
    h = h.linear(flow.width, name=f"{name}.0", init=SPREAD, bias_init=SPREAD).relu()
    h = h.linear(width * 2, name=f"{name}.2", init=SPREAD, bias_init=SPREAD)
    s, t = _parted(h, width)
    return flow.exponent(s), t


def _permutation(x: Value, block: int, *, back: bool = False) -> Value:
    """The shuffle behind a coupling; not in FrEIA's state_dict of old, so it is a constant."""
    # the legacy generator, whose numbers NumPy keeps as they are
    order = np.random.RandomState(block).permutation(_width(x))
    if back:
        return x.graph.constant(f"inverse_{block}", np.argsort(order))
    return x.graph.constant(f"permutation_{block}", order)


def _total(exponents: list[Value]) -> Value:
    """Sum over all couplings and places."""
    sums = [one.sum(axis=-1, keepdims=False) for one in exponents]
    total = sums[0]
    for one in sums[1:]:
        total = total + one
    return total
