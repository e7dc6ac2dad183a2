"""y = x mask / (1 - rate), mask 1 with probability 1 - rate (Srivastava et al., 2014).

drop_path drops whole samples (Huang et al., 2016). The mask is a noise input: parity feeds
it, training lets the framework draw it.
"""

from __future__ import annotations

from models.dims import Shape
from models.ops import Array, Op, per_element
from models.ops._cases import Case, Rng, case, lengths
from models.ops.elementwise import broadcast
from models.value import Value, emit


def dropout(x: Value, *, rate: float, name: str) -> Value:
    """Drop single elements in training; rate 0 adds nothing to the graph."""
    return _dropped(x, x.shape, rate, name)


def drop_path(x: Value, *, rate: float, name: str) -> Value:
    """Drop whole rows of axis 0 in training; rate 0 adds nothing to the graph."""
    ones = (1,) * (len(x.shape) - 1)
    rows = (x.shape[0], *ones)
    return _dropped(x, rows, rate, name)


def _dropped(
    x: Value,
    mask: Shape,
    rate: float,
    name: str,
) -> Value:
    if rate == 0:
        return x
    noise = x.graph.noise(f"{name}.mask", mask, kind="bernoulli", number=1 - rate)
    return emit("dropout", x, noise, rate=rate)


def shape(x: Shape, mask: Shape, *, rate: float) -> Shape:
    # at rate 1 nothing is left, and the quotient would be 0 / 0
    if not 0 < rate < 1 or broadcast(x, mask) != x:
        raise ValueError(
            f"rate must lie between 0 and 1 and the mask must broadcast to x; rate {rate}"
        )
    return x


def reference(x: Array, mask: Array, *, rate: float) -> Array:
    return x * mask / (1 - rate)


def body(x: Value, mask: Value, *, rate: float) -> Value:
    return x * mask / (1 - rate)


def random(rng: Rng, rank: int, example: Case) -> Case:
    shape = lengths(rng, rank)
    mask = tuple(1 if rng.random() < 0.5 else n for n in shape)
    return example.redrawn(shape, mask)


CASES = (
    # masks are numbers like others to the op: normal draws show what 0 and 1 would hide
    case((4, 3), (4, 3), rate=0.25),
    # drop_path's mask
    case((2, 3, 5), (2, 1, 1), rate=0.5),
)
OPS = {
    "dropout": Op(
        shape=shape,
        reference=reference,
        cases=CASES,
        flops=per_element(2),
        method=dropout,
        body=body,
        inference="left out",
        random=random,
    )
}
METHODS = {"drop_path": drop_path}
