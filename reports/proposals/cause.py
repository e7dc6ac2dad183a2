"""Causes: each thing that stands in the way of models, with all that need it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from bench.records import Feasibility, Obstacle, Record, Run
from reports import cells

INFER = "infer"


@dataclass(frozen=True, order=True)
class Cause:
    """An op, a rank, a type, or a second graph that is not there, or not known to be."""

    kind: str
    what: str
    unknown: bool = False

    @property
    def title(self) -> str:
        """In a word or two, as it stands in a list."""
        before = {"rank": "rank ", "dtype": "type "}.get(self.kind, "")
        return f"{before}{self.what}" + (" (unknown)" if self.unknown else "")

    def met(self, built: Collection[Cause]) -> bool:
        """Whether what was built is enough: a higher rank holds the lower ones."""
        if self.kind != "rank":
            return self in built
        ranks = [int(one.what) for one in built if one.kind == "rank"]
        return max(ranks, default=0) >= int(self.what)


def of(one: Obstacle) -> Cause:
    """The cause of an obstacle: an op that an optimizer's rule needs is an op."""
    kind = "op" if one.kind == "optimizer" else one.kind
    return Cause(kind, one.what, one.unknown)


Found = list[tuple[Record, Feasibility]]


def judged(run: Run, backend: str) -> Found:
    """The models of a backend whose obstacles were looked for."""
    here = [record for record in run.records if record.backend == backend]
    found = cells.payloads(here, Feasibility)
    return [(record, payload) for record, payload in found if payload.answers]


def wanted(found: Found, *, training: bool) -> dict[str, frozenset[Cause]]:
    """What each model would have to find there, to be run, or to be trained as well."""
    return {
        record.model: frozenset(
            of(one) for one in payload.obstacles if training or one.graph == INFER
        )
        for record, payload in found
    }


def every(found: Found) -> dict[Cause, list[tuple[str, Obstacle]]]:
    """Each cause with the models and obstacles that it makes, the most wanted first."""
    causes: dict[Cause, list[tuple[str, Obstacle]]] = {}
    for record, payload in found:
        for one in payload.obstacles:
            causes.setdefault(of(one), []).append((record.model, one))

    def weight(cause: Cause) -> tuple[int, Cause]:
        return -len(names(causes[cause])), cause

    return {cause: causes[cause] for cause in sorted(causes, key=weight)}


def names(asking: Iterable[tuple[str, Obstacle]]) -> list[str]:
    """The models, each once."""
    return list(dict.fromkeys(model for model, _ in asking))
