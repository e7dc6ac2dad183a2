"""Passes keep the meaning: decompose, to_inference, prune."""

from __future__ import annotations

import numpy as np
import pytest

import models
from backends.base import Settings
from backends.numpy.program import NumpyProgram
from models import ops, params
from models.builder import Builder
from models.graph import Graph, check
from models.params import Arrays
from models.passes import decompose, inline, prune, to_inference
from models.wrappers import declared
from tests.asserts import assert_close

FP64 = Settings(precision="fp64")


def network() -> Graph:
    """Compositions, dropout, batch statistics, a label, and a branch that nothing needs."""
    g = Builder("net.train")
    x = g.input("x", ("batch", 6))
    unused = g.input("extra", ("batch", 6)).relu()
    h = x.linear(5, name="fc")
    h = h.batch_norm(eps=1e-3, momentum=0.2, train=True, name="bn")
    h = h.gelu(approximate="none")
    h = h.dropout(rate=0.5, name="drop")
    g.label("hidden", h)
    h = h.layer_norm(eps=1e-6, name="ln").softmax(axis=-1)
    g.label("gone", unused)
    g.output("y", h)
    square = h * h
    g.output("loss", square.mean(axis=(0, 1), keepdims=False))
    return g.finish()


def feeds(graph: Graph, *, batch: int = 8) -> Arrays:
    draw = np.random.default_rng(0)
    arrays = {name: draw.normal(size=(batch, 6)) for name in graph.inputs}
    for name in graph.noise:
        mask = draw.random((batch, 5)) < 0.5
        arrays[name] = mask.astype(float)
    return arrays


def run(graph: Graph, weights: Arrays) -> tuple[Arrays, Arrays]:
    """Outputs, and the parameters after the run."""
    program = NumpyProgram(graph, FP64)
    program.load(weights)
    outputs = program(feeds(graph))
    return outputs, program.params()


def test_decompose_leaves_primitives_that_compute_the_same() -> None:
    graph = network()
    flat = decompose(graph, has=())
    assert all(ops.get(op).body is None for op in flat.census())
    weights = params.draw(graph.params, seed=1)
    # float64 in both: what differs is the order of a few sums
    due, state = run(graph, weights)
    came, moved = run(flat, weights)
    for name, array in (due | state).items():
        assert_close((came | moved)[name], array, rtol=1e-12, what=name)


def test_decompose_stops_at_what_a_backend_has() -> None:
    census = decompose(network(), has={"layer_norm", "mean"}).census()
    assert census["layer_norm"] == 1
    assert "gelu" not in census
    assert "softmax" not in census
    # the statistics of batch_norm_train, and the loss
    assert census["mean"] >= 2, "bodies keep the kernel that is there"


def test_what_a_body_made_is_still_the_authors_line() -> None:
    flat = decompose(network(), has=())
    files = {node.where.rpartition(":")[0] for node in flat.nodes}
    assert files == {"tests/models/test_passes.py"}


def test_inference_has_no_noise_no_batch_statistics_no_loss() -> None:
    graph = to_inference(network(), outputs=["y"])
    assert graph.name == "net.infer"
    assert not graph.noise
    assert not graph.state
    assert set(graph.outputs) == {"y"}
    assert set(graph.inputs) == {"x"}
    census = graph.census()
    assert "batch_norm" in census
    assert not {"batch_norm_train", "dropout"} & census.keys()
    kept = "a checkpoint of one graph fits the other"
    assert graph.params.keys() == network().params.keys(), kept


def test_inference_uses_the_running_statistics() -> None:
    graph = to_inference(network(), outputs=["y"])
    weights = params.draw(graph.params, seed=1)
    due = run(graph, weights)[0]["y"]
    moved = weights | {"bn.running_mean": weights["bn.running_mean"] + 1}
    assert not np.allclose(due, run(graph, moved)[0]["y"])
    # a sample by itself comes out as in its batch: nothing is taken from the others
    alone = NumpyProgram(graph, FP64)
    alone.load(weights)
    sample = feeds(graph)["x"][:1]
    came = alone({"x": sample})["y"]
    assert_close(came, due[:1], rtol=1e-12, what="a sample by itself")


def test_prune_drops_what_nothing_needs() -> None:
    graph = prune(network())
    assert "extra" not in graph.inputs
    assert "gone" not in graph.labels
    assert "hidden" in graph.labels
    assert len(graph.nodes) == len(network().nodes) - 1
    # asked for alone, an inner value needs less
    inner = prune(graph.with_outputs("hidden"))
    assert len(inner.nodes) < len(graph.nodes)


@pytest.mark.parametrize("name", models.networks())
def test_passes_leave_zoo_graphs_sound(name: str) -> None:
    spec = models.build(name, preset="small")
    for graph in (spec.train, spec.infer):
        # what a backend without one composition would be given
        flat = decompose(graph, has=())
        assert check(flat) is flat
        assert flat.params == graph.params
        assert flat.inputs == graph.inputs
        assert flat.outputs.keys() == graph.outputs.keys()


def test_noise_of_a_graph_is_noise_of_the_one_around_it() -> None:
    g = Builder("inner")
    x = g.input("x", ("batch", 3))
    g.output("y", x + g.noise("draw", x.shape, kind="normal", number=1.0))
    inner = g.finish()
    outer = Builder("outer")
    given = outer.input("x", ("batch", 3))
    fed = {"x": given, **declared(outer, inner)}
    # a second call on the same draw, as of the mirror image
    once, again = (inline(outer, inner, fed)["y"] for _ in range(2))
    outer.output("y", once + again)
    assert list(outer.finish().noise) == ["draw"]
