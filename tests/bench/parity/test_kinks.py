"""Batches of the ladder keep off kinks, where rounding would tell the slope."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from bench.parity import kinks
from models import Builder, Graph

ON_IT = np.array([[1.0, -2.0, 1e-9]], np.float32)
OFF_IT = np.array([[1.0, -2.0, 0.5]], np.float32)
NEARER = np.array([[1.0, -2.0, 1e-8]], np.float32)


def bent() -> Graph:
    g = Builder("bent")
    x = g.input("x", ("batch", 3))
    g.output("loss", (x * 2.0).relu().sum(axis=(0, 1), keepdims=False))
    return g.finish()


def drawing(*arrays: np.ndarray) -> Iterator[dict[str, np.ndarray]]:
    return ({"x": array} for array in arrays)


def away(*arrays: np.ndarray) -> np.ndarray:
    several = drawing(*arrays)
    return kinks.away(bent(), {}, {"batch": 1}, lambda: next(several))["x"]


def test_the_nearest_is_a_share_of_the_root_mean_square() -> None:
    found = kinks.nearest(bent(), {}, {"x": ON_IT})
    assert found == pytest.approx(1e-9 / np.sqrt(5 / 3), rel=1e-6)


def test_a_batch_on_a_kink_is_drawn_again() -> None:
    assert away(ON_IT, OFF_IT) is OFF_IT


def test_one_that_keeps_off_is_the_first_and_only() -> None:
    assert away(OFF_IT) is OFF_IT


def test_where_all_are_near_it_is_the_furthest() -> None:
    assert away(ON_IT, NEARER, *[ON_IT] * 6) is NEARER


def test_what_is_exactly_zero_is_so_to_everybody() -> None:
    zeros = np.zeros((1, 3), np.float32)
    assert kinks.nearest(bent(), {}, {"x": zeros}) == np.inf


def test_of_very_many_entries_some_are_always_near(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kinks, "MANY", 2)
    assert away(ON_IT) is ON_IT


def test_a_graph_without_kinks_is_drawn_for_once() -> None:
    g = Builder("smooth")
    g.output("loss", g.input("x", ("batch", 3)).exp().sum(axis=(0, 1), keepdims=False))
    several = drawing(ON_IT)
    found = kinks.away(g.finish(), {}, {"batch": 1}, lambda: next(several))
    assert found["x"] is ON_IT
