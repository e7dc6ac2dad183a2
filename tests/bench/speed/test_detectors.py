"""Each lie detector is put on a lie and on the truth."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import count

import pytest

from bench.speed import detectors
from bench.speed.detectors import clock
from bench.speed.evidence import Evidence, Held
from bench.speed.host import Seen
from models import folder

TRUE = Evidence(
    single=1.0,
    double=2.0,
    changed=True,
    clocks=1.0,
    asked_device="cpu",
    devices=frozenset({"cpu"}),
    held=Held(error=1e-7, bound=5e-6),
    rounds=(1.0,) * 15,
    host=Seen(others=0.1, mine=1.0, calibration=(1.0,) * 15),
    cores=2,
)
CLIMBING = tuple(1 + 0.02 * i for i in range(15))


def told(**planted: object) -> str:
    """What the detectors say, of evidence that is true where a test says no other."""
    lies, doubts = detectors.found(replace(TRUE, **planted))  # type: ignore[arg-type]
    return "; ".join([*lies, *doubts])


# the detector, what is planted, what it says; none else may fire
LIES = {
    "waiting": ({"double": 1.19}, "time does not grow with work: once took"),
    "caching": ({"changed": False}, "changed inputs did not change the outputs"),
    "clock": ({"clocks": 0.5}, "the timer runs at 0.50 times"),
    "outputs": (
        {"held": Held(error=1e-2, bound=5e-6)},
        "outputs of the timed calls are off by 0.01",
    ),
    "precision": (
        {"held": Held(error=1e-3, bound=5e-6, like="bf16")},
        "fp32 was asked for, and outputs of the timed calls err by as much as bf16",
    ),
    "device": (
        {"asked_device": "cuda"},
        "cuda was asked for, and results of timed calls lie on cpu",
    ),
    "drift": ({"rounds": CLIMBING}, "the last third of the rounds is +"),
    "others": (
        {"host": Seen(others=1.4, mine=0.6)},
        "others kept 1.4 of 2 processors busy, this process 0.6",
    ),
}


def test_the_truth_is_no_lie() -> None:
    assert told() == ""
    assert told(double=1.6) == "" and told(double=5.0) == "", "a busy host is no liar"


def test_every_detector_has_its_planted_lie() -> None:
    assert set(LIES) == set(folder.files(detectors.HERE)) == set(detectors.names())


@pytest.mark.parametrize("name", LIES)
def test_a_detector_finds_its_lie_and_no_other_fires(name: str) -> None:
    planted, due = LIES[name]
    said = told(**planted)
    assert said.startswith(due)
    assert ";" not in said
    assert said == detectors.load(name).found(replace(TRUE, **planted))


@pytest.mark.parametrize(
    ("single", "double"),
    [(1.0, 1.0), (1.0, 0.5), (0.0, 0.0), (0.0, 1.0), (-1.0, -2.0)],
)
def test_time_that_does_not_grow_with_work_is_a_lie(
    single: float, double: float
) -> None:
    assert "time does not grow" in told(single=single, double=double)


def test_outputs_that_are_no_numbers_are_off() -> None:
    assert "off by nan" in told(held=Held(error=float("nan"), bound=1e-6))


def test_what_could_not_be_held_is_no_lie() -> None:
    assert told(held=Held(unchecked="too large"), devices=frozenset({""})) == ""


@pytest.mark.parametrize("rounds", [CLIMBING, CLIMBING[::-1]], ids=["up", "down"])
def test_drift_is_told_beside_that_of_the_fixed_work(rounds: tuple[float, ...]) -> None:
    host = Seen(others=0.0, mine=1.0, calibration=rounds)
    said = told(rounds=rounds, host=host)
    sign = "+" if rounds == CLIMBING else "-"
    assert f"(a fixed piece of work: {sign}" in said


def test_drift_within_the_floor_or_of_few_rounds_is_none() -> None:
    assert told(rounds=CLIMBING, floor=0.1) == ""
    assert told(rounds=CLIMBING[::3]) == ""


def test_others_that_leave_a_processor_free_are_said_and_void_nothing() -> None:
    busy = Seen(others=2.0, mine=1.0)
    assert told(host=busy, cores=4) == ""
    # another one beside it, each with a processor of its own
    assert told(host=Seen(others=1.0, mine=1.0), cores=2) == ""
    assert told(host=Seen(others=None, mine=0.1), cores=2) == ""


def test_lies_and_doubts_are_told_apart_and_all_at_once() -> None:
    planted = {"changed": False, "clocks": 2.0, "rounds": CLIMBING}
    lies, doubts = detectors.found(replace(TRUE, **planted))  # type: ignore[arg-type]
    assert (len(lies), len(doubts)) == (2, 1)


@pytest.mark.parametrize(
    ("ticking", "speed"),
    [
        (lambda: 0.0, 0.0),
        (lambda: 0.5 * time.perf_counter(), 0.5),
        (lambda: 2.0 * time.perf_counter(), 2.0),
    ],
    ids=["still", "half", "double"],
)
def test_a_clock_at_the_wrong_speed_is_seen(ticking: clock.Ticks, speed: float) -> None:
    # naps of a busy host are long for both
    assert clock.speed(ticking) == pytest.approx(speed, rel=0.2)


def test_one_pause_between_two_readings_is_not_held_against_the_clock() -> None:
    readings = count()

    def paused() -> float:
        # within the second of the three comparisons, of which the middle one counts
        return time.perf_counter() + (1.0 if next(readings) >= 3 else 0.0)

    slowest, fastest = clock.SPEED
    assert slowest < clock.speed(paused) < fastest
