"""Which to build next: the greedy cover, the most models for the fewest things at every step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from reports.proposals.cause import Cause

Wanted = Mapping[str, frozenset[Cause]]  # by model


@dataclass(frozen=True)
class Step:
    """Things that are built together, and the models that nothing stops from then on."""

    build: tuple[Cause, ...]
    unlocks: tuple[str, ...]

    @property
    def title(self) -> str:
        """What is built, in words."""
        return ", ".join(one.title for one in self.build)


def greedy(wanted: Wanted) -> list[Step]:
    """Steps until every model is free; those that are free at the start are in none.

    A step is all that one model still lacks: a single thing often frees nobody. Of such sets the
    one that frees most models for each thing in it is taken, and of equals the smallest.
    """
    built: set[Cause] = set()
    steps: list[Step] = []
    while left := _left(wanted, built):
        sets = sorted({tuple(sorted(lacks)) for lacks in left.values()})
        best = max(sets, key=lambda build: _worth(build, left, built))
        free = tuple(
            model for model in left if not _lacks(wanted[model], built | {*best})
        )
        steps.append(Step(best, free))
        built |= set(best)
    return steps


def running(steps: Sequence[Step], free: int, of: int) -> Iterator[tuple[Step, str]]:
    """Each step, and what all until then have made of so many models; `free` are from the start."""
    built = 0
    for step in steps:
        built += len(step.build)
        free += len(step.unlocks)
        yield step, _summed(built, free, of)


def _summed(built: int, free: int, of: int) -> str:
    these = "this makes" if built == 1 else f"these {built} make"
    return f"{these} {free} of {of}"


def _left(wanted: Wanted, built: set[Cause]) -> dict[str, frozenset[Cause]]:
    """What models that are not free yet still lack."""
    lacking = {model: _lacks(causes, built) for model, causes in wanted.items()}
    return {model: lacks for model, lacks in lacking.items() if lacks}


def _lacks(causes: frozenset[Cause], built: set[Cause]) -> frozenset[Cause]:
    return frozenset(one for one in causes if not one.met(built))


def _worth(
    build: tuple[Cause, ...], left: Wanted, built: set[Cause]
) -> tuple[float, int]:
    after = built | {*build}
    freed = sum(not _lacks(causes, after) for causes in left.values())
    return freed / len(build), -len(build)
