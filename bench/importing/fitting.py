"""Which arrays of a foreign file are a model's, whatever stands around them and before their names.

Checkpoints keep weights beside an optimizer's state, under a key that each project chooses, and
with a prefix for each wrapper. No list of these is kept: the table and the prefix that give most
of the model's names are taken, and said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

import models
from models.errors import BadInput, shortened
from models.nodes import Param

Array = np.ndarray
Arrays = Mapping[str, Array]
# batch norm counts its steps there, which only a momentum of None would read
COUNTER = "*num_batches_tracked"
SHOWN = 3  # differences in a message


@dataclass(frozen=True)
class Table:
    """Arrays by name, and where in the file they stand (empty at its top)."""

    place: str
    arrays: Arrays


@dataclass(frozen=True)
class Found:
    """What was taken for a model's weights."""

    place: str
    prefix: str  # of all names, taken off
    arrays: dict[str, Array]  # by the rest of their names


def tables(stored: Any, place: str = "") -> Iterator[Table]:
    """Every mapping of a file that holds arrays, the outer ones first."""
    if not isinstance(stored, Mapping):
        return
    arrays = {key: one for key, one in stored.items() if isinstance(one, np.ndarray)}
    if arrays:
        yield Table(place, arrays)
    for key, value in stored.items():
        yield from tables(value, f"{place}.{key}" if place else str(key))


def of_model(model: str, stored: Any, params: Mapping[str, Any]) -> Found | None:
    """What a file has for a model, under the names that the zoo gives them.

    A zoo file whose names are not quite the authors' says theirs in `official_name(name)`.
    """
    called = getattr(models.module(model), "official_name", str)
    ours = {called(name): name for name in params}
    held = found(stored, ours)
    if held is None:
        return None
    arrays = {ours.get(name, name): array for name, array in held.arrays.items()}
    return replace(held, arrays=arrays)


def found(stored: Any, names: Collection[str]) -> Found | None:
    """The table and the prefix with most of a model's names; the first of those that tie.

    None where a file holds no arrays by name.
    """
    best: Found | None = None
    most = -1
    # a network may stand in another one here, and alone there
    outer = _shared(names)
    for table in tables(stored):
        for before in dict.fromkeys(("", outer)):
            inner = {name.removeprefix(before) for name in names}
            prefix, count = _prefix(table.arrays, inner)
            if count > most:
                arrays = _renamed(table.arrays, prefix, before)
                most, best = count, Found(table.place, prefix, arrays)
    return best


def _shared(names: Iterable[str]) -> str:
    """What stands before all of a model's names, such as `pose_estimator.`"""
    first, _, rest = next(iter(names), "").partition(".")
    before = f"{first}."
    return before if rest and all(name.startswith(before) for name in names) else ""


def _prefix(arrays: Arrays, names: Container[str]) -> tuple[str, int]:
    """What stands before a model's names, and how many of them are there."""
    counts: Counter[str] = Counter()
    for stored in arrays:
        parts = stored.split(".")
        for i in range(len(parts)):
            if ".".join(parts[i:]) in names:
                counts["".join(f"{part}." for part in parts[:i])] += 1
    if not counts:
        return "", 0
    # of a tie the shortest: `norm.weight` alone may end other names, too
    return max(counts.items(), key=lambda pair: (pair[1], -len(pair[0])))


def _renamed(arrays: Arrays, prefix: str, before: str) -> dict[str, Array]:
    """Names without the prefix, and with what the model's have before them.

    One that lacks the prefix stays as it is, and fits no model.
    """
    return {
        f"{before}{name.removeprefix(prefix)}" if name.startswith(prefix) else name: one
        for name, one in arrays.items()
    }


def parted(model: str, params: Mapping[str, Any], arrays: Arrays) -> tuple[str, ...]:
    """Names of arrays that the model does without, as its file or batch norm says."""
    dead = (COUNTER, *getattr(models.module(model), "DEAD", ()))
    strange = [name for name in arrays if name not in params]
    return tuple(
        name for name in strange if any(fnmatchcase(name, one) for one in dead)
    )


def counted(params: Mapping[str, Param], arrays: Arrays) -> dict[str, Array]:
    """Arrays with batch norm's counters at 0, where a file is of before torch had them."""
    absent = [name for name in params if name not in arrays]
    counters = [name for name in absent if fnmatchcase(name, COUNTER)]
    return {**arrays, **{name: np.zeros((), np.int64) for name in counters}}


def weights(params: Mapping[str, Param], arrays: Arrays) -> dict[str, Array]:
    """Arrays in the order and type of a model's parameters.

    Raises BadInput naming the first differences.
    """
    wrong = [f"{name} is missing" for name in params if name not in arrays]
    wrong += [f"{name} is not in the model" for name in arrays if name not in params]
    wrong += [
        f"{name} has shape {arrays[name].shape}, the model's has {param.type.shape}"
        for name, param in params.items()
        if name in arrays and arrays[name].shape != param.type.shape
    ]
    if wrong:
        listed = "; ".join(shortened(one, 150) for one in wrong[:SHOWN])
        first = f", the first {SHOWN}" if len(wrong) > SHOWN else ""
        raise BadInput(f"{len(wrong)} differences{first}: {listed}")
    return {
        name: _numbers(name, arrays[name], param.type.dtype)
        for name, param in params.items()
    }


def _numbers(name: str, array: Array, dtype: str) -> Array:
    if array.dtype.kind not in "fiub":
        raise BadInput(f"{name} holds {array.dtype}; numbers were due")
    # a weight is no count and no mask
    if np.dtype(dtype).kind == "f" and array.dtype.kind != "f":
        raise BadInput(f"{name} holds {array.dtype}; {dtype} was due")
    with np.errstate(over="ignore"):  # which is looked at here
        rounded = np.asarray(array, dtype)
    if not np.isfinite(rounded).all():
        raise BadInput(f"{name} has numbers that are not finite in {dtype}")
    return rounded


def others(model: str, stored: Any) -> str:
    """Another model of the zoo that has just these names, as `NAME, preset PRESET`, or nothing.

    Of several one whose shapes fit as well, for families share networks.
    """
    named = ""
    for name in models.networks():
        for preset in models.module(name).PRESETS:
            params = models.build(name, preset=preset).parameters
            held = of_model(name, stored, params)
            if name == model or held is None:
                continue
            rest = set(held.arrays) - set(parted(name, params, held.arrays))
            if rest != params.keys():
                continue
            found = f"{name}, preset {preset}"
            if all(held.arrays[one].shape == params[one].type.shape for one in rest):
                return found
            named = named or found
    return named
