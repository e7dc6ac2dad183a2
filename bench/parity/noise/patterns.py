"""The kinds of noise that a model draws, each once, and small graphs that draw nothing else."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from models import dims
from models.builder import Builder
from models.dims import Dim, Length, Shape
from models.graph import Graph, Node, Noise, Type
from models.value import Value, emit

Arrays = dict[str, np.ndarray]
# Numbers of one noise in one call. Over all calls of a graph they come to 60,000 or more, of
# which a share that is off by 0.02 lies eight standard errors off.
DRAWS = 2**14
RARE = 500  # of the rarer answer there are to be so many, or its share would say little
MOST = 2**17  # numbers of one noise in one call, however rare an answer is
# Entries of the last fixed axis with draws of its own, so that rows and columns are both long.
# Of all others: XLA compiles a generator twice as long where several are long.
WIDE, SHORT = 128, 2
COPIES = "ab"  # noise inputs of one pattern in one graph, which must differ


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """One kind of noise, and the node of the model that reads it first.

    `shape` is that of the tensor it meets, `noise.type.shape` broadcasts to it; `lengths` are
    those of their open axes.
    """

    name: str  # of the noise in the model
    op: str
    where: str  # model file and line
    noise: Noise
    rate: float | None  # of a dropout; None where the noise is read by something else
    shape: Shape
    lengths: dict[str, int]

    @property
    def bound(self) -> tuple[int, ...]:
        """The shape of the tensor that the noise meets, in numbers."""
        return dims.bind(self.shape, self.lengths)

    @property
    def shared(self) -> tuple[int, ...]:
        """Axes of that tensor along which one draw holds for all."""
        padded = _padded(self.noise.type.shape, self.shape)
        own = dims.bind(padded, self.lengths)
        whole = self.bound
        return tuple(i for i, length in enumerate(own) if length < whole[i])

    def fixed(self) -> Pattern:
        """The same with numbers for open axes: parameters have no others."""
        own = dims.bind(self.noise.type.shape, self.lengths)
        noise = replace(self.noise, type=Type(own))
        return replace(self, noise=noise, shape=self.bound, lengths={})

    def met(self, builder: Builder, x: Value, name: str) -> Value:
        """`x` under noise of this kind, drawn for it alone."""
        asked = self.noise
        with builder.at(self.where):
            drawn = builder.noise(
                name,
                asked.type.shape,
                kind=asked.kind,
                number=asked.number,
            )
            if self.rate is None:
                return x * drawn
            return emit("dropout", x, drawn, rate=self.rate)

    def fed(self, rng: np.random.Generator) -> np.ndarray:
        """What meets the noise: of either sign and clear of 0, so that what is dropped shows.

        Ones where the noise itself is looked at.
        """
        if self.rate is None:
            return np.ones(self.bound, np.float32)
        sizes = rng.uniform(0.5, 1.5, self.bound)
        return np.asarray(sizes * rng.choice([-1, 1], self.bound), np.float32)


def found(graph: Graph) -> list[Pattern]:
    """Every kind of noise that nodes of a graph read, in their order."""
    kept: dict[object, Pattern] = {}
    for node, name, asked in _read(graph):
        dropout = node.op == "dropout" and node.inputs[1] == name
        rate = node.attributes["rate"] if dropout else None
        # what is read by something else is looked at by itself
        met = graph.types[str(node.inputs[0])] if dropout else asked.type
        own = _padded(asked.type.shape, met.shape)
        form = tuple(map(_form, met.shape, own))
        key = (asked.kind, asked.number, rate, form)
        if key not in kept:
            mark = f"_{len(kept)}"
            kept[key] = _pattern(node, name, asked, met.shape, rate, mark)
    return list(kept.values())


def forward(patterns: Sequence[Pattern]) -> Graph:
    """Each pattern COPIES times on an input `xI`, with outputs `yIa`, `yIb`; axes stay open."""
    builder = Builder("noise")
    for i, pattern in enumerate(patterns):
        alone = set(map(dims.axis_name, pattern.shape))
        if pattern.lengths.keys() - alone:
            # first: frameworks learn a length from an input that has it as an axis
            builder.input(f"axes{i}", tuple(pattern.lengths))
        x = builder.input(f"x{i}", pattern.shape)
        for copy in COPIES:
            value = pattern.met(builder, x, f"noise{i}{copy}")
            builder.output(f"y{i}{copy}", value)
    return builder.finish()


def training(patterns: Sequence[Pattern]) -> Graph:
    """A loss whose gradient in parameter `wIa` is what the noise makes of input `xI`."""
    builder = Builder("noise_train")
    losses = []
    for i, pattern in enumerate(one.fixed() for one in patterns):
        x = builder.input(f"x{i}", pattern.shape)
        for copy in COPIES:
            w = builder.param(f"w{i}{copy}", pattern.shape, init=("ones", 0.0))
            value = pattern.met(builder, x * w, f"noise{i}{copy}")
            axes = tuple(range(len(pattern.shape)))
            # a number is its own sum
            losses.append(value.sum(axis=axes, keepdims=False) if axes else value)
    # not sum(): it starts from 0, which would be a node more
    total = losses[0]
    for loss in losses[1:]:
        total = total + loss
    builder.output("loss", total)
    return builder.finish()


def feeds(patterns: Sequence[Pattern], rng: np.random.Generator) -> Arrays:
    """The inputs of both graphs."""
    fed: Arrays = {}
    for i, pattern in enumerate(patterns):
        fed[f"x{i}"] = pattern.fed(rng)
        fed[f"axes{i}"] = np.zeros(tuple(pattern.lengths.values()), np.float32)
    return fed


def _pattern(
    node: Node,
    name: str,
    asked: Noise,
    met: Shape,
    rate: float | None,
    mark: str,
) -> Pattern:
    shape, own = _resized(met, asked, mark)
    return Pattern(
        name=name,
        op=node.op,
        where=node.where,
        noise=replace(asked, type=Type(own)),
        rate=rate,
        shape=shape,
        lengths=_lengths(shape, own, _due(asked)),
    )


def _read(graph: Graph) -> Iterator[tuple[Node, str, Noise]]:
    for node in graph.nodes:
        for name in node.values():
            if name in graph.noise:
                yield node, name, graph.noise[name]


def _padded(own: Shape, whole: Shape) -> Shape:
    """A shape of the other's rank: axes that are missing lie in front, as in NumPy."""
    ones = (1,) * (len(whole) - len(own))
    return (*ones, *own)


def _form(length: Length, own: Length) -> tuple[bool, bool]:
    """What matters of an axis: whether it is open, and whether it has draws of its own."""
    return isinstance(length, Dim), own == length


def _due(noise: Noise) -> int:
    """How many numbers one call is to draw."""
    if noise.kind != "bernoulli":
        return DRAWS
    rarer = max(min(noise.number, 1 - noise.number), RARE / MOST)
    return max(DRAWS, math.ceil(RARE / rarer))


def _resized(
    whole: Shape,
    noise: Noise,
    mark: str,
) -> tuple[Shape, Shape]:
    """Both shapes, short where they are fixed; axis names end in `mark`.

    Each pattern has open axes of its own, as long as it needs them.
    """
    own = _padded(noise.type.shape, whole)
    shape = [_open(length, f"{mark}_{i}", mark) for i, length in enumerate(whole)]
    drawn = [i for i, length in enumerate(whole) if own[i] == length]
    fixed = [i for i in drawn if shape[i] == SHORT]
    if fixed:
        shape[fixed[-1]] = WIDE
    # an axis along which one draw holds for all stays one
    kept = [shape[i] if i in drawn else 1 for i in range(len(whole))]
    if not any(isinstance(length, Dim) for length in kept):
        _lengthen(shape, kept, _due(noise))
    # axes that were put in front go again
    missing = len(whole) - len(noise.type.shape)
    return tuple(shape), tuple(kept[missing:])


def _open(
    length: Length,
    own: str,
    mark: str,
) -> Length:
    """An open length under names of its own, a fixed one short."""
    if not isinstance(length, Dim):
        return min(length, SHORT)
    if any(factor < 0 for _, factor in length.terms):
        # `frames - 26` may have no entry, which is no matter here
        return dims.symbol(f"axis{own}")
    names = dims.names_in(length)
    return length.bind({name: dims.symbol(name + mark) for name in names})


def _lengthen(
    shape: list[Length],
    own: list[Length],
    due: int,
) -> None:
    """Make a fixed axis longer where no open one can give the draws that are due."""
    for i, length in enumerate(own):
        if length != 1:
            draws = math.prod(dims.bind(own, {}))
            shape[i] = own[i] = length * math.ceil(due / draws)
            return
    # one draw for all of a call: there are as many as calls


def _lengths(
    shape: Shape,
    own: Shape,
    due: int,
) -> dict[str, int]:
    """Open axes of a few entries, but for one that gives the draws that are due."""
    names = sorted(set().union(*map(dims.names_in, shape)))
    lengths = dict.fromkeys(names, SHORT)
    growing = [name for length in own for name in sorted(dims.names_in(length))]
    while growing and math.prod(dims.bind(own, lengths)) < due:
        lengths[growing[0]] *= 2
    return lengths
