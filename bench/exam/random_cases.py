"""Random cases of an op: shapes of rank 1 to 5 with axes of length 0, 1 and more, and
attributes that fit them.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from models import ops
from models.ops import Case

Rng = np.random.Generator
Shape = tuple[int, ...]
Drawn = tuple[tuple[Shape, ...], dict[str, Any]]  # shapes, attributes
RANKS = 5


def generated(name: str, *, count: int, seed: int) -> Iterator[Case]:
    """`count` cases of an op, of ranks 1 to 5 in turn; the same for the same seed, whatever
    else is put.

    What a rule does not draw (eps, exponents, kinds of input) comes from the op's own
    cases.
    """
    for i in range(count):
        rng = np.random.default_rng([seed, zlib.crc32(name.encode()), i])
        yield case(name, rng, rank=1 + i % RANKS)


def case(name: str, rng: Rng, *, rank: int) -> Case:
    """One random case of an op; where `rank` is too low for the op, it is raised."""
    cases = ops.get(name).cases
    example = cases[rng.integers(len(cases))]
    rule = RULES.get(name, _reduction if ops.get(name).group == "reduction" else _alike)
    shapes, attributes = rule(rng, rank, example)
    draws = example.draws if len(example.draws) == len(shapes) else ()
    return Case(
        shapes,
        {**example.attributes, **attributes},
        draws,
        high=_high(example, shapes, attributes),
    )


def _high(example: Case, shapes: tuple[Shape, ...], attributes: Mapping[str, Any]) -> int:
    """Bound of the indices: the length that is scattered into, or that of the axis that is
    taken from.
    """
    if "index" not in example.draws or "axis" not in attributes:
        return example.high
    return int(attributes.get("length", shapes[0][attributes["axis"]]))


def _lengths(rng: Rng, rank: int, *, least: int = 0) -> Shape:
    """Axes of length 0 are rare, or nothing else would be seen."""
    return tuple(
        int(n)
        for n in np.maximum(rng.choice(5, rank, p=(0.05, 0.2, 0.3, 0.25, 0.2)), least)
    )


def _axis(rng: Rng, rank: int) -> int:
    return int(rng.integers(rank))


def _with(shape: Shape, axis: int, length: int) -> Shape:
    return (*shape[:axis], length, *shape[axis + 1 :])


def _part(rng: Rng, shape: Shape) -> Shape:
    """What broadcasts to `shape`: some leading axes left out, some others of length 1."""
    kept = shape[int(rng.integers(len(shape) + 1)) :] if rng.random() < 0.5 else shape
    return tuple(1 if rng.random() < 0.3 else n for n in kept)


def _alike(rng: Rng, rank: int, example: Case) -> Drawn:
    """Inputs that broadcast; a single one as it comes. Attributes are the example's."""
    shape = _lengths(rng, rank)
    others = tuple(_part(rng, shape) for _ in example.shapes[1:])
    return (shape, *others), {}


def _reduction(rng: Rng, rank: int, example: Case) -> Drawn:
    shape = _lengths(rng, rank, least=1)
    axes = tuple(
        sorted(
            int(a) for a in rng.choice(rank, int(rng.integers(1, rank + 1)), replace=False)
        )
    )
    kept = tuple(n if i in axes or rng.random() < 0.9 else 0 for i, n in enumerate(shape))
    return (kept,), {"axis": axes, "keepdims": bool(rng.random() < 0.5)}


def _along(rng: Rng, rank: int, example: Case) -> Drawn:
    """One axis of one input, of length 1 or more."""
    axis = _axis(rng, rank)
    shape = _lengths(rng, rank)
    return (_with(shape, axis, max(1, shape[axis])),), {"axis": axis}


def _permute_dims(rng: Rng, rank: int, example: Case) -> Drawn:
    return (_lengths(rng, rank),), {"axes": tuple(int(a) for a in rng.permutation(rank))}


def _reshape(rng: Rng, rank: int, example: Case) -> Drawn:
    """The prime factors of the lengths, dealt anew."""
    shape = _lengths(rng, rank)
    target = [1] * int(rng.integers(1, RANKS + 1))
    for factor in (f for n in shape for f in ((2, 2) if n == 4 else (n,))):
        target[_axis(rng, len(target))] *= factor
    return (shape,), {"shape": tuple(target)}


def _expand_dims(rng: Rng, rank: int, example: Case) -> Drawn:
    return (_lengths(rng, rank - 1),), {"axis": _axis(rng, rank)}


def _squeeze(rng: Rng, rank: int, example: Case) -> Drawn:
    axis = _axis(rng, rank)
    return (_with(_lengths(rng, rank), axis, 1),), {"axis": axis}


def _broadcast_to(rng: Rng, rank: int, example: Case) -> Drawn:
    shape = _lengths(rng, rank)
    return (_part(rng, shape),), {"shape": shape}


def _concat(rng: Rng, rank: int, example: Case) -> Drawn:
    axis, shape = _axis(rng, rank), _lengths(rng, rank)
    return tuple(
        _with(shape, axis, int(n)) for n in rng.integers(0, 4, int(rng.integers(1, 4)))
    ), {"axis": axis}


def _stack(rng: Rng, rank: int, example: Case) -> Drawn:
    return (_lengths(rng, rank),) * int(rng.integers(1, 4)), {"axis": _axis(rng, rank + 1)}


def _split(rng: Rng, rank: int, example: Case) -> Drawn:
    axis, parts = _axis(rng, rank), int(rng.integers(1, 4))
    return (_with(_lengths(rng, rank), axis, parts * int(rng.integers(0, 3))),), {
        "axis": axis,
        "parts": parts,
    }


def _slice(rng: Rng, rank: int, example: Case) -> Drawn:
    axis, length = _axis(rng, rank), int(rng.integers(0, 8))
    start, stop = sorted(int(n) for n in rng.integers(0, length + 1, 2))
    bounds = {"axis": axis, "start": start, "stop": stop, "step": int(rng.integers(1, 4))}
    return (_with(_lengths(rng, rank), axis, length),), bounds


def _pad(rng: Rng, rank: int, example: Case) -> Drawn:
    before, after = (int(n) for n in rng.integers(0, 3, 2))
    return (_lengths(rng, rank),), {
        "axis": _axis(rng, rank),
        "before": before,
        "after": after,
    }


def _take(rng: Rng, rank: int, example: Case) -> Drawn:
    (shape,), attributes = _along(rng, rank, example)
    return (shape, (int(rng.integers(0, 5)),)), attributes


def _take_along_axis(rng: Rng, rank: int, example: Case) -> Drawn:
    (shape,), attributes = _along(rng, rank, example)
    return (shape, _with(shape, attributes["axis"], int(rng.integers(0, 5)))), attributes


def _scatter_add(rng: Rng, rank: int, example: Case) -> Drawn:
    shape = _lengths(rng, rank)
    return (shape, shape), {"axis": _axis(rng, rank), "length": int(rng.integers(1, 5))}


def _roll(rng: Rng, rank: int, example: Case) -> Drawn:
    return (_lengths(rng, rank),), {
        "axis": _axis(rng, rank),
        "shift": int(rng.integers(-6, 7)),
    }


def _repeated(rng: Rng, rank: int, example: Case) -> Drawn:
    return (_lengths(rng, rank),), {
        "axis": _axis(rng, rank),
        "times": int(rng.integers(1, 4)),
    }


def _dropout(rng: Rng, rank: int, example: Case) -> Drawn:
    shape = _lengths(rng, rank)
    return (shape, tuple(1 if rng.random() < 0.5 else n for n in shape)), {}


def _matmul(rng: Rng, rank: int, example: Case) -> Drawn:
    lead = _lengths(rng, max(0, rank - 2))
    rows, inner, columns = _lengths(rng, 3, least=1)
    pair = (*lead, rows, inner), (*_part(rng, lead), inner, columns)
    return pair, {}


def _linear(rng: Rng, rank: int, example: Case) -> Drawn:
    shape = (*_lengths(rng, max(1, rank - 1)), int(rng.integers(1, 5)))
    width = int(rng.integers(1, 5))
    return (shape, (width, shape[-1]), (width,))[: len(example.shapes)], {}


def _layer_norm(rng: Rng, rank: int, example: Case) -> Drawn:
    shape = (*_lengths(rng, rank - 1), int(rng.integers(3, 6)))
    return (shape, shape[-1:], shape[-1:]), {}


def _batch_norm(rng: Rng, rank: int, example: Case) -> Drawn:
    """Three numbers or more of each channel, or there is no variance to speak of."""
    shape = (int(rng.integers(3, 6)), *_lengths(rng, max(1, rank - 1), least=1))
    return (shape, *(shape[1:2],) * 4), {}


def _attention(rng: Rng, rank: int, example: Case) -> Drawn:
    lead = _lengths(rng, max(0, rank - 2), least=1)
    tokens, others, width, out = _lengths(rng, 4, least=1)
    return ((*lead, tokens, width), (*lead, others, width), (*lead, others, out)), {}


def _conv(rng: Rng, rank: int, example: Case) -> Drawn:
    """One to three axes of space, each long enough for the kernel to reach."""
    space = max(1, rank - 2)
    kernel, stride, dilation = (
        tuple(int(n) for n in rng.integers(1, 4, space)) for _ in range(3)
    )
    padding = tuple(int(n) for n in rng.integers(0, 3, space))
    least = [
        max(1, (k - 1) * d + 1 - 2 * p)
        for k, d, p in zip(kernel, dilation, padding, strict=True)
    ]
    batch, inner, out = _lengths(rng, 3, least=1)
    x = (batch, inner, *(n + int(rng.integers(0, 4)) for n in least))
    shapes = (x, (out, inner, *kernel), (out,))[: len(example.shapes)]
    return shapes, {"stride": stride, "dilation": dilation, "padding": padding}


def _conv_transpose(rng: Rng, rank: int, example: Case) -> Drawn:
    """From what a convolution gives back to what it was given."""
    (x, weight), attributes = _conv(rng, rank, example)
    (start,) = (ops.get("conv").shape(x, weight, **attributes),)
    return (start, weight), {**attributes, "length": x[2:]}


RULES: Mapping[str, Callable[[Rng, int, Case], Drawn]] = {
    "permute_dims": _permute_dims, "reshape": _reshape, "expand_dims": _expand_dims, "squeeze": _squeeze, "broadcast_to": _broadcast_to,
    "concat": _concat, "stack": _stack, "split": _split, "unstack": _along, "slice": _slice, "pad": _pad, "take": _take,
    "take_along_axis": _take_along_axis, "scatter_add": _scatter_add, "flip": _along, "roll": _roll, "tile": _repeated,
    "repeat": _repeated, "dropout": _dropout, "matmul": _matmul, "linear": _linear, "layer_norm": _layer_norm, "batch_norm": _batch_norm,
    "batch_norm_train": _batch_norm, "attention": _attention, "conv": _conv, "conv_transpose": _conv_transpose, "softmax": _along,
    "vector_norm": _along,
}  # fmt: skip
