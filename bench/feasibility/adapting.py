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
    # here: probes come with the exam, which a backend that declares nothing has no need of
    from bench.semantics import catalogue
    from bench.semantics.variants import declared

    used = spec.train.census().keys() | spec.infer.census().keys()
    for name, variant in able.semantics.items():
        probe = catalogue.table()[name]
        due = declared(probe)
        concerned = used & set(probe.ops) or optimizer.rule in probe.rules
        if concerned and due and due != variant:
            whose = ", ".join((*probe.ops, *probe.rules))
            yield (
                f"semantics of {name}: {variant} there, {due} here: {whose} has to be adapted"
            )
