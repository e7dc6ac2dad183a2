"""Memory that ran out is known by what each framework says of it, and by the kernel's count."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from backends.base import Settings
from backends.numpy.backend import NumpyBackend
from backends.numpy.program import NumpyProgram
from bench.processes import blame, contract, memory
from bench.processes.contract import Watch
from bench.processes.memory import OutOfMemory
from models.builder import Builder
from models.graph import Graph

# as the frameworks word it, on the host and on devices
SAID = [
    "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of",
    "MPS backend out of memory (MPS allocated: 9.05 GB, max allowed: 9.07 GB)",
    "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    (
        "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory:"
        " you tried to allocate 4000000000000000 bytes. Error code 12 (Cannot allocate memory)"
    ),
    "DefaultCPUAllocator: not enough memory: you tried to allocate 40000 bytes.",
    "RESOURCE_EXHAUSTED: Out of memory allocating 40000000000000 bytes.",
    (
        "{{function_node __wrapped__Fill_device_/job:localhost/replica:0/task:0/device:CPU:0}} OOM"
        " when allocating tensor with shape[1000000,1000000] and type float"
    ),
    (
        "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Exception during initialization:"
        " Failed to allocate memory for requested buffer of size 4000000000000"
    ),
    "[ONNXRuntimeError] : 1 : FAIL : bad allocation",
    "std::bad_alloc",
    "CUDA_ERROR_OUT_OF_MEMORY: out of memory",
]


class ResourceExhaustedError(Exception):
    """Named as a framework's own; its text need not say it."""


class Hungry(NumpyProgram):
    """Raises what it is given when it is run."""

    error: Exception

    def run(self, feeds: object) -> dict[str, object]:
        raise self.error


class HungryBackend(NumpyBackend):
    """Makes hungry programs."""

    def program(self, graph: Graph, settings: Settings) -> Hungry:
        return Hungry(graph, settings)


def graph() -> Graph:
    builder = Builder("small")
    builder.output("y", builder.input("x", (2, 3)).relu())
    return builder.finish()


@pytest.mark.parametrize("text", SAID)
def test_every_framework_is_understood(text: str) -> None:
    found = blame.lost(RuntimeError(text))
    assert found.status == "out_of_memory"
    assert text[:40] in found.reason
    assert found.reason.endswith("; lower the batch or the model's sizes")


def test_by_class_by_cause_and_at_the_end_of_a_long_text() -> None:
    assert memory.ran_out(ResourceExhaustedError("no"))
    assert memory.ran_out(MemoryError())
    assert memory.ran_out(RuntimeError("node\n" * 100_000 + "OOM when allocating"))
    wrapped = RuntimeError("the graph failed")
    wrapped.__cause__ = RuntimeError("out of memory")
    assert memory.ran_out(wrapped)


@pytest.mark.parametrize(
    "text",
    ["the layout in memory differs", "cannot allocate a device", "resource busy", ""],
)
def test_other_errors_are_not(text: str) -> None:
    assert blame.lost(RuntimeError(text)).status == "failed"


def test_numpys_own_is_told_with_its_size() -> None:
    with pytest.raises(MemoryError) as caught:
        np.empty((10**9, 10**6))
    found = blame.lost(caught.value)
    assert found.status == "out_of_memory"
    assert "Unable to allocate" in found.reason


def test_at_the_border_it_becomes_one_class_that_names_the_method() -> None:
    """Whoever goes on past other errors then lets it through, whichever framework runs."""
    watched = contract.watched(HungryBackend(), Watch())
    program = watched.program(graph(), Settings(precision="fp32"))
    contract.bare(program).error = RuntimeError("CUDA out of memory")
    with pytest.raises(OutOfMemory) as caught:
        program({"x": np.ones((2, 3), np.float32)})
    said = "Hungry.run raised RuntimeError: CUDA out of memory (test_memory.py:"
    assert blame.said(caught.value).startswith(said)
    assert blame.lost(caught.value).reason.startswith(said)


def test_the_kernels_count_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "vmstat"
    monkeypatch.setattr(memory, "COUNTS", file)
    assert memory.kills() is None
    file.write_text("pgfault 12\noom_kill 3\ndrop_slab 0\n")
    assert memory.kills() == 3
    file.write_text("pgfault 12\n")
    assert memory.kills() is None


def test_an_error_that_is_its_own_cause_is_asked_once() -> None:
    error = ValueError("no memory is meant")
    error.__cause__ = error
    assert not memory.ran_out(error)
