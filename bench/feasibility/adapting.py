"""What of a framework's semantics a model would not bear: declared there, and other than here."""

from __future__ import annotations

from collections.abc import Iterator

from bench.feasibility.abilities import Abilities
from models.optim import Optimizer
from models.spec import Spec


def told(spec: Spec, able: Abilities, optimizer: Optimizer) -> tuple[str, ...]:
    """In words, for each meaning that the model's graphs or its optimizer have otherwise."""
    return tuple(_told(spec, able, optimizer))


def _told(spec: Spec, able: Abilities, optimizer: Optimizer) -> Iterator[str]:
    if not able.semantics:
        return
    # here: they bring the exam along
    from bench.semantics import catalogue
    from bench.semantics.variants import declared

    for name, variant in able.semantics.items():
        probe = catalogue.table()[name]
        due = declared(probe)
        if not due or due == variant:
            continue
        if probe.concerns(spec, optimizer, variant):
            whose = ", ".join((*probe.ops, *probe.rules))
            yield (
                f"semantics of {name}: {variant} there, {due} here: {whose} has to be adapted"
            )
