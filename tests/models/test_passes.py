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
from models.passes import decompose, prune, to_inference
from tests.asserts import assert_close

FP64 = Settings(precision="fp64")


def network() -> Graph:
    g = Builder("net.train")
    x = g.input("x", ("batch", 6))
    unused = g.input("extra", ("batch", 6)).relu()
    h = (
        x.linear(5, name="fc")
        .batch_norm(eps=1e-3, momentum=0.2, train=True, name="bn")
        .gelu(approximate="none")
    )
    h = (
        g.label("hidden", h.dropout(rate=0.5, name="drop"))
        .layer_norm(eps=1e-6, name="ln")
        .softmax(axis=-1)
    )
    g.label("gone", unused)
    g.output("y", h)
    g.output("loss", (h * h).mean(axis=(0, 1), keepdims=False))
    return g.finish()


def feeds(graph: Graph, *, batch: int = 8) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(0)
    inputs = {name: draw.normal(size=(batch, 6)) for name in graph.inputs}
    return inputs | {
        name: (draw.random((batch, 5)) < 0.5).astype(float) for name in graph.noise
    }


def run(
    graph: Graph, weights: dict[str, np.ndarray]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Outputs, and the parameters after the run."""
    program = NumpyProgram(graph, FP64)
    program.load(weights)
    return program(feeds(graph)), program.params()


def test_decompose_leaves_primitives_that_compute_the_same() -> None:
    graph, flat = network(), decompose(network(), has=())
    assert all(ops.get(op).body is None for op in flat.census())
    weights = params.draw(graph.params, seed=1)
    (due, state), (came, moved) = run(graph, weights), run(flat, weights)
    for name, array in (due | state).items():
        assert_close((came | moved)[name], array, rtol=1e-12, what=name)


def test_decompose_stops_at_what_a_backend_has() -> None:
    census = decompose(network(), has={"layer_norm", "mean"}).census()
    assert census["layer_norm"] == 1 and "gelu" not in census and "softmax" not in census
    assert census["mean"] >= 2, (
        "the statistics of batch_norm_train and the loss keep the kernel that is there"
    )


def test_what_a_body_made_is_still_the_authors_line() -> None:
    wheres = {node.where.rpartition(":")[0] for node in decompose(network(), has=()).nodes}
    assert wheres == {"tests/models/test_passes.py"}


def test_inference_has_no_noise_no_batch_statistics_no_loss() -> None:
    graph = to_inference(network(), outputs=["y"])
    assert graph.name == "net.infer" and not graph.noise and not graph.state
    assert set(graph.outputs) == {"y"} and set(graph.inputs) == {"x"}
    assert "batch_norm" in graph.census() and not {"batch_norm_train", "dropout"} & set(
        graph.census()
    )
    assert set(graph.params) == set(network().params), (
        "a checkpoint of one graph fits the other"
    )


def test_inference_uses_the_running_statistics() -> None:
    graph = to_inference(network(), outputs=["y"])
    weights = params.draw(graph.params, seed=1)
    moved = weights | {"bn.running_mean": weights["bn.running_mean"] + 1}
    assert not np.allclose(run(graph, weights)[0]["y"], run(graph, moved)[0]["y"])
    x = feeds(graph)["x"]
    alone = NumpyProgram(graph, FP64)
    alone.load(weights)
    assert_close(
        alone({"x": x[:1]})["y"],
        run(graph, weights)[0]["y"][:1],
        rtol=1e-12,
        what="a sample by itself",
    )


def test_prune_drops_what_nothing_needs() -> None:
    graph = prune(network())
    assert (
        "extra" not in graph.inputs
        and "gone" not in graph.labels
        and "hidden" in graph.labels
    )
    assert len(graph.nodes) == len(network().nodes) - 1
    assert len(prune(graph.with_outputs("hidden")).nodes) < len(graph.nodes)


@pytest.mark.parametrize("name", models.names())
def test_passes_leave_zoo_graphs_sound(name: str) -> None:
    spec = models.build(name, preset="small")
    for graph in (spec.train, spec.infer):
        flat = decompose(graph, has=())
        assert check(flat) is flat
        assert (
            flat.params == graph.params
            and flat.inputs == graph.inputs
            and set(flat.outputs) == set(graph.outputs)
        )
