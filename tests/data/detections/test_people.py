"""One person is followed: by the tracker, by nearness, and never by taking somebody else."""

from __future__ import annotations

import numpy as np
import pytest

from bench.data.detections.people import follow
from bench.data.detections.video import Frame, Person
from models.errors import BadInput

# somebody 100 px wide and 400 px high
BODY = np.stack([np.tile([0.0, 100.0], 5), np.linspace(0, 400, 10)], axis=1)


def person(x: float, *, track: int | None = None, sure: float = 0.9) -> Person:
    return Person(np.c_[BODY + [x, 0], np.full(10, sure)], track)


def places(frames: list[Frame], wanted: int | None = None) -> list[float | None]:
    """Where the one followed stands in each frame; None where they are missed."""
    points = follow(frames, wanted, "walk.json").points
    return [float(one[0, 0]) if one[0, 2] > 0 else None for one in points]


def test_whoever_is_missed_is_not_replaced() -> None:
    both = [person(100), person(250, sure=0.5)]
    frames = [both, [person(250)], both, [], [person(250)], both]
    assert places(frames) == [100, None, 100, None, None, 100]


def test_somebody_far_away_is_nobody_followed() -> None:
    frames = [[person(100)], [person(1500)], [person(120), person(1500)]]
    assert places(frames) == [100, None, 120]
    # alone throughout, it is one person whose pictures lie far apart in time
    assert places(frames[:2]) == [100, 1500]


def test_people_without_joints_are_nobody() -> None:
    nothing = person(0, sure=0.0)
    frames = [[nothing, person(100), person(900, sure=0.5)], [nothing], [person(900)]]
    assert places(frames) == [100, None, None]
    assert places([[nothing], [person(900), nothing]]) == [None, 900]


def test_trackers_are_believed() -> None:
    # they pass each other
    frames = [
        [person(100 + 50 * i, track=4), person(500 - 50 * i, track=7, sure=0.8)][
            :: 1 - 2 * (i % 2)
        ]
        for i in range(9)
    ]
    assert places(frames) == [100.0 + 50 * i for i in range(9)]
    assert places(frames, wanted=7) == [500.0 - 50 * i for i in range(9)]
    frames[3] = [each for each in frames[3] if each.track == 7]
    assert places(frames)[3] is None


def test_a_number_that_two_people_have_is_no_trackers() -> None:
    # as AlphaPose without a tracker writes them, in any order
    frames = [
        [person(100 + i, track=0), person(900 + i, track=0, sure=0.5)][:: (-1) ** i]
        for i in range(9)
    ]
    assert places(frames) == [100.0 + i for i in range(9)]
    doubt, _ = follow(frames, None, "walk.json").notes
    assert "number 0 stands for two people in frame 0" in doubt
    # asked for by place, not by that number
    assert places(frames, wanted=2) == [900.0 + i for i in range(9)]
    with pytest.raises(BadInput, match="person 0 is none of those there: 1, 2"):
        places(frames, wanted=0)


def test_another_person_can_be_asked_for() -> None:
    frames = [[], [person(100), person(900, sure=0.5)]]
    assert places(frames, wanted=2) == [None, 900]
    with pytest.raises(BadInput, match=r"person 3 is none of those there: 1, 2"):
        places(frames, wanted=3)


def test_the_choice_is_said() -> None:
    frames = [[person(100), person(900, sure=0.5)], [person(100)]]
    (note,) = follow(frames, None, "walk.json").notes
    assert "up to 2 people in a frame, number 1 in frame 0" in note
    assert "seen in 2 of 2 frames" in note
    assert "@person2" in note
    assert follow(frames[1:], None, "walk.json").notes == ()


def test_a_ghost_is_not_followed() -> None:
    people = [person(900), person(1400, sure=0.5)]
    frames = [[person(100)], *([people] * 20)]
    assert places(frames) == [None] + [900.0] * 20
    # asked for, or alone in all the frames, it is
    assert places(frames, wanted=1) == [100.0] + [None] * 20
    tracked = [[person(100, track=1)], *([[person(900, track=2)]] * 20)]
    assert places(tracked) == [None] + [900.0] * 20
