"""What a framework reaches with the plainest work, and how models are held against it."""

from __future__ import annotations

import pytest

import models
from backends.base import Settings
from backends.numpy.backend import NumpyBackend
from bench.records import Limits
from bench.speed import limits
from models.builder import Builder
from models.traffic import traffic


def test_numpy_has_limits_of_the_right_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(limits.EDGES, "cpu", (64,))
    monkeypatch.setitem(limits.LARGE, "cpu", (2**14,))
    monkeypatch.setattr(limits, "SECONDS", 1e-3)
    found = limits.measured(NumpyBackend(), Settings())
    # a core of any machine of these days, and a busy one
    assert 1e7 < found.flops_per_second < 1e13
    assert 1e7 < found.bytes_per_second < 1e13
    assert 1e-8 < found.launch_seconds < 1e-2


def test_the_roofline_is_the_longer_of_both() -> None:
    limit = Limits(flops_per_second=100.0, bytes_per_second=10.0, launch_seconds=1e-6)
    assert limit.least_seconds(200, 10) == 2.0
    assert limit.least_seconds(200, 50) == 5.0


def test_traffic_is_inputs_weights_and_outputs_of_each_node() -> None:
    g = Builder("layer")
    x = g.input("x", ("batch", 3))
    w = g.param("w", (3, 5), init=("ones", 0.0))
    y = (x @ w).reshape(("batch", 5, 1))  # free: nothing moves
    g.output("y", y + y)
    product, total = 4 * (2 * 3 + 3 * 5 + 2 * 5), 4 * 3 * (2 * 5)
    assert traffic(g.finish(), {"batch": 2}) == product + total


def test_every_model_has_its_traffic() -> None:
    spec = models.build("simple_baseline", width=8, stages=1)
    one, two = (traffic(spec.infer, {"batch": n}) for n in (1, 2))
    weights = 4 * spec.parameter_count()
    assert weights < one < two < 2 * one
