"""Schedules: numbers by hand, their second wording, and what a setting may say."""

from __future__ import annotations

import math
from typing import Any

import pytest

from bench.training import schedules
from bench.training.schedules import Now
from models.errors import BadInput, UnknownName

STEPS, EPOCH = 100, 8  # of all, and of an epoch
ERRORS = [9.0, 8.0, 8.5, 7.9999, 8.1, 8.2, 8.3, 5.0, 6.0, 6.0, 6.0, 6.0]
CASES: list[Any] = [
    None,
    "constant",
    {"cosine": {"floor": 0.2}},
    "step",
    {"step": {"every": 30, "factor": 0.5}},
    {"step": {"after": [70, 10], "factor": 0.3}},
    {"step": {"factor": 0}},
    "exponential",
    {"exponential": {"every": 7, "factor": 0.9}},
    {"exponential": {"factor": 0}},
    "plateau",
    {"plateau": {"patience": 2, "factor": 0.5}},
    {"plateau": {"patience": 0, "least": 0.2}},
    {"plateau": {"patience": 0, "factor": 0}},
]


def now(step: int, *, rise: int = 0) -> Now:
    return Now(step, STEPS, rise, step / EPOCH, ERRORS[: step // 8])


def factors(said: object, *, rise: int = 0) -> list[float]:
    rule = schedules.read(said)
    return [rule.factor(now(step, rise=rise)) for step in range(STEPS)]


def test_every_rule_is_among_the_cases() -> None:
    assert {schedules.read(said).name for said in CASES} == set(schedules.names())


@pytest.mark.parametrize("said", CASES, ids=str)
@pytest.mark.parametrize("rise", [0, 5])
def test_both_wordings_agree(said: object, rise: int) -> None:
    rule = schedules.read(said)
    for step in range(rise, STEPS):
        at = now(step, rise=rise)
        assert rule.factor(at) == pytest.approx(rule.oracle(at), abs=1e-12)


@pytest.mark.parametrize("said", CASES, ids=str)
def test_a_rate_rises_in_a_line_and_never_beyond_one(said: object) -> None:
    found = factors(said, rise=5)
    assert found[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert all(0 <= factor <= 1 for factor in found)


def test_a_cosine_falls_to_its_floor() -> None:
    rule = schedules.read(None)
    assert rule.warm_up(1000) == 20
    assert [rule.warm_up(steps) for steps in (1, 49)] == [1, 1]
    found = [rule.factor(Now(step, 1000, 20, 0.0)) for step in range(1000)]
    # half way down, of the 980 steps after the rise
    assert found[510] == pytest.approx((1 + 0.01) / 2)
    assert found[-1] == pytest.approx(0.01, abs=1e-4)
    assert all(a > b for a, b in zip(found[20:], found[21:], strict=False))


def test_steps_fall_at_once() -> None:
    found = factors({"step": {"every": 30, "factor": 0.5}})
    assert found[:30] == [1.0] * 30
    assert (found[30], found[59], found[60]) == (0.5, 0.5, 0.25)
    named = factors({"step": {"after": [70, 10], "factor": 0.3}})
    assert named[9:11] == [1.0, 0.3]
    assert named[70] == pytest.approx(0.09)
    # by epochs where nothing is said
    assert factors({"step": {"factor": 0.5}})[7:9] == [1.0, 0.5]


def test_an_exponential_falls_in_every_step() -> None:
    found = factors({"exponential": {"factor": 0.81}})
    assert found[EPOCH] == pytest.approx(0.81)
    assert found[EPOCH // 2] == pytest.approx(0.9)
    assert found[1] == pytest.approx(math.exp(math.log(0.81) / EPOCH))


def test_a_plateau_falls_when_nothing_becomes_better() -> None:
    """As PyTorch's ReduceLROnPlateau: 7.9999 is no better than 8 by a tenth of a thousandth."""
    rule = schedules.read({"plateau": {"patience": 2, "factor": 0.5}})
    seen = [rule.factor(Now(0, 1, 0, 0.0, ERRORS[:n])) for n in range(len(ERRORS) + 1)]
    assert seen == [1, 1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("cosin", "unknown schedule 'cosin': did you mean cosine"),
        ({"step": {"evry": 3}}, "schedule step: no option 'evry'; it takes factor"),
        ({"step": {"every": 0}}, "schedule step: every: .*greater than or equal to 1"),
        ({"step": {"factor": 1.5}}, "schedule step: factor: .*less than or equal to 1"),
        ({"step": {"after": []}}, "schedule step: after"),
        (
            {"step": {"every": 3, "after": [3]}},
            "schedule step: every and after are both given; leave one out",
        ),
        ({"step": {}, "cosine": {}}, "a name or .* was due"),
        (["step"], "a name or .* was due"),
        ({"step": 3}, "schedule step: options by name were due, 3 came"),
        (3, "a name or .* was due"),
    ],
)
def test_what_is_no_schedule_is_refused(said: object, reason: str) -> None:
    with pytest.raises((BadInput, UnknownName), match=reason):
        schedules.read(said)
