"""Equivalence of two means: against textbook numbers, SciPy's own tests, and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from reports import equivalence


def drawn(seed: int, centre: float, deviation: float, count: int) -> list[float]:
    found = np.random.default_rng(seed).normal(centre, deviation, count)
    return [float(one) for one in found]


def test_the_interval_of_a_mean_is_that_of_t() -> None:
    found = equivalence.mean([50.0, 51.0, 52.0])
    # t of 2 degrees at 97.5 % is 4.3027
    assert found.low == pytest.approx(51 - 4.3027 / 3**0.5, abs=1e-3)
    assert found.high == pytest.approx(51 + 4.3027 / 3**0.5, abs=1e-3)
    alone = equivalence.mean([50.0])
    assert (alone.count, alone.low, alone.deviation) == (1, None, None)


@pytest.mark.parametrize("seed", range(5))
def test_p_and_interval_say_the_same(seed: int) -> None:
    """Two one-sided tests of 5 % are an interval of 90 %: in the margin, or beyond it."""
    for centre in (0.0, 0.5, 1.0, 3.0):
        one, other = drawn(seed, 50 + centre, 0.5, 4), drawn(seed + 9, 50, 0.8, 5)
        found = equivalence.tested(one, other, margin=1.0)
        assert found.low is not None and found.high is not None
        assert found.equivalent is not None and found.different is not None
        inside = found.low > -1 and found.high < 1
        assert inside == (found.equivalent < 0.05) == (found.answer == "equivalent")
        ends = stats.ttest_ind(one, other, equal_var=False).confidence_interval(0.95)
        outside = ends.low > 1 or ends.high < -1
        assert outside == (found.different < 0.05) == (found.answer == "different")
        assert found.needed is None or found.answer == "inconclusive"


@pytest.mark.parametrize(
    ("one", "other", "answer"),
    [
        # as good as equal, with enough seeds
        (drawn(1, 50.0, 0.3, 6), drawn(2, 50.1, 0.3, 6), "equivalent"),
        # three millimetres worse
        (drawn(1, 53.0, 0.3, 6), drawn(2, 50.0, 0.3, 6), "different"),
        (drawn(1, 50.0, 0.3, 6), drawn(2, 53.0, 0.3, 6), "different"),
        # few, and far from each other
        (drawn(1, 50.0, 4.0, 3), drawn(2, 50.0, 4.0, 3), "inconclusive"),
        # one tells nothing of its spread
        ([50.0], [50.0], "inconclusive"),
        # without a spread nothing is left to chance
        ([50.0, 50.0], [50.5, 50.5], "equivalent"),
        ([50.0, 50.0], [51.5, 51.5], "different"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_answer(one: list[float], other: list[float], answer: str) -> None:
    assert equivalence.tested(one, other, margin=1.0).answer == answer


@pytest.mark.parametrize("apart", [0.0, 0.4, 2.0])
def test_so_many_seeds_decide_four_times_of_five(apart: float) -> None:
    """By simulation: what is said to be needed has the power that is said."""
    rng = np.random.default_rng(3)
    spreads = (0.8**2, 1.1**2)
    count = next(
        number
        for number in range(2, 200)
        if equivalence._power(number, apart, spreads, 1.0) >= equivalence.POWER
    )
    answers = []
    for _ in range(400):
        one = rng.normal(50 + apart, 0.8, count).tolist()
        other = rng.normal(50, 1.1, count).tolist()
        answers.append(equivalence.tested(one, other, margin=1.0).answer)
    right = "equivalent" if apart < 1 else "different"
    # three deviations of 400 draws
    assert 0.74 < answers.count(right) / len(answers) < 0.88
    # a wrong answer is as rare as it is said to be
    wrong = {"equivalent", "different"} - {right}
    assert answers.count(wrong.pop()) / len(answers) < 0.05


def test_what_lies_on_the_margin_no_number_of_seeds_decides() -> None:
    found = equivalence.tested([49.0, 50.0, 51.0], [50.0, 51.0, 52.0], margin=1.0)
    assert (found.answer, found.needed) == ("inconclusive", None)
