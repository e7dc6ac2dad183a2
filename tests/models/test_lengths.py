"""Which lengths a graph takes, told without running it."""

from __future__ import annotations

import pytest

import models
from models import lengths
from models.builder import Builder
from tests.zoo import lengths as tried
from tests.zoo import tiny


@pytest.mark.parametrize(
    ("model", "due"), [("motionbert", (1, 27)), ("videopose3d", (27, None))]
)
def test_a_receptive_field_and_a_table_of_positions(
    model: str, due: tuple[int, int | None]
) -> None:
    spec = tiny(model)
    known = {"batch": 2, "frames": spec.frames}
    assert lengths.bounds(spec.infer, "frames", known) == due


@pytest.mark.parametrize("model", models.networks())
def test_what_the_oracle_runs_is_taken(model: str) -> None:
    for frames in tried(model):
        assert lengths.takes(tiny(model).infer, {"batch": 1, "frames": frames})


def test_nothing_is_taken_that_gives_nothing() -> None:
    g = Builder("cut")
    x = g.input("x", ("batch", "frames", 2))
    g.output("y", x.slice(axis=1, start=3, stop=x.shape[1] - 1, step=1))
    graph = g.finish()
    assert not lengths.takes(graph, {"batch": 1, "frames": 4})
    assert lengths.bounds(graph, "frames", {"batch": 1, "frames": 9}) == (5, None)
