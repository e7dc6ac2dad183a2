"""Sittings: the same questions put to one program several times, with other numbers each time.

A framework that compiles does so once for all of them, and a program that remembers what it
was given before is found out: the first sitting comes again at the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from backends.base import Backend, Settings, gradient_trainer
from bench.exam.probe import (
    Arrays,
    Probe,
    Results,
    fed,
    forward,
    marked,
    results_of,
)
from models.graph import Graph
from models.passes import decompose

# probes of one structure: what differs are numbers, and lengths that are left open
Sheet = Sequence[Probe]


def values(
    sheets: Sequence[Sheet],
    backend: Backend,
    settings: Settings,
    *,
    body: bool = False,
) -> list[list[Results]]:
    """What a backend gives in each sitting of each sheet, and in its first one again."""
    graph = forward([sheet[0] for sheet in sheets])
    program = backend.program(decompose(graph, has=()) if body else graph, settings)
    came: list[list[Results]] = [[] for _ in sheets]
    for sitting in [*sittings(sheets), [sheet[0] for sheet in sheets]]:
        outputs = program(fed(sitting, Probe.arrays))
        for found, (mark, _) in zip(came, marked(sitting), strict=True):
            found.append(results_of(outputs, mark))
    pairs = zip(came, sheets, strict=True)
    return [[*found[: len(sheet)], found[-1]] for found, sheet in pairs]


def slopes(
    graph: Graph,
    sheets: Sequence[Sheet],
    backend: Backend,
    settings: Settings,
) -> list[list[Arrays]]:
    """The gradients that a backend finds in each sitting of each sheet."""
    trainer = gradient_trainer(backend, graph, settings)
    came: list[list[Arrays]] = [[] for _ in sheets]
    for sitting in sittings(sheets):
        trainer.program.load(fed(sitting, Probe.floats))
        # all tensors are parameters or constants: nothing is fed
        _, found = trainer.gradients(trainer.program.put({}))
        for own, (mark, probe) in zip(came, marked(sitting), strict=True):
            names = [name for name in probe.floats() if name not in probe.state()]
            own.append({name: found[name + mark] for name in names})
    return [own[: len(sheet)] for own, sheet in zip(came, sheets, strict=True)]


def sittings(sheets: Sequence[Sheet]) -> Iterator[list[Probe]]:
    """One probe of each sheet at a time; of a sheet that has run out, its first again."""
    for i in range(max(map(len, sheets))):
        yield [sheet[i] if i < len(sheet) else sheet[0] for sheet in sheets]
