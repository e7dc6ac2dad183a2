"""The comparison helper is tested.

A wrong value, shape or dtype makes it raise, and it says where.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.asserts import assert_close, relative_error

ONES = np.ones((2, 3))
WORST = np.array([[1, 1, 1], [1, 1, 1.5]])


def test_the_right_answer_passes() -> None:
    assert_close(ONES, ONES, rtol=0, what="same", dtype="float64")
    assert_close(ONES + 1e-9, ONES, rtol=1e-8, what="near")
    assert_close(np.zeros((0, 3)), np.zeros((0, 3)), rtol=0, what="empty")
    odd = [np.nan, np.inf, -np.inf]
    assert_close(odd, odd, rtol=0, what="not finite")
    # one allowance for the whole array: a small element beside a large one may be all wrong
    assert_close([1e6, 1e-3], [1e6, 0.0], rtol=1e-8, what="measured by the largest")


@pytest.mark.parametrize(
    ("actual", "due", "said"),
    [
        (
            WORST,
            ONES,
            "off by 0.5 at [1, 2], np.float64(1.5) came, np.float64(1.0) was due",
        ),
        # shapes that NumPy would broadcast against each other, and one of as many elements
        (ONES[:1], ONES, "shape (1, 3) came, (2, 3) was due"),
        (np.float64(1), ONES, "shape () came, (2, 3) was due"),
        (ONES.reshape(3, 2), ONES, "shape (3, 2) came, (2, 3) was due"),
        ([np.nan, 1.0], [1.0, 1.0], "off by inf at [0]"),
        ([1.0, 1.0], [np.nan, 1.0], "off by inf at [0]"),
        ([np.inf], [-np.inf], "off by inf at [0]"),
        ([np.inf], [1.0], "off by inf at [0]"),
        # nothing is due that could scale the allowance: it is absolute then
        ([1e-9], [0.0], "off by 1e-09 at [0]"),
        ([True, False], [True, True], "off by 1 at [1]"),
        (2, 3, "off by 1 at []"),
    ],
    ids=str,
)
def test_a_wrong_answer_raises_and_says_where(actual: Any, due: Any, said: str) -> None:
    with pytest.raises(AssertionError) as caught:
        assert_close(actual, due, rtol=1e-10, what="linear_3")
    assert str(caught.value).startswith("linear_3: ") and said in str(caught.value)


def test_a_wrong_dtype_raises_when_it_is_asked_for() -> None:
    narrow = ONES.astype(np.float32)
    assert_close(narrow, ONES, rtol=0, what="wide oracle")
    said = "relu: dtype float32 came, float64 was due"
    with pytest.raises(AssertionError, match=said):
        assert_close(narrow, ONES, rtol=0, what="relu", dtype="float64")


def test_the_helper_keeps_out_of_the_traceback() -> None:
    with pytest.raises(AssertionError) as caught:
        assert_close(1.0, 2.0, rtol=0, what="x")
    # pytest reads this local of each frame when it cuts the traceback
    assert caught.traceback[-1].frame.f_locals["__tracebackhide__"] is True


def test_the_relative_error_is_by_the_largest() -> None:
    assert relative_error([1.0, 110.0], [0.0, 100.0]) == pytest.approx(0.1)
    assert relative_error([], []) == 0 and relative_error([0.5], [0.0]) == 0.5
