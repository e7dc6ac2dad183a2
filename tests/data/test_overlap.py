"""Windows that overlap: a frame gets the mean of what they predict for it."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from bench.data.batches.overlap import Mean
from bench.data.batches.windows import Windows
from tests.data.small_clips import CLIPS, clip


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(1, 30), min_size=1, max_size=4),
    st.integers(1, 20),
    st.data(),
)
def test_overlapping_predictions_are_averaged(
    lengths: list[int],
    frames: int,
    more: st.DataObject,
) -> None:
    """Each window says its own number; a frame must get the mean of those that hold it."""
    outputs = more.draw(st.integers(1, frames))
    windows = Windows(
        [clip(length) for length in lengths],
        frames=frames,
        outputs=outputs,
        stride=more.draw(st.integers(1, outputs)),
    )
    # by frame: the numbers of the windows that predict it
    told: list[list[int]] = [[] for _ in range(windows.scored)]
    mean = Mean(windows)
    for batch in windows.epoch(3, shuffle=True):
        said = np.ones_like(batch.target) * batch.indices[:, None, None, None]
        mean.add(batch.indices, said.astype(np.float32))
        places = windows.places(batch.indices, repeats=True)
        for index, own in zip(batch.indices, places, strict=True):
            for place in own[own >= 0]:
                told[place].append(index)
    found = mean.result()
    assert_allclose(
        found[:, 0, 0],
        [np.mean(numbers) for numbers in told],
        rtol=1e-5,
    )
    # the same for all joints and coordinates
    assert_array_equal(found[:, 0, 0], found[:, -1, -1])


def test_the_mean_of_right_predictions_is_right() -> None:
    windows = Windows(CLIPS, frames=9, outputs="all", stride=2, every=3)
    mean = Mean(windows)
    for batch in windows.epoch(16, shuffle=False):
        mean.add(batch.indices, batch.target)
    assert_allclose(mean.result(), windows.truth(), atol=1e-6)
    # sums over counts of integers would be float64
    assert mean.result().dtype == np.float32
