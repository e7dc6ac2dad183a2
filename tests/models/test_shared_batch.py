"""A graph for one of several replicas gives the whole batch's loss, or says why it cannot."""

from __future__ import annotations

import numpy as np
import pytest

import models
from backends.base import Settings
from backends.numpy.program import NumpyProgram
from models import dims, params
from models.builder import Builder
from models.errors import SpecError
from models.graph import Graph
from models.shared_batch import is_shared, shared
from tests.zoo import tiny

BATCH = 3
REFUSED = ("poseflow",)  # its latent loss compares the samples of a batch


def fed(graph: Graph, frames: int, *, copies: int) -> dict[str, np.ndarray]:
    """Feeds whose batch is the same samples so many times."""
    rng = np.random.default_rng(0)
    feeds = {}
    types = dict(graph.inputs) | {name: one.type for name, one in graph.noise.items()}
    for name, type_ in types.items():
        shape = dims.bind(type_.shape, {"batch": BATCH, "frames": frames})
        array = rng.random(shape).astype(type_.dtype)
        if is_shared(type_.shape):
            array = np.concatenate([array] * copies)
        feeds[name] = array
    return feeds


def results(graph: Graph, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    program = NumpyProgram(graph, Settings(precision="fp64"))
    program.load(params.draw(graph.params, seed=0))
    loss = program(feeds)["loss"]
    held = program.params()
    return {"loss": loss, **{name: held[name] for name in graph.state}}


@pytest.mark.parametrize("name", [one for one in models.names() if one not in REFUSED])
def test_a_share_that_is_like_the_others_gives_what_the_whole_batch_gives(
    name: str,
) -> None:
    spec = tiny(name)
    graph = spec.train
    # to NumPy, replica_mean is of one alone: the others would have the same
    came = results(shared(graph, 2), fed(graph, spec.frames, copies=1))
    due = results(graph, fed(graph, spec.frames, copies=2))
    for each, array in due.items():
        np.testing.assert_allclose(came[each], array, rtol=1e-9, atol=1e-12)


def scalar(how: str) -> Graph:
    """A loss of (batch, 4) that looks across the batch."""
    g = Builder("toy.train")
    x = g.input("x", ("batch", 4))
    made = {
        "sort": lambda: x.sort(axis=0, descending=False),
        "cumsum": lambda: x.cumsum(axis=0),
        "max": lambda: x.max(axis=0, keepdims=True),
        "flip": lambda: x.flip(axis=0),
        "softmax": lambda: x.permute_dims((1, 0)).softmax(axis=1),
        "matmul": lambda: x.permute_dims((1, 0)).matmul(x),
        "reshape": lambda: x.permute_dims((1, 0)).reshape(("batch", 4)),
    }[how]()
    g.output("loss", made.mean(axis=(0, 1), keepdims=False))
    return g.finish()


@pytest.mark.parametrize(
    "how", ["sort", "cumsum", "max", "flip", "softmax", "matmul", "reshape"]
)
def test_what_looks_across_samples_otherwise_is_refused_by_name(how: str) -> None:
    # a composition is named by what its body needs
    with pytest.raises(SpecError, match="looks across the samples of a batch"):
        shared(scalar(how), 2)


def test_a_loss_between_samples_is_refused_with_its_line() -> None:
    with pytest.raises(SpecError, match=r"poseflow\.py:\d+\): subtract looks across"):
        shared(tiny("poseflow").train, 2)


@pytest.mark.parametrize("how", ["sum", "mean", "var", "logsumexp"])
def test_reductions_are_of_the_whole_batch_or_refused(how: str) -> None:
    g = Builder("toy.train")
    x = g.input("x", ("batch", 4))
    reduced = getattr(x, how)(axis=0, keepdims=False)
    g.output("loss", reduced.sum(axis=0, keepdims=False))
    graph = g.finish()
    if how == "logsumexp":
        # by the largest of the batch
        with pytest.raises(SpecError, match="max looks across"):
            shared(graph, 2)
        return
    came = results(shared(graph, 2), fed(graph, 1, copies=1))
    due = results(graph, fed(graph, 1, copies=2))
    np.testing.assert_allclose(came["loss"], due["loss"], rtol=1e-12)
