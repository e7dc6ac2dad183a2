"""The stream of batches: the same after a resume, and for any number of workers."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from bench.data.batches.prefetch import ahead
from bench.data.batches.windows import Windows, mirror
from bench.data.geometry.skeletons import H36M17
from models.errors import BadInput
from tests.data.small_clips import CLIPS, clip


def test_epochs_are_seeded_and_complete() -> None:
    windows = Windows(CLIPS, frames=9)
    orders = {
        key: np.concatenate(
            [
                b.indices
                for b in windows.epoch(16, shuffle=True, seed=key[0], epoch=key[1])
            ]
        )
        for key in (
            (0, 0),
            (0, 1),
            (1, 0),
        )
    }
    # shuffled, and yet each window once
    for order in orders.values():
        assert sorted(order) == list(range(len(windows)))
    # seed and epoch each make another order
    assert len({tuple(order) for order in orders.values()}) == 3
    plain = np.concatenate([b.indices for b in windows.epoch(16, shuffle=False)])
    assert_array_equal(plain, np.arange(len(windows)))


def test_resume_sees_the_same_batches() -> None:
    windows = Windows(CLIPS, frames=9, outputs=3, stride=1)
    whole = list(windows.epoch(8, shuffle=True, seed=5, epoch=2, flip=True))
    rest = list(windows.epoch(8, shuffle=True, seed=5, epoch=2, flip=True, start=4))
    # a resumed run goes on with the fifth batch
    assert len(rest) == len(whole) - 4 > 0
    for before, after in zip(whole[4:], rest, strict=True):
        for a, b in zip(before, after, strict=True):
            assert_array_equal(a, b)


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_any_number_of_workers_gives_the_same_stream(workers: int) -> None:
    windows = Windows(CLIPS, frames=9, stride=1)
    # a start, a count and flips: all that could shift a generator
    options = {
        "shuffle": True,
        "seed": 5,
        "epoch": 1,
        "flip": True,
        "start": 2,
        "count": 77,
    }
    for due, found in zip(
        windows.epoch(8, **options),
        windows.epoch(8, workers=workers, **options),
        strict=True,
    ):
        for a, b in zip(due, found, strict=True):
            assert_array_equal(a, b)


def test_a_count_of_random_windows() -> None:
    windows = Windows(CLIPS, frames=9, stride=1)
    drawn = [
        np.concatenate(
            [b.indices for b in windows.epoch(4, shuffle=True, epoch=epoch, count=10)]
        )
        for epoch in range(3)
    ]
    # no window twice within an epoch
    assert {len(set(each.tolist())) for each in drawn} == {10}
    assert len({tuple(each) for each in drawn}) == 3


def threads() -> int:
    return sum(thread.name.startswith("windows") for thread in threading.enumerate())


def test_results_come_in_order_and_ahead_of_the_reader() -> None:
    started: list[int] = []
    gate = threading.Event()

    def work(place: int) -> int:
        started.append(place)
        if place == 0:
            gate.wait(10)  # the first is the last to be ready
        return place

    found = ahead(work, range(20), workers=3)
    threading.Timer(0.05, gate.set).start()
    assert [next(found) for _ in range(5)] == [0, 1, 2, 3, 4]
    # some are ready that nobody has asked for, and not all
    assert 5 < len(started) < 20
    # a reader that stops early, as a run that fails does
    found.close()
    assert threads() == 0


def test_an_error_is_raised_where_its_result_was_due() -> None:
    def work(place: int) -> int:
        if place == 3:
            raise BadInput("three")
        return place

    for workers in (0, 2):
        found: Iterator[int] = ahead(work, range(9), workers=workers)
        assert [next(found) for _ in range(3)] == [0, 1, 2]
        with pytest.raises(BadInput, match="three"):
            next(found)
    assert threads() == 0


def test_a_count_above_all_begins_the_order_again() -> None:
    windows = Windows(CLIPS, frames=9)
    (whole,) = windows.epoch(len(windows), shuffle=True, seed=3)
    (more,) = windows.epoch(
        len(windows) + 5,
        shuffle=True,
        seed=3,
        count=len(windows) + 5,
    )
    assert_array_equal(more.indices, np.concatenate([whole.indices, whole.indices[:5]]))


def test_flip_mirrors_half_and_batches_are_fresh() -> None:
    windows = Windows([clip(400)], frames=5, channels=3)
    flipped = 0
    for batch in windows.epoch(50, shuffle=True, flip=True):
        keypoints, target = windows.batch(batch.indices)
        for row in range(len(batch.indices)):
            # keypoints and target are mirrored together or not at all
            if np.array_equal(batch.target[row], target[row]):
                assert_array_equal(batch.keypoints[row], keypoints[row])
                continue
            flipped += 1
            assert_array_equal(batch.keypoints[row], mirror(keypoints[row], H36M17))
            assert_array_equal(batch.target[row], mirror(target[row], H36M17))
    # 400 draws of a half: five standard deviations either way
    assert 150 < flipped < 250
    first = windows.batch([3])[0]
    # whoever is given a batch may write into it
    first[:] = 99
    assert windows.batch([3])[0].max() < 99
