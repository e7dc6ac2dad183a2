"""The error budget: errors and bounds on numbers done by hand."""

from __future__ import annotations

import numpy as np
import pytest

from bench.parity import budget


def error(actual: object, due: object, **more: float) -> float:
    return budget.error(
        np.asarray(actual, np.float32), np.asarray(due, np.float64), **more
    )


def test_the_error_is_relative_to_the_largest_value_due() -> None:
    assert error([1.0, 10.5], [1.0, 10.0]) == pytest.approx(0.05)
    assert error([1.5, 10.0], [1.0, 10.0]) == pytest.approx(0.05), (
        "a small entry is judged against the largest"
    )
    assert error([-4.0], [-8.0]) == pytest.approx(0.5)
    assert error([1.0, 2.0], [1.0, 2.0]) == 0.0


def test_a_scale_stands_in_where_everything_due_is_nearly_zero() -> None:
    assert error([1e-9], [2e-9]) == pytest.approx(0.5)
    assert error([1e-9], [2e-9], scale=1.0) == pytest.approx(1e-9)
    assert error([3.0], [2.0], scale=1.0) == pytest.approx(0.5), (
        "never below the largest value due"
    )


def test_where_zero_is_due_the_error_is_absolute() -> None:
    assert error([0.25, 0.0], [0.0, 0.0]) == 0.25
    assert error(0.0, 0.0) == 0.0


def test_nothing_is_equal_to_nothing() -> None:
    assert error(np.zeros((0, 3)), np.zeros((0, 3))) == 0.0


@pytest.mark.parametrize(
    ("actual", "due"),
    [
        # shapes that NumPy would broadcast
        ([1.0], [[1.0]]),
        ([1.0, 2.0], [1.0]),
        (1.0, [1.0]),
        ([float("nan")], [1.0]),
        ([1.0], [float("nan")]),
        ([float("nan")], [float("nan")]),
        ([float("inf")], [1.0]),
        (np.zeros((0, 3)), np.zeros((3, 0))),
    ],
)
def test_another_shape_or_what_is_no_number_is_infinitely_wrong(
    actual: object, due: object
) -> None:
    assert error(actual, due) == float("inf")


def test_integers_and_truth_values_are_compared_as_numbers() -> None:
    # true less false is no number in NumPy
    assert budget.error(np.array([3, 4]), np.array([3, 5])) == pytest.approx(0.2)
    assert budget.error(np.array([True, False]), np.array([True, True])) == 1.0


@pytest.mark.parametrize("kind", budget.FLOORS)
def test_the_bound_is_the_floor_or_a_multiple_of_numpys_own_error(kind: str) -> None:
    floor, why = budget.FLOORS[kind]
    assert why
    assert budget.bound(kind, 0.0) == floor
    assert budget.bound(kind, 1e-3) == budget.FACTOR * 1e-3
    assert budget.bound(kind, floor / budget.FACTOR / 2) == floor


def test_copied_weights_have_no_budget() -> None:
    assert budget.bound("weights", 0.0) == 0.0


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_an_oracle_that_is_not_finite_grants_nothing(broken: float) -> None:
    assert budget.bound("forward", broken) == budget.FLOORS["forward"][0]


def test_narrower_types_have_wider_floors_in_the_ratio_of_their_roundings() -> None:
    # half of the last bit of 1: significands of 53, 24, 11 and 8 bits
    roundings = {
        "float64": 2.0**-53,
        "float32": 2.0**-24,
        "float16": 2.0**-11,
        "bfloat16": 2.0**-8,
    }
    floor = budget.FLOORS["node"][0]
    for dtype, rounding in roundings.items():
        due = floor * rounding / roundings["float32"]
        assert budget.bound("node", 0.0, dtype=dtype) == due, dtype


def test_a_kind_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(KeyError):
        budget.bound("vibes", 0.0)
