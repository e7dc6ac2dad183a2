"""The points of a grid, one after the other: none is held that nobody looks at."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.recipes.layers import DEEPEST
from models.errors import BadInput, UnknownName, shortened

MOST = 1_000_000  # points: far above what anybody will wait for
TOGETHER, EXCLUDE = "together", "exclude"
Choice = Mapping[str, Any]  # dotted key -> value


@dataclass(frozen=True)
class Axis:
    """What varies on its own: one setting, or several that go together."""

    name: str
    values: tuple[Choice, ...]


@dataclass(frozen=True)
class Grid:
    """All combinations of the axes' values, but those that are excluded."""

    axes: tuple[Axis, ...]
    excluded: tuple[Choice, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """Every setting that varies, in the order of the file."""
        found = (key for axis in self.axes for value in axis.values for key in value)
        return tuple(dict.fromkeys(found))

    @property
    def size(self) -> int:
        """Combinations, the excluded ones among them."""
        return math.prod(len(axis.values) for axis in self.axes)

    def at(self, place: int) -> dict[str, Any]:
        """What is chosen at a place from 0 on, the last axis turning fastest."""
        chosen = []
        for axis in reversed(self.axes):
            place, turn = divmod(place, len(axis.values))
            chosen.append(axis.values[turn])
        return {key: value for one in reversed(chosen) for key, value in one.items()}

    def places(self) -> Iterator[int]:
        """The places that are not excluded."""
        for place in range(self.size):
            if not self.excluded or not self._is_out(self.at(place)):
                yield place

    def _is_out(self, chosen: Choice) -> bool:
        return any(_hits(rule, chosen) for rule in self.excluded)


def _hits(rule: Choice, chosen: Choice) -> bool:
    """Whether a rule is of this point; a list in it stands for any of its values."""
    return all(
        key in chosen
        and (chosen[key] == value or (isinstance(value, list) and chosen[key] in value))
        for key, value in rule.items()
    )


def of(said: Mapping[str, Sequence[Any]]) -> Grid:
    """The grid of a file. Raises BadInput that names the key, where it has no cells or no sense."""
    axes = []
    for name, values in said.items():
        if name == EXCLUDE:
            continue
        if not values:
            raise BadInput(f"grid.{name}: it has no values, so the grid has no cells")
        if name == TOGETHER:
            _mappings(name, values)
            axes.append(Axis(name, tuple(values)))
        else:
            axes.append(Axis(name, tuple({name: value} for value in values)))
    if not axes:
        raise BadInput("grid: it has no cells; give a setting and a list of its values")
    _apart(axes)
    rules = said.get(EXCLUDE, [])
    _mappings(EXCLUDE, rules)
    grid = Grid(tuple(axes), tuple(rules))
    if grid.size > MOST:
        raise BadInput(f"grid: {grid.size:,} points; {MOST:,} at most were due")
    _excluding(grid)
    return grid


def _mappings(name: str, values: Sequence[Any]) -> None:
    for value in values:
        if not (isinstance(value, dict) and value):
            came = shortened(repr(value))
            raise BadInput(f"grid.{name}: settings with values were due, {came} came")


def _apart(axes: Sequence[Axis]) -> None:
    """Raise BadInput where a value comes twice, or two axes say the same setting."""
    owners: dict[str, str] = {}
    for axis in axes:
        for turn, value in enumerate(axis.values):
            if value in axis.values[:turn]:
                told = said(value) if axis.name == TOGETHER else value[axis.name]
                raise BadInput(f"grid.{axis.name}: {told} comes twice; leave one out")
        for key in {key: None for value in axis.values for key in value}:
            _check_key(axis, key)
            for other, owner in owners.items():
                if owner != axis.name and _same(key, other):
                    raise BadInput(
                        f"grid.{axis.name}: it says {key}, and grid.{owner} says {other}:"
                        " the cells contradict each other; leave one out"
                    )
            owners[key] = axis.name


def _check_key(axis: Axis, key: str) -> None:
    parts = str(key).split(".")
    if not all(parts) or len(parts) > DEEPEST:
        raise BadInput(f"grid.{axis.name}: a key such as model.NAME.pad was due")


def _same(one: str, other: str) -> bool:
    """Whether two keys say the same, or one a part of the other's."""
    if "model" in (one, other):
        return one == other  # it chooses, and settings of models are other keys
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")


def _excluding(grid: Grid) -> None:
    """Raise BadInput for a rule that excludes nothing, and where all of them leave nothing."""
    for rule in grid.excluded:
        for key in rule:
            if key not in grid.keys:
                unknown = UnknownName("setting of the grid", key, grid.keys)
                raise BadInput(f"grid.{EXCLUDE}: {unknown}")
        if not any(_hits(rule, grid.at(place)) for place in range(grid.size)):
            raise BadInput(f"grid.{EXCLUDE}: {said(rule)} excludes no cell; mend it")
    if next(grid.places(), None) is None:
        raise BadInput(f"grid.{EXCLUDE}: all cells are excluded; leave some")


def said(chosen: Choice) -> str:
    """`backend=torch, seed=1`, as messages name a point."""
    return ", ".join(f"{key}={shortened(value, 40)}" for key, value in chosen.items())
