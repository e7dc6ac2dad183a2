"""Axis patterns: "b t (h c) -> b h t c" becomes reshape, permute_dims, reshape, each left
out where it would change nothing.

After einops (Rogozhnikov, ICLR 2022): names on both sides are the same set; parentheses
group axes, row-major.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from models.dims import Length, Shape, size

Groups = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Plan:
    """The three shapes of a rearrangement: split axes, order them, merge them."""

    split: Shape
    order: tuple[int, ...]
    merged: Shape


def plan(pattern: str, shape: Shape, sizes: Mapping[str, Length]) -> Plan:
    """Work out a pattern for `shape`; `sizes` fixes axes that a group leaves open.

    Raises ValueError saying what does not fit.
    """
    left, right = _sides(pattern)
    names = [name for group in left for name in group]
    wanted = [name for group in right for name in group]
    if len(set(names)) != len(names) or sorted(names) != sorted(wanted):
        raise ValueError(f"pattern {pattern!r} must name the same axes once on each side")
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
    starts = sorted(runs, key=lambda run: names.index(run[0]))
    return Plan(
        split=tuple(size(tuple(lengths[name] for name in run)) for run in starts),
        order=tuple(starts.index(run) for run in runs),
        merged=tuple(size(tuple(lengths[name] for name in group)) for group in right),
    )


def _runs(before: list[str], after: list[str]) -> list[tuple[str, ...]]:
    """Names that follow each other on both sides move as one axis; fewer axes to permute,
    and often no copy at all.
    """
    runs: list[tuple[str, ...]] = []
    for name in after:
        at = before.index(name)
        if runs and at > 0 and before[at - 1] == runs[-1][-1]:
            runs[-1] = (*runs[-1], name)
        else:
            runs.append((name,))
    return runs


def _sides(pattern: str) -> tuple[Groups, Groups]:
    sides = [_groups(side) for side in pattern.split("->")]
    if len(sides) != 2 or not re.fullmatch(r"[\w\s()>-]*", pattern):
        raise ValueError(
            f"pattern {pattern!r} must read 'axes -> axes', for example 'b t (h c) -> b h"
            " t c'"
        )
    return sides[0], sides[1]


def _groups(side: str) -> Groups:
    if side.count("(") != side.count(")"):
        raise ValueError(f"unbalanced parentheses in pattern side {side.strip()!r}")
    parts = re.findall(r"\(([^()]*)\)|(\w+)", side)
    return tuple((single,) if single else tuple(group.split()) for group, single in parts)


def _solve(
    pattern: str, group: tuple[str, ...], length: Length, sizes: Mapping[str, Length]
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
        if (
            isinstance(length, int)
            and isinstance(product, int)
            and (product == 0 or length % product)
        ):
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
