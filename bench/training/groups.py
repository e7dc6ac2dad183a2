"""Groups of parameters by globs of their official names: with a rate of their own, or frozen.

    groups: [{params: head.*, lr: 1e-3}, {params: "*", frozen: true}]

The first group that fits a name has it; what no group fits trains as everything does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from bench.training.settings import Group
from models.errors import BadInput, UnknownName


def taken(groups: Sequence[Group], names: Iterable[str]) -> dict[str, Group]:
    """The group of each parameter that has one."""
    found = {}
    for name in names:
        fitting = (one for one in groups if fnmatchcase(name, one.params))
        if group := next(fitting, None):
            found[name] = group
    return found


def frozen(groups: Sequence[Group], trained: Sequence[str]) -> set[str]:
    """Which of the parameters that a model trains are frozen.

    Raises UnknownName for a group that fits none, BadInput for one whose parameters are all of
    groups before it.
    """
    found = taken(groups, trained)
    for group in groups:
        if not any(fnmatchcase(name, group.params) for name in trained):
            # by their first parts, which are few
            parts = dict.fromkeys(name.partition(".")[0] for name in trained)
            near = [f"{part}.*" for part in parts]
            raise UnknownName("parameter of a group", group.params, near)
        if group not in found.values():
            raise BadInput(
                f"groups: all parameters of {group.params} are of groups before it; the first"
                " that fits has them: put it before, or leave it out"
            )
    return {name for name, group in found.items() if group.frozen}


def factors(
    groups: Sequence[Group], names: Iterable[str], lr: float
) -> tuple[tuple[str, float], ...]:
    """By how much the rate of a parameter differs from `lr`, where it does."""
    found = []
    for name, group in taken(groups, names).items():
        if group.lr is not None and group.lr != lr:
            found.append((name, group.lr / lr))
    return tuple(found)
