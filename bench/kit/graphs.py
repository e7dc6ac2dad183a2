"""Graphs of a few nodes, each of which shows one part of the contract."""

from __future__ import annotations

from models.builder import Builder
from models.graph import Graph
from models.value import emit


def layer() -> Graph:
    """A linear layer at any batch, with a scalar and an input beside it as outputs."""
    g = Builder("layer")
    x = g.input("x", ("batch", 3))
    y = x.linear(4, name="fc").tanh()
    g.output("y", y)
    g.output("mean", y.mean(axis=(0, 1), keepdims=False))
    g.output("same", x)
    return g.finish()


def types() -> Graph:
    """Integers and truth values, into the program and out of it."""
    g = Builder("types")
    index = g.input("index", (3,), dtype="int64")
    x = g.input("x", (3,))
    g.output("counted", index + index)
    g.output("positive", emit("greater", x, 0.0))
    return g.finish()


def statistics() -> Graph:
    """Running statistics, which each call of a train graph moves."""
    g = Builder("statistics")
    x = g.input("x", ("batch", 3))
    g.output("y", x.batch_norm(eps=1e-5, momentum=0.1, train=True, name="bn"))
    return g.finish()


def training() -> Graph:
    """A loss with a parameter that it knows and one that it does not."""
    g = Builder("training")
    x = g.input("x", ("batch", 3)).linear(2, name="fc")
    g.param("dead", (2,), init=("ones", 0.0))
    g.output("pose", x)
    g.output("loss", (x * x).mean(axis=(0, 1), keepdims=False))
    return g.finish()


def noisy() -> Graph:
    """A mask of ones and zeros, which is fed or drawn."""
    g = Builder("noisy")
    x = g.input("x", ("batch", 50))
    w = g.param("w", (50,), init=("ones", 0.0))
    y = (x * w).dropout(rate=0.5, name="drop")
    g.output("pose", y)
    g.output("loss", y.mean(axis=(0, 1), keepdims=False))
    return g.finish()
