"""A .pt2 file takes one sample as it takes several, whatever its layers do with the layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from backends.base import Settings
from models import Value, params
from models.builder import Builder
from tests.asserts import assert_close

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from backends.torch.program import TorchProgram  # noqa: E402  # after the skip

TABLE = np.arange(24, dtype=np.float32).reshape(4, 6) / 24
PLACES = np.array([0, 2, 2, 5])


def table(x: Value) -> Value:
    return x.graph.constant("table", TABLE)


def sparse(x: Value) -> Value:
    """Rows of x (b, 6, 3), the first axis of which comes second meanwhile."""
    return x.sparse_matmul(
        rows=PLACES, columns=PLACES[::-1], values=TABLE[0, :4], length=6, name="graph"
    )


# of x (b, 6, 3); what PyTorch decides by whether a length is 1
LAYERS: dict[str, Callable[[Value], Value]] = {
    "a matrix times each sample": lambda x: table(x) @ x,
    "each sample times a matrix": lambda x: (
        sparse(x).rearrange("b v c -> b c v") @ table(x).permute_dims((1, 0))
    ),
    "a view reshaped": lambda x: x.rearrange("b v c -> (v b) c"),
    "elements of a view reshaped": lambda x: (
        sparse(x).relu().rearrange("b v c -> (b v) c")
    ),
    "a product of views": lambda x: (sparse(x) + x) @ x.rearrange("b v c -> b c v"),
}


@pytest.mark.parametrize("layer", LAYERS)
def test_a_file_takes_one_sample_and_several(layer: str, tmp_path: Path) -> None:
    g = Builder("layer")
    g.output("y", LAYERS[layer](g.input("x", ("batch", 6, 3))))
    graph = g.finish()
    program = TorchProgram(graph, Settings())
    program.load(params.draw(graph.params, seed=0))
    file = tmp_path / "layer.pt2"
    drawn = np.random.default_rng(0).normal(size=(5, 6, 3)).astype(np.float32)
    program.export(file, "torch", sample={"x": drawn[:2]}, about="{}")
    read = program.reopen(file, "torch")
    for batch in (1, 2, 5):
        given = {"x": drawn[:batch]}
        due = program(given)["y"]
        assert_close(read(given)["y"], due, rtol=1e-6, what=f"{layer}, {batch}")
