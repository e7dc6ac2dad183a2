"""The third-party exam is examined.

Planted faults fail the cases that show them, and a gap that is none is a failure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from backends.base import Settings
from backends.numpy import program
from backends.numpy.backend import NumpyBackend
from bench.exam.third_party import exam
from bench.exam.third_party.cases import Case
from bench.records import ThirdPartyRow
from tests.bench.exam.third_party_cases import CASES, case


def wrong_pad(
    x: np.ndarray, *, axis: int, before: int, after: int, value: float
) -> np.ndarray:
    """Another number than was asked for."""
    widths = [(0, 0)] * x.ndim
    widths[axis] = (before, after)
    return np.pad(x, widths, constant_values=value + 1)


def least(x: np.ndarray, *, axis: tuple[int, ...], keepdims: bool) -> np.ndarray:
    return np.min(x, axis=axis, keepdims=keepdims)


def mean(x: np.ndarray, *, axis: tuple[int, ...], keepdims: bool) -> np.ndarray:
    return np.mean(x, axis=axis, keepdims=keepdims)


def nothing_added(
    x: np.ndarray, index: np.ndarray, *, axis: int, length: int
) -> np.ndarray:
    return np.zeros((length, *x.shape[1:]), x.dtype)


def nothing_convolved(x: np.ndarray, weight: np.ndarray, **_: Any) -> np.ndarray:
    # of the right shape and type, so that the value alone is wrong
    return np.zeros((1, 1, 2, 2), x.dtype)


# op of the language -> what is planted in it, and cases that show it; others may fail too, as
# an ONNX operator is often several ops
FAULTS: dict[str, tuple[Callable[..., Any], set[str]]] = {
    "pad": (wrong_pad, {"averagepool"}),
    "max": (least, {"argmax", "attention"}),
    "flip": (lambda x, *, axis: x, {"slice"}),
    "scatter_add": (nothing_added, {"scatterelements", "scatternd"}),
    "conv": (nothing_convolved, {"conv"}),
    "layer_norm": (lambda x, weight, bias, *, eps: x, {"layernormalization"}),
    "sum": (mean, {"reducelogsum"}),
    "multiply": (np.add, {"gemm", "reduceprod"}),
}


def failed() -> set[str]:
    """Names of the hand-made cases that NumPy does not pass."""
    rows = exam.examine(NumpyBackend(), Settings(), CASES, {})
    return {row.case for row in rows if row.result == "failed"}


def asked(one: Case, declared: Mapping[str, str] | None = None) -> ThirdPartyRow:
    """The row of one case."""
    [row] = exam.examine(NumpyBackend(), Settings(), [one], declared or {})
    return row


@pytest.mark.parametrize("op", FAULTS)
def test_a_planted_fault_fails_the_cases_that_show_it(
    op: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel, due = FAULTS[op]
    # else a case that fails anyway would show the fault
    assert failed() == set()
    right = program.kernels
    monkeypatch.setattr(
        program, "kernels", lambda working: {**right(working), op: kernel}
    )
    assert failed() >= due


def test_a_kernel_that_raises_is_a_failure_with_its_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*arrays: np.ndarray) -> np.ndarray:
        raise RuntimeError("no such\nkernel")

    right = program.kernels
    monkeypatch.setattr(
        program, "kernels", lambda working: {**right(working), "exp": broken}
    )
    row = asked(case("Exp", [[1.0]], [[np.e]]))
    assert row.result == "failed"
    assert row.note.startswith("NumpyProgram.run raised RuntimeError: no such kernel (")


def test_what_raises_fails_alone_among_cases_of_one_program(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*arrays: np.ndarray) -> np.ndarray:
        raise RuntimeError("no such kernel")

    right = program.kernels
    monkeypatch.setattr(
        program, "kernels", lambda working: {**right(working), "exp": broken}
    )
    around = [case("Neg", [[x]], [[-x]], name=f"neg {x}") for x in (1.0, 2.0, 3.0)]
    cases = [*around[:2], case("Exp", [[1.0]], [[np.e]], name="exp"), around[2]]
    rows = list(exam.examine(NumpyBackend(), Settings(), cases, {}))
    assert [row.case for row in rows] == [one.name for one in cases]
    assert [row.result for row in rows] == ["passed", "passed", "failed", "passed"]


# one case twice, of which the second expects what is not so
RIGHT = case("Neg", [[1.0]], [[-1.0]], name="neg")
WRONG = case("Neg", [[1.0]], [[1.0]], name="neg")


def test_a_declared_gap_that_fails_is_a_gap_and_one_that_passes_a_failure() -> None:
    declared = {"neg": "its sign is unknown"}
    gap = asked(WRONG, declared)
    assert (gap.result, gap.note) == ("gap", "its sign is unknown")
    none = asked(RIGHT, declared)
    assert none.result == "failed"
    assert "take it out" in none.note
    assert asked(WRONG).result == "failed"


def test_an_op_that_the_backend_lacks_is_a_gap_with_its_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backend = NumpyBackend()
    # the oracle has every kernel, and no list of them
    monkeypatch.setattr(backend, "kernels", {}, raising=False)
    monkeypatch.setattr(
        backend, "gaps", {"negative": "never heard of it"}, raising=False
    )
    [row] = exam.examine(backend, Settings(), [RIGHT], {})
    assert (row.result, row.note) == ("gap", "negative: never heard of it")
