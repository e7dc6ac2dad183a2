"""A route computes what the op is defined to, on every case of its exam, and without the op."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from backends.base import Settings
from backends.numpy.program import NumpyProgram
from bench.exam.draws import draw
from bench.feasibility import routes
from models import Builder, Graph, ops
from models.ops import Case

NAMES = list(routes.table())
NEAR = 1e-13  # of float64, as a part of the largest value: routes add in another order
ASKED = [(name, case) for name in NAMES for case in ops.get(name).cases]


def graph(name: str, case: Case, arrays: Sequence[np.ndarray]) -> Graph:
    g = Builder(name)
    values = []
    for i, each in enumerate(arrays):
        dtype = "float32" if each.dtype.kind == "f" else str(each.dtype)
        values.append(g.input(f"x{i}", each.shape, dtype=dtype))
    g.output("y", routes.table()[name].route(*values, **case.attributes))
    return g.finish()


@pytest.mark.parametrize(("name", "case"), ASKED, ids=str)
def test_a_route_agrees_with_the_definition(name: str, case: Case) -> None:
    arrays = [
        each.astype(np.float64) if each.dtype.kind == "f" else each
        for each in draw(case, [0])
    ]
    due = ops.get(name).reference(*arrays, **case.attributes)
    program = NumpyProgram(graph(name, case, arrays), Settings(precision="fp64"))
    came = program({f"x{i}": each for i, each in enumerate(arrays)})["y"]
    assert came.shape == due.shape
    largest = np.abs(due).max(initial=1.0)
    bound = max(routes.table()[name].ERROR, NEAR) * largest
    np.testing.assert_allclose(came, due, rtol=0, atol=bound)


@pytest.mark.parametrize("name", NAMES)
def test_a_route_does_without_its_op(name: str) -> None:
    case = ops.get(name).cases[0]
    assert name not in graph(name, case, draw(case, [0])).census()


def test_the_bound_of_a_route_is_no_larger_than_its_error() -> None:
    """Of the error function: a term less would be seen."""
    x = np.linspace(-4, 4, 2001)
    case = Case((x.shape,))
    program = NumpyProgram(graph("erf", case, [x]), Settings(precision="fp64"))
    far = np.abs(program({"x0": x})["y"] - ops.get("erf").reference(x)).max()
    assert routes.table()["erf"].ERROR / 2 < far <= routes.table()["erf"].ERROR
