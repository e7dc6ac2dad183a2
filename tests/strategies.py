"""What tests are fed: inputs of an op's exam cases, graphs made of one op, and generated
shapes and axis patterns for property tests.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
from hypothesis import strategies as st

from models import dims, ops
from models.builder import Builder
from models.dims import Length
from models.graph import Graph
from models.ops import Case, Draw
from models.value import Value, emit_all

Arrays = dict[str, np.ndarray]
# running statistics: stored state, not weights
STATE = {"batch_norm": ("x3", "x4"), "batch_norm_train": ("x3", "x4")}
FLOATS: tuple[Draw, ...] = ("normal", "positive", "unit", "apart")


@dataclass(frozen=True)
class Question:
    """One case of one op."""

    op: str
    number: int
    case: Case

    def __str__(self) -> str:
        shapes = "_".join(
            "x".join(map(str, shape)) or "scalar" for shape in self.case.shapes
        )
        return f"{self.op}-{self.number}-{shapes}"

    def draws(self) -> tuple[Draw, ...]:
        """How each input is drawn."""
        return self.case.draws or ("normal",) * len(self.case.shapes)

    def floats(self) -> list[str]:
        """Names of the inputs that a gradient exists in."""
        return [
            f"x{i}"
            for i, draw in enumerate(self.draws())
            if draw in FLOATS and f"x{i}" not in STATE.get(self.op, ())
        ]

    def arrays(self) -> Arrays:
        """Inputs x0, x1, ... in float64, int64 or bool; the same at every call."""
        generator = np.random.default_rng(zlib.crc32(str(self).encode()))
        apart = _apart(generator, sum(int(np.prod(shape)) for shape in self.case.shapes))
        pairs = enumerate(zip(self.case.shapes, self.draws(), strict=True))
        return {
            f"x{i}": _array(generator, shape, draw, self.case.high, apart)
            for i, (shape, draw) in pairs
        }


def questions() -> list[Question]:
    """Every case of every op."""
    return [
        Question(name, i, case)
        for name, op in ops.table().items()
        for i, case in enumerate(op.cases)
    ]


def graph_of(*asked: Question) -> Graph:
    """Ops alone, side by side: floats are parameters, the rest inputs; outputs `out0`, ...,
    and `loss`, a weighted sum of results.

    Where there are several questions, names end in the mark of theirs, and `loss` is the
    sum of all.
    """
    g = Builder("_".join(dict.fromkeys(question.op for question in asked)))
    parts = [part for mark, question in marked(asked) for part in _emit(g, question, mark)]
    if parts:
        g.output("loss", reduce(add, parts))
    return g.finish()


def marked(asked: Sequence[Question]) -> Iterator[tuple[str, Question]]:
    """Questions with what their names end in; nothing where there is one alone."""
    return (
        (f"_{i}" if len(asked) > 1 else "", question) for i, question in enumerate(asked)
    )


def arrays_of(*asked: Question) -> Arrays:
    """What the graph of these questions is fed."""
    return {
        name + mark: array
        for mark, question in marked(asked)
        for name, array in question.arrays().items()
    }


def _emit(g: Builder, question: Question, mark: str) -> list[Value]:
    """Add the op with its outputs; the terms of its loss."""
    inputs = [
        _declare(g, question, name, array, mark)
        for name, array in question.arrays().items()
    ]
    results = emit_all(question.op, *inputs, **question.case.attributes)
    for i, result in enumerate(results):
        g.output(f"out{i}{mark}", result)
    if question.op in STATE:
        results = results[:1]  # the new state is no function of the loss in any framework
    return (
        _weighted(g, results, mark)
        if results[0].dtype == "float32" and question.floats()
        else []
    )


def _declare(
    g: Builder, question: Question, name: str, array: np.ndarray, mark: str
) -> Value:
    if array.dtype.kind != "f":
        return g.input(name + mark, array.shape, dtype=str(array.dtype))
    return g.param(
        name + mark,
        array.shape,
        init=("zeros", 0.0),
        trainable=name not in STATE.get(question.op, ()),
    )


def _weighted(g: Builder, results: tuple[Value, ...], mark: str) -> list[Value]:
    generator = np.random.default_rng(7)
    parts = []
    for i, result in enumerate(results):
        weights = g.constant(
            f"weights{i}{mark}", generator.normal(size=dims.bind(result.shape, {}))
        )
        parts.append(
            (result * weights).sum(axis=tuple(range(len(result.shape))), keepdims=False)
            if result.shape
            else result * weights
        )
    return parts


def _apart(generator: np.random.Generator, count: int) -> Iterator[float]:
    """Numbers 0.15 apart, none nearer to 0 than 0.07, in random order: no ties, no kinks
    within a finite difference.
    """
    return iter(((generator.permutation(count) - count // 2 + 0.5) * 0.15).tolist())


def _array(
    generator: np.random.Generator,
    shape: tuple[int, ...],
    draw: Draw,
    high: int,
    apart: Iterator[float],
) -> np.ndarray:
    match draw:
        case "positive":
            return np.asarray(generator.uniform(0.5, 2, shape))
        case "unit":
            return np.asarray(generator.uniform(-0.9, 0.9, shape))
        case "apart":
            return np.array(
                list(itertools.islice(apart, int(np.prod(shape)))), np.float64
            ).reshape(shape)
        case "index":
            return np.asarray(generator.integers(0, high, shape))
        case "bool":
            return np.asarray(generator.random(shape) < 0.5)
    return np.asarray(generator.normal(size=shape))


LENGTHS: Mapping[str, int] = {"batch": 3, "frames": 7, "joints": 5}


def lengths() -> st.SearchStrategy[Length]:
    """Numbers, axes, and sums and products of them; never deeper than two operations."""
    leaves = st.one_of(
        st.integers(-4, 9), st.sampled_from(sorted(LENGTHS)).map(dims.symbol)
    )
    pairs = st.tuples(leaves, leaves)
    return st.one_of(
        leaves,
        pairs.map(lambda pair: pair[0] + pair[1]),
        pairs.map(lambda pair: pair[0] * pair[1]),
    )


def shapes(*, low: int = 0) -> st.SearchStrategy[tuple[int, ...]]:
    """Up to four axes of length `low` to 4."""
    return st.lists(st.integers(low, 4), min_size=1, max_size=4).map(tuple)


@dataclass(frozen=True)
class Rearrangement:
    """A pattern with what it stands for: split the axes of `shape` into `split`, order
    them, merge them into `merged`.
    """

    pattern: str
    shape: tuple[int, ...]
    sizes: Mapping[str, int]
    split: tuple[int, ...]
    order: tuple[int, ...]
    merged: tuple[int, ...]


@st.composite
def rearrangements(draw: st.DrawFn) -> Rearrangement:
    """Any grouping of two to five named axes on both sides, with the size of every grouped
    axis given.
    """
    split = tuple(draw(st.lists(st.integers(1, 4), min_size=2, max_size=5)))
    names = "abcde"[: len(split)]
    order = tuple(draw(st.permutations(range(len(split)))))
    left, right = _grouping(draw, len(split)), _grouping(draw, len(split))
    moved = [split[i] for i in order]
    sides = (
        _side([names[i:j] for i, j in left]),
        _side(["".join(names[k] for k in order[i:j]) for i, j in right]),
    )
    return Rearrangement(
        pattern=" -> ".join(sides),
        shape=tuple(int(np.prod(split[i:j])) for i, j in left),
        sizes={
            name: length
            for (i, j) in left
            if j - i > 1
            for name, length in zip(names[i:j], split[i:j], strict=True)
        },
        split=split,
        order=order,
        merged=tuple(int(np.prod(moved[i:j])) for i, j in right),
    )


def _grouping(draw: st.DrawFn, count: int) -> list[tuple[int, int]]:
    """Cut `count` axes into runs."""
    cuts = sorted(draw(st.sets(st.integers(1, count - 1))))
    return list(itertools.pairwise([0, *cuts, count]))


def _side(groups: list[str]) -> str:
    return " ".join(
        group if len(group) == 1 else f"({' '.join(group)})" for group in groups
    )
