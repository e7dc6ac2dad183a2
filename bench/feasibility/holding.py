"""A manifest held against what was measured: each line that it has otherwise."""

from __future__ import annotations

from collections.abc import Iterator

from bench.feasibility.manifest import UNKNOWN, Manifest

MOST_RANK = 8  # the highest that is tried: models need 5


def disagreements(said: Manifest, seen: Manifest) -> list[str]:
    """A line for each; what a manifest leaves unknown disagrees with nothing."""
    return [
        *_ops(said, seen),
        *_bounds(said, seen),
        *_listed("dtypes", said.dtypes, seen.dtypes),
        *_listed("optimizers", said.optimizers, seen.optimizers),
        *_meanings(said, seen),
    ]


def _ops(said: Manifest, seen: Manifest) -> Iterator[str]:
    for op in sorted(said.kernels() - seen.kernels()):
        why = seen.lacks.get(op, "no kernel of it was seen")
        yield f"ops: {op} is declared, and not there: {why}"
    for op in sorted(set(said.lacks) & seen.kernels()):
        yield f"lacks.{op}: it is declared absent, and its kernel answers right"


def _bounds(said: Manifest, seen: Manifest) -> Iterator[str]:
    if said.rank == UNKNOWN:
        return
    # what was probed ends at some rank: more may be declared
    most = said.rank if isinstance(said.rank, int) else MOST_RANK
    if min(most, MOST_RANK) != seen.rank:
        yield f"rank: {said.rank} is declared, {seen.rank} was seen"


def _listed(
    field: str, said: tuple[str, ...] | str, seen: tuple[str, ...] | str
) -> Iterator[str]:
    if said == UNKNOWN:
        return
    for name in said:
        if name not in seen:
            yield f"{field}: {name} is declared, and was not seen to be right"
    for name in seen:
        if name not in said:
            yield f"{field}: {name} is not declared, and was seen to be right"


def _meanings(said: Manifest, seen: Manifest) -> Iterator[str]:
    for probe, variant in said.semantics.items():
        # one that was not measured, refused or not told apart disagrees with nothing
        came = seen.semantics.get(probe, variant)
        if came != variant:
            yield f"semantics.{probe}: {variant} is declared, {came} was seen"
