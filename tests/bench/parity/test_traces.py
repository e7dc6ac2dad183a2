"""Traces: what a backend computed, kept in a file, and two of them held against each other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.parity import traces
from bench.parity.traces import Row, Trace
from bench.records import Check
from models.errors import BadInput

VALUE = np.arange(6.0).reshape(2, 3)
ROWS = {
    "forward/infer/pose": Row(VALUE, np.array(0.1), 5.0),
    "trajectory/train/loss": Row(np.array([3.0, 2.0]), np.array([0.01, 0.5]), 3.0),
}
TRACE = Trace("a", "m", "seed 0", ROWS)


def other(**rows: Row) -> Trace:
    """The same ladder elsewhere, with rows of its own."""
    # a keyword holds no slash
    changed = {name.replace("__", "/"): row for name, row in rows.items()}
    return replace(TRACE, backend="b", rows={**ROWS, **changed})


def failures(**rows: Row) -> list[Check]:
    """What does not agree where the other trace has rows of its own."""
    found = traces.compare(TRACE, other(**rows))
    return [check for check in found if not check.ok]


def test_a_trace_comes_back_as_it_was(tmp_path: Path) -> None:
    file = traces.path(tmp_path, "a", "m")
    # its bytes lie in another order
    turned = Row(np.asfortranarray(VALUE), np.array(0.1), 5.0)
    traces.save(file, replace(TRACE, rows={**ROWS, "forward/train/pose": turned}))
    back = traces.load(file)
    assert (back.backend, back.model, back.question) == ("a", "m", "seed 0")
    np.testing.assert_array_equal(back.rows["forward/train/pose"].value, VALUE)
    np.testing.assert_array_equal(
        back.rows["trajectory/train/loss"].allowed, [0.01, 0.5]
    )
    assert back.rows["forward/infer/pose"].scale == 5.0
    there = [path.name for path in file.parent.iterdir()]
    assert there == [file.name], "nothing is left beside it"


def test_what_is_no_trace_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        BadInput, match="does not exist; run parity on that backend first"
    ):
        traces.load(tmp_path / "none.safetensors")
    (tmp_path / "torn.safetensors").write_bytes(b"\x08")
    with pytest.raises(BadInput, match="is no trace of a parity ladder"):
        traces.load(tmp_path / "torn.safetensors")


def test_two_may_be_as_far_apart_as_both_budgets_together() -> None:
    near = Row(VALUE + 0.19, np.array(0.1), 5.0)
    far = Row(VALUE + 0.21, np.array(0.1), 5.0)
    assert failures(forward__infer__pose=near) == []
    [wrong] = failures(forward__infer__pose=far)
    assert (wrong.kind, wrong.graph, wrong.name) == ("forward", "infer", "pose")
    # both relative to the scale, 5
    assert wrong.error == pytest.approx(0.21 / 5)
    assert wrong.bound == pytest.approx(0.2 / 5)


def test_budgets_may_differ_from_step_to_step() -> None:
    budgets = np.array([0.01, 0.5])
    # the larger difference lies where the larger budget is
    late = Row(np.array([3.0, 2.9]), budgets, 3.0)
    early = Row(np.array([3.1, 2.0]), budgets, 3.0)
    assert failures(trajectory__train__loss=late) == []
    assert failures(trajectory__train__loss=early) != []


@pytest.mark.parametrize("value", [np.full((2, 3), np.nan), VALUE.T, VALUE[:1]])
def test_what_is_no_number_or_has_another_shape_fails(value: np.ndarray) -> None:
    # not even a budget that would allow anything lets it pass
    row = Row(value, np.array(1e9), 5.0)
    checks = traces.compare(TRACE, other(forward__infer__pose=row))
    assert [check.ok for check in checks] == [False, True]
    assert checks[0].error is None


def test_a_value_that_one_does_not_have_fails() -> None:
    [wrong] = failures(state__train__mean=ROWS["forward/infer/pose"])
    assert (wrong.name, wrong.note) == ("mean", "only one of the two has it")


def test_ladders_of_other_numbers_are_not_compared() -> None:
    with pytest.raises(
        BadInput, match="b and a ran other ladders of m: seed 1 and seed 0"
    ):
        traces.compare(replace(TRACE, backend="b", question="seed 1"), TRACE)


def test_long_arrays_are_thinned_evenly() -> None:
    assert traces.thin(np.arange(10)).tolist() == list(range(10))
    thinned = traces.thin(np.arange(1000))
    assert len(thinned) <= traces.MOST
    assert thinned[0] == 0
    assert len(set(np.diff(thinned))) == 1
