"""Axis patterns: "b t (h c) -> b h t c" becomes reshape, permute_dims, reshape.

Each is left out where it would change nothing. After einops (Rogozhnikov, ICLR 2022): names
on both sides are the same set; parentheses group axes, row-major.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from models.dims import Length, Shape, size

# axes that are one axis of the tensor; an axis by itself is a group of one
Group = tuple[str, ...]
Groups = tuple[Group, ...]


@dataclass(frozen=True)
class Plan:
    """The three steps of a rearrangement: split axes, order them, merge them."""

    split: Shape  # to this shape first
    order: tuple[int, ...]  # then axis i of the result is axis order[i]
    merged: Shape  # and to this shape last


def plan(pattern: str, shape: Shape, sizes: Mapping[str, Length]) -> Plan:
    """Work out a pattern for `shape`; `sizes` fixes axes that a group leaves open.

    Raises ValueError saying what does not fit.
    """
    left, right = _sides(pattern)
    names = [name for group in left for name in group]
    wanted = [name for group in right for name in group]
    if len(set(names)) != len(names) or sorted(names) != sorted(wanted):
        raise ValueError(
            f"pattern {pattern!r} must name the same axes once on each side"
        )
    if len(left) != len(shape):
        raise ValueError(
            f"pattern {pattern!r} has {len(left)} axes on its left, the tensor has"
            f" {len(shape)}"
        )
    if stray := set(sizes) - set(names):
        raise ValueError(f"pattern {pattern!r} has no axis {', '.join(sorted(stray))}")
    lengths: dict[str, Length] = {}
    for group, length in zip(left, shape, strict=True):
        lengths |= _solve(pattern, group, length, sizes)
    runs = _runs(names, wanted)
    # the runs as they lie in memory, before they are moved
    starts = sorted(runs, key=lambda run: names.index(run[0]))
    return Plan(
        split=_lengths(starts, lengths),
        order=tuple(starts.index(run) for run in runs),
        merged=_lengths(right, lengths),
    )


def _lengths(groups: Iterable[Group], lengths: Mapping[str, Length]) -> Shape:
    merged: list[Length] = []
    for group in groups:
        parts = tuple(lengths[name] for name in group)
        merged.append(size(parts))
    return tuple(merged)


def _runs(before: list[str], after: list[str]) -> list[Group]:
    """Names that follow each other on both sides move as one axis.

    That leaves fewer axes to permute, and often no copy at all.
    """
    runs: list[Group] = []
    for name in after:
        at = before.index(name)
        neighbour = before[at - 1] if at > 0 else ""  # no axis is called ""
        if runs and neighbour == runs[-1][-1]:
            runs[-1] = (*runs[-1], name)
        else:
            runs.append((name,))
    return runs


def _sides(pattern: str) -> tuple[Groups, Groups]:
    sides = [_groups(side) for side in pattern.split("->")]
    # `_groups` picks out what it knows: anything else in the text would go unseen
    if len(sides) != 2 or not re.fullmatch(r"[\w\s()>-]*", pattern):
        raise ValueError(
            f"pattern {pattern!r} must read 'axes -> axes',"
            " for example 'b t (h c) -> b h t c'"
        )
    return sides[0], sides[1]


def _groups(side: str) -> Groups:
    if side.count("(") != side.count(")"):
        raise ValueError(f"unbalanced parentheses in pattern side {side.strip()!r}")
    # (inside of parentheses, "") or ("", name)
    parts = re.findall(r"\(([^()]*)\)|(\w+)", side)
    return tuple(tuple((single or group).split()) for group, single in parts)


def _solve(
    pattern: str, group: Group, length: Length, sizes: Mapping[str, Length]
) -> dict[str, Length]:
    """Lengths of the axes of one group: at most one may be open, and it takes what is left."""
    known = {name: sizes[name] for name in group if name in sizes}
    unknown = [name for name in group if name not in sizes]
    if len(unknown) > 1:
        raise ValueError(
            f"pattern {pattern!r}: give the size of all but one of {', '.join(group)}"
        )
    product = size(tuple(known.values()))
    if unknown:
        if _leaves_a_rest(length, product):
            raise ValueError(
                f"pattern {pattern!r}: {length} is not divisible by {product}"
                f" ({', '.join(known)})"
            )
        return {**known, unknown[0]: length // product}
    if product != length:
        raise ValueError(
            f"pattern {pattern!r}: ({' '.join(group)}) has {product} elements, the axis has"
            f" {length}"
        )
    return dict(known)


def _leaves_a_rest(length: Length, divisor: Length) -> bool:
    # a symbolic length says by itself, in dims.py, where it does not divide
    if not (isinstance(length, int) and isinstance(divisor, int)):
        return False
    return divisor == 0 or length % divisor != 0
