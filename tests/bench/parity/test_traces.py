"""Traces: what a backend computed, kept in a file, and two of them held against each other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.parity import traces
from bench.parity.traces import Row, Trace
from models.errors import BadInput

VALUE = np.arange(6.0).reshape(2, 3)
ROWS = {
    "forward/infer/pose": Row(VALUE, np.array(0.1), 5.0),
    "trajectory/train/loss": Row(np.array([3.0, 2.0]), np.array([0.01, 0.5]), 3.0),
}
TRACE = Trace("a", "m", "seed 0", ROWS)


def other(**rows: Row) -> Trace:
    """The same ladder elsewhere, with rows of its own."""
    return replace(
        TRACE,
        backend="b",
        rows={**ROWS, **{name.replace("__", "/"): row for name, row in rows.items()}},
    )


def test_a_trace_comes_back_as_it_was(tmp_path: Path) -> None:
    file = traces.path(tmp_path, "a", "m")
    # its bytes lie in another order
    turned = Row(np.asfortranarray(VALUE), np.array(0.1), 5.0)
    traces.save(file, replace(TRACE, rows={**ROWS, "forward/train/pose": turned}))
    back = traces.load(file)
    assert (back.backend, back.model, back.question) == ("a", "m", "seed 0")
    np.testing.assert_array_equal(back.rows["forward/train/pose"].value, VALUE)
    np.testing.assert_array_equal(back.rows["trajectory/train/loss"].allowed, [0.01, 0.5])
    assert back.rows["forward/infer/pose"].scale == 5.0
    assert [path.name for path in file.parent.iterdir()] == [file.name], (
        "nothing is left beside it"
    )


def test_what_is_no_trace_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="does not exist; run parity on that backend first"):
        traces.load(tmp_path / "none.safetensors")
    (tmp_path / "torn.safetensors").write_bytes(b"\x08")
    with pytest.raises(BadInput, match="is no trace of a parity ladder"):
        traces.load(tmp_path / "torn.safetensors")


def test_two_may_be_as_far_apart_as_both_budgets_together() -> None:
    near, far = Row(VALUE + 0.19, np.array(0.1), 5.0), Row(VALUE + 0.21, np.array(0.1), 5.0)
    assert all(
        check.ok for check in traces.compare(TRACE, other(forward__infer__pose=near))
    )
    wrong = [
        check
        for check in traces.compare(TRACE, other(forward__infer__pose=far))
        if not check.ok
    ]
    assert [(check.kind, check.graph, check.name) for check in wrong] == [
        ("forward", "infer", "pose")
    ]
    assert wrong[0].error == pytest.approx(0.21 / 5) and wrong[0].bound == pytest.approx(
        0.2 / 5
    )


def test_budgets_may_differ_from_step_to_step() -> None:
    late = Row(np.array([3.0, 2.9]), np.array([0.01, 0.5]), 3.0)
    early = Row(np.array([3.1, 2.0]), np.array([0.01, 0.5]), 3.0)
    assert all(
        check.ok for check in traces.compare(TRACE, other(trajectory__train__loss=late))
    )
    assert not all(
        check.ok for check in traces.compare(TRACE, other(trajectory__train__loss=early))
    )


@pytest.mark.parametrize("value", [np.full((2, 3), np.nan), VALUE.T, VALUE[:1]])
def test_what_is_no_number_or_has_another_shape_fails(value: np.ndarray) -> None:
    checks = traces.compare(
        TRACE, other(forward__infer__pose=Row(value, np.array(1e9), 5.0))
    )
    assert [check.ok for check in checks] == [False, True] and checks[0].error is None


def test_a_value_that_one_does_not_have_fails() -> None:
    checks = traces.compare(TRACE, other(state__train__mean=ROWS["forward/infer/pose"]))
    assert [(check.name, check.note) for check in checks if not check.ok] == [
        ("mean", "only one of the two has it")
    ]


def test_ladders_of_other_numbers_are_not_compared() -> None:
    with pytest.raises(BadInput, match="b and a ran other ladders of m: seed 1 and seed 0"):
        traces.compare(replace(TRACE, backend="b", question="seed 1"), TRACE)


def test_long_arrays_are_thinned_evenly() -> None:
    assert traces.thin(np.arange(10)).tolist() == list(range(10))
    thinned = traces.thin(np.arange(1000))
    assert (
        len(thinned) <= traces.MOST and thinned[0] == 0 and len(set(np.diff(thinned))) == 1
    )
