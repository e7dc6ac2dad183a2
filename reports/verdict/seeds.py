"""Trainings of one model with several seeds: what each backend comes to, and who is whose equal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from bench.records import Again, Record, Run, Training
from reports import cells, equivalence
from reports.equivalence import Mean, Tested
from reports.verdict import alike

MARGIN = 1.0  # mm, in runs of before the configuration had one


@dataclass(frozen=True)
class Seeded:
    """The trainings of a model on a backend, one for each seed."""

    record: Record
    scores: tuple[
        float, ...
    ]  # last validation errors; those that diverged are left out
    lost: int  # how many did
    unit: str
    budget: tuple[str, int, int]  # protocol, steps, batch: what makes scores comparable
    training: Training
    mean: Mean


@dataclass(frozen=True)
class Pair:
    """Two backends beside each other."""

    one: Seeded
    other: Seeded
    tested: Tested

    @property
    def batches(self) -> str:
        """What is to be said where theirs are unequal; empty where they are equal."""
        both = {each.record.backend: each.training for each in (self.one, self.other)}
        return alike.marked(both)


def seeded(run: Run) -> list[Seeded]:
    """Every model on every backend that was trained with more than one seed."""
    found = []
    for record, payload in cells.payloads(run.records, Training):
        again = _again(run, record)
        if again is None or not again.own_seeds:
            continue
        told = (alike.last(payload), *again.own_scores)
        scores = tuple(alike.finite(told))
        if not scores:
            continue
        found.append(
            Seeded(
                record=record,
                scores=scores,
                lost=len(told) - len(scores),
                unit=payload.validation_unit,
                budget=alike.budget(payload),
                training=payload,
                mean=equivalence.mean(scores),
            )
        )
    return found


def pairs(run: Run) -> Iterator[Pair]:
    """Backends that trained one model alike in protocol, steps and batch, two by two."""
    for one, other in combinations(seeded(run), 2):
        # the margin is of millimetres
        if _about(one) == _about(other) and one.unit == "mm":
            found = equivalence.tested(one.scores, other.scores, margin=margin(run))
            yield Pair(one, other, found)


def margin(run: Run) -> float:
    """By how many mm two means may differ and be as good as equal."""
    asked: Any = run.info.config.get("equivalence_margin", MARGIN)
    return float(asked)


def _about(one: Seeded) -> tuple[object, ...]:
    return one.record.model, one.record.precision, one.unit, one.budget


def _again(run: Run, record: Record) -> Again | None:
    """Its trainings with other seeds, which are a cell of their own."""
    about = (record.backend, record.model, record.device, record.precision)
    for other, payload in cells.payloads(run.records, Again):
        if about == (other.backend, other.model, other.device, other.precision):
            return payload
    return None
