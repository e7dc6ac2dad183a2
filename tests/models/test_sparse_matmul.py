"""A fixed sparse matrix: shared by its name, and the same product as its dense twin."""

from __future__ import annotations

import numpy as np
import pytest

from backends.base import Backend, Settings
from models.builder import Builder
from models.errors import SpecError
from models.graph import Graph
from tests.asserts import assert_close

N, LENGTH, ENTRIES = 150, 160, 700  # more places than ONNX writes out


def matrix() -> dict[str, np.ndarray]:
    draw = np.random.default_rng(0)
    return {
        "rows": draw.integers(0, LENGTH, ENTRIES),
        "columns": draw.integers(0, N, ENTRIES),
        "values": draw.normal(size=ENTRIES).astype(np.float32),
    }


def twice() -> Graph:
    """Two products with one matrix."""
    g = Builder("mesh")
    for name in ("x", "y"):
        x = g.input(name, ("batch", N, 3))
        out = x.sparse_matmul(**matrix(), length=LENGTH, name="A")
        g.output(f"A{name}", out)
    return g.finish()


def test_calls_with_one_name_share_one_matrix() -> None:
    graph = twice()
    assert set(graph.constants) == {"A.rows", "A.columns", "A.values"}
    assert graph.types[graph.outputs["Ax"]].shape[1:] == (LENGTH, 3)


def test_it_is_the_product_with_the_matrix_written_out(backend: Backend) -> None:
    draw = np.random.default_rng(1)
    x, y = (draw.normal(size=(4, N, 3)).astype(np.float32) for _ in range(2))
    came = backend.program(twice(), Settings())({"x": x, "y": y})
    table = matrix()
    dense = np.zeros((LENGTH, N))
    np.add.at(dense, (table["rows"], table["columns"]), table["values"])
    assert_close(came["Ax"], dense @ x, rtol=1e-5, what="A x")
    assert_close(came["Ay"], dense @ y, rtol=1e-5, what="A y")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"rows": np.arange(3)}, "values, rows and columns must be as many"),
        ({"values": np.arange(ENTRIES)}, "dtypes differ"),
        ({"rows": np.ones(ENTRIES)}, "rows and columns must be integers, not float32"),
        ({"rows": np.full(ENTRIES, LENGTH)}, "rows from 0 to 159 were due, 160 came"),
        ({"columns": np.full(ENTRIES, -1)}, "columns from 0 to 149 were due, -1 came"),
    ],
    ids=["too few rows", "whole values", "rows of floats", "a row", "a column"],
)
def test_a_matrix_that_does_not_fit_is_refused(
    changed: dict[str, np.ndarray], said: str
) -> None:
    x = Builder("mesh").input("x", ("batch", N, 3))
    with pytest.raises(SpecError, match=said) as caught:
        x.sparse_matmul(**{**matrix(), **changed}, length=LENGTH, name="A")
    assert "\n" not in str(caught.value)
