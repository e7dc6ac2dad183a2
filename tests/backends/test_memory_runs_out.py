"""A result that no machine holds is `out_of_memory`, in whatever words a framework says so."""

from __future__ import annotations

import numpy as np

from backends.base import Backend, Settings
from bench.processes import blame, contract
from bench.processes.contract import Watch
from bench.processes.memory import OutOfMemory
from models.builder import Builder
from models.graph import Graph

LENGTH = (
    10_000_000  # its square, in float32, is 400 TB: more than a process can address
)


def outer() -> Graph:
    """A column and a row, whose sum is a table."""
    builder = Builder("outer")
    column = builder.input("column", ("rows", 1))
    row = builder.input("row", (1, "columns"))
    builder.output("y", column + row)
    return builder.finish()


def test_a_framework_without_memory_is_understood(backend: Backend) -> None:
    watched = contract.watched(backend, Watch())
    program = watched.program(outer(), Settings(device="cpu", precision="fp32"))
    line = np.ones(LENGTH, np.float32)
    try:
        program({"column": line[:, None], "row": line[None]})
    except OutOfMemory as error:
        found = blame.lost(error)
    assert found.status == "out_of_memory"
    assert " raised " in found.reason
    # the next call finds a framework that works
    small = program({"column": np.ones((2, 1), np.float32), "row": line[None, :3]})
    np.testing.assert_array_equal(small["y"], np.full((2, 3), 2, np.float32))
