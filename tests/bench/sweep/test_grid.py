"""Which points a grid has, and what it refuses to be."""

from __future__ import annotations

import pytest

from bench.sweep import grid
from models.errors import BadInput


def test_points_are_all_combinations_the_last_axis_turning_fastest() -> None:
    found = grid.of({"backend": ["numpy", "torch"], "seed": [0, 1]})
    chosen = [tuple(found.at(place).values()) for place in found.places()]
    assert chosen == [("numpy", 0), ("numpy", 1), ("torch", 0), ("torch", 1)]
    assert list(found.at(0)) == ["backend", "seed"]


def test_what_goes_together_is_one_axis() -> None:
    pairs = [
        {"device": "cuda", "precision": "bf16"},
        {"device": "cpu", "precision": "fp32"},
    ]
    found = grid.of({"together": pairs, "seed": [0, 1]})
    assert [found.at(place) for place in found.places()][-1] == {
        "device": "cpu",
        "precision": "fp32",
        "seed": 1,
    }
    assert found.keys == ("device", "precision", "seed")


def test_points_can_be_excluded() -> None:
    rules = [{"backend": "torch", "seed": [1, 2]}]
    axes = {"backend": ["numpy", "torch"], "seed": [0, 1, 2]}
    found = grid.of({**axes, "exclude": rules})
    chosen = [tuple(found.at(place).values()) for place in found.places()]
    assert ("torch", 0) in chosen
    assert len(chosen) == 4


def test_a_million_points_are_not_held() -> None:
    found = grid.of({"seed": list(range(1000)), "threads": list(range(1000))})
    assert found.at(999_999) == {"seed": 999, "threads": 999}
    assert next(found.places()) == 0


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ({}, "grid: it has no cells"),
        ({"exclude": [{"seed": 1}]}, "grid: it has no cells"),
        ({"seed": []}, "grid.seed: it has no values, so the grid has no cells"),
        ({"seed": [0, 0]}, "grid.seed: 0 comes twice; leave one out"),
        (
            {"seed": [0], "together": [{"seed": 1}]},
            "grid.together: it says seed, and grid.seed says seed: the cells contradict",
        ),
        (
            {"model.a.train": [{}], "model.a.train.steps": [1]},
            "it says model.a.train.steps, and grid.model.a.train says model.a.train",
        ),
        ({"together": [1]}, "grid.together: settings with values were due, 1 came"),
        ({"seed..x": [1]}, "a key such as model.NAME.pad was due"),
        (
            {"seed": [0], "exclude": [{"sede": 0}]},
            "grid.exclude: unknown setting of the grid 'sede'",
        ),
        (
            {"seed": [0], "exclude": [{"seed": 7}]},
            "grid.exclude: seed=7 excludes no cell",
        ),
        (
            {"seed": [0, 1], "exclude": [{"seed": [0, 1]}]},
            "grid.exclude: all cells are excluded",
        ),
        (
            {"seed": list(range(2000)), "threads": list(range(2000))},
            "4,000,000 points; 1,000,000 at most",
        ),
    ],
)
def test_a_grid_without_cells_or_sense_is_refused(
    said: dict[str, list[object]], complaint: str
) -> None:
    with pytest.raises(BadInput) as refused:
        grid.of(said)
    assert complaint in str(refused.value)
    assert "\n" not in str(refused.value)
