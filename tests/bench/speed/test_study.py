"""The self-test of the timing, on contests that are made up, and one that is real."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bench.commands import selftest
from bench.records import Ratio
from bench.speed import burner, study
from bench.speed.study import Contest, Size
from bench.speed.subjects import Last

SMALL = Size(comparisons=40, runs=10)


def ratio(value: float) -> Ratio:
    low, high = value - 0.005, value + 0.005
    about = {"against": "one", "floor": 0.002, "processes": 5}
    return Ratio(value=value, low=low, high=high, **about)


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float]]:
    """No process is started; which loads would have been."""
    loads: list[tuple[str, float]] = []

    @contextmanager
    def burning(plan: str, number: float, crowd: int = 1) -> Iterator[None]:
        loads.append((plan, number))
        yield

    alone = iter([1.0, 1.25])
    monkeypatch.setattr(study, "burning", burning)
    monkeypatch.setattr(study, "_alone", lambda size: next(alone))
    return loads


def contests(
    monkeypatch: pytest.MonkeyPatch, wrong: int, missed: int, took: float = 9.0
) -> None:
    """So many A/A comparisons show a difference, and so many planted ones do not."""
    equals = iter([1.02] * wrong + [1.0] * 100)
    left = iter([False] * missed + [True] * 100)

    def contest(size: Size, *, slowed: float = 0.0) -> Contest:
        value = 1 + slowed * next(left) if slowed else next(equals)
        return Contest(ratio(value), took)

    monkeypatch.setattr(study, "contest", contest)


def test_what_is_due_is_held_against_what_came(
    still: list[tuple[str, float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    contests(monkeypatch, wrong=3, missed=1)
    found = list(study.lines(SMALL, lambda said: None))
    assert [(line.came, line.kept) for line in found] == [
        ("3 of 40", True),
        ("9 of 10", True),
        ("10 of 10", True),
        ("1.250", True),
        ("1.000 (0.995 to 1.005)", True),
    ]
    assert still == [("switched", 1.0), ("drifting", 18.0), ("drifting", 18.0)]


def test_too_many_false_or_missed_ones_are_not_kept(
    still: list[tuple[str, float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    contests(monkeypatch, wrong=4, missed=2)
    kept = [line.kept for line in study.lines(SMALL, lambda said: None)]
    assert kept == [False, False, True, True, True]


def test_what_was_found_too_late_was_not_found(
    still: list[tuple[str, float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    contests(monkeypatch, wrong=0, missed=0, took=61.0)
    _, small, smaller, *_ = study.lines(SMALL, lambda said: None)
    assert (small.came, small.kept, smaller.kept) == ("0 of 10", False, False)


def test_the_command_prints_all_and_fails_where_one_is_not_kept(
    still: list[tuple[str, float]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    contests(monkeypatch, wrong=4, missed=0)
    assert selftest.command(comparisons=40, runs=10) == 1
    assert "not kept" in capsys.readouterr().out
    monkeypatch.setattr(study, "_alone", lambda size: 1.0)
    contests(monkeypatch, wrong=0, missed=0)
    assert selftest.command(comparisons=40, runs=10, json=True) == 1
    told = json.loads(capsys.readouterr().out)
    assert [line["kept"] for line in told["lines"]] == [True, True, True, False, True]


def test_two_names_of_one_backend_are_really_timed() -> None:
    found = study.contest(Size(processes=2, rounds=3, seconds=0.002))
    assert found.ratio.against == "one"
    assert found.ratio.floor is not None and found.took > 0
    assert found.ratio.processes == 2


def test_one_alone_waits_for_no_turn() -> None:
    assert study._alone(Size(rounds=3, seconds=0.001)) > 0


@pytest.mark.parametrize("share", [0.0, 0.02, 0.05])
def test_a_planted_slow_down_is_calls_that_are_made_twice(share: float) -> None:
    calls = []
    last = Last(lambda: calls.append(1), share)
    work = last.work()
    for _ in range(1000):
        work()
    assert len(calls) == pytest.approx(1000 * (1 + share), abs=1)


def test_loads_go_by_their_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = burner.switched(1.0)
    first = [next(plan) for _ in range(3)]
    assert first == [next(again) for again in [burner.switched(1.0)] for _ in range(3)]
    now = [0.0]
    monkeypatch.setattr(burner.time, "monotonic", lambda: now[0])
    growing = burner.drifting(10.0)
    assert next(growing) == (0.0, burner.SLICE)
    now[0] = 5.0
    assert next(growing) == (burner.SLICE / 2, burner.SLICE / 2)
    now[0] = 20.0
    assert next(growing) == (burner.SLICE, 0.0)
