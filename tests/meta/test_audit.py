"""A part of the audit on every backend under test: faults of each kind, and what shows them.

The whole of it is `python -m bench audit`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import backends
from backends.base import Backend
from bench.records import AuditRow
from tests.meta.small_audits import rows_of

# cases of the exam are infinite on purpose, and compilers warn of their own future
pytestmark = [
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
# fault -> what must show it, under the smoke profile; on every backend, as each has its own way
# to be wrong in them
PART = {
    "gelu: tanh form for the exact one": "parity: forward",
    "batch_norm_train: momentum swapped": "parity: forward",
    "matmul: right factor transposed where square": "shape_ops: value, gradient",
    "sparse_matmul: of repeated entries the last": "shape_ops: value",
    "relu: cut": "parity: gradient",
    "dropout drops nothing": "parity: noise",
    "beta1 0.95 always": "parity: step",
    "running statistics never move": "parity: update",
    "bf16 asked for, fp32 run": "parity: half",
    "bf16 asked for, fp32 trained in": "parity: half",
    "bf16: weights are kept in it": "parity: half",
    "cuda computes on the CPU: training": "train",
}
# of the harness alone, whatever runs below it: the oracle has them for all
OF_THE_HARNESS = {
    "load works once": "parity: calls",
    "put shares memory": "parity: calls",
    "put takes inputs by their order": "parity",
    "outputs in float64": "",  # to the oracle the ladder gives float64
    "flip averaging: not mirrored back": "evaluate",
    "start: another seed": "train",
}


@pytest.fixture(scope="module")
def rows(
    backend: Backend, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, AuditRow]:
    """One audit for all of the tests below."""
    return rows_of(backend, tmp_path_factory.mktemp("audit"), list(PART))


@pytest.mark.parametrize("fault", OF_THE_HARNESS)
def test_a_fault_of_the_harness_is_caught_by_smoke(fault: str, tmp_path: Path) -> None:
    found = rows_of(backends.load("numpy"), tmp_path, [fault])[fault]
    assert (found.result, found.profile) == ("caught", "smoke"), found.note
    due = OF_THE_HARNESS[fault]
    assert any(by.startswith(due) for by in found.by), found.by


@pytest.mark.parametrize("fault", PART)
def test_a_fault_is_caught_by_smoke_and_blamed_on_its_op_and_line(
    fault: str, rows: dict[str, AuditRow]
) -> None:
    row = rows[fault]
    if row.result == "not_applicable":
        assert row.note, "a fault that a backend cannot have has a reason"
        return
    assert (row.result, row.profile) == ("caught", "smoke"), row.note
    assert any(by.startswith(PART[fault]) for by in row.by), row.by
    assert row.op_right is not False, row.note
    assert row.line_right is not False, row.note


def test_the_backend_without_a_fault_is_accused_of_nothing(
    rows: dict[str, AuditRow],
) -> None:
    controls = [row for row in rows.values() if row.kind == "none"]
    # of the exam, of the ladder and of a training
    assert len(controls) > 2
    assert [row.note for row in controls if row.result != "clean"] == []


def test_hardly_any_fault_is_left_out(rows: dict[str, AuditRow]) -> None:
    # the oracle draws no noise, has no half, and knows one device
    absent = [row for row in rows.values() if row.result == "not_applicable"]
    assert len(absent) <= 5, absent
