"""The rungs of the ladder: in the order in which the first that fails names the cause."""

from __future__ import annotations

from bench.parity import rungs


def test_a_rung_stands_above_what_it_rests_on() -> None:
    order = rungs.names()
    resting = ("weights", "forward", "gradient", "trajectory")
    assert [name for name in order if name in resting] == list(resting)
    assert order.index("step") < order.index("trajectory"), "which takes many of them"
    assert order.index("forward") < order.index("equivalence")
