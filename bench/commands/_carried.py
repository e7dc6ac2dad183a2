"""What a backend carries, op by op: asked in a process of its own, where its framework is loaded.

Static: nothing is run. What a kernel is worth is for the op exam to say.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.errors import PosePortError


@dataclass(frozen=True)
class Carrier:
    """One backend's answers; `error` where it gave none."""

    gaps: Mapping[str, str]  # op -> why it cannot
    bodies: frozenset[str]  # ops without a kernel, that run by their bodies
    autograd: str = ""  # "yes", or what there is in its place
    error: str = ""

    def verdict(self, needed: Iterable[str], open: Sequence[str]) -> str:
        """Native, composed, blocked or open: a word, and what it is about."""
        if self.error:
            return "not asked"
        asked = sorted(needed)
        if gaps := [f"{op} ({self.gaps[op]})" for op in asked if op in self.gaps]:
            return f"blocked: {', '.join(gaps)}"
        if open:
            return f"open: {', '.join(open)}"
        if composed := [op for op in asked if op in self.bodies]:
            return f"composed: {', '.join(composed)}"
        return "native"


def carrier(name: str) -> Carrier:
    """Ask one backend. Raises UnknownName and Missing; what else it does is its `error`."""
    import backends
    from bench.processes import question

    backends.require(name)
    try:
        said = question.ask("bench.commands._carried", [name], patience=question.SHORT)
    except PosePortError as error:
        # one that breaks takes nothing from the others
        return Carrier({}, frozenset(), error=str(error))
    return Carrier(said["gaps"], frozenset(said["bodies"]), said["autograd"])


def _answer(arguments: Sequence[str]) -> dict[str, Any]:
    """The child's answer."""
    from bench.processes import contract

    watch = contract.Watch()
    backend = contract.loaded(arguments[0], watch)
    found = of(backend)
    # what a cell can do without is all that is asked here
    if watch.breaches:
        raise PosePortError(watch.breaches[0])
    return found | {"autograd": backend.features().get("autograd", "yes")}


def of(backend: Any) -> dict[str, Any]:
    """Gaps and bodies of a backend, by the whole op table."""
    from backends.base import missing_ops
    from bench.exam.draws import draw
    from bench.exam.probe import Probe
    from models import ops

    gaps: dict[str, str] = {}
    bodies = []
    for name, op in ops.table().items():
        if name in backend.kernels:
            continue
        # the op as its first case has it, alone in a graph: enough to know what its body needs
        case = op.cases[0]
        graph = Probe(name, draw(case, (0,)), case.attributes).graph()
        missing = missing_ops(backend, graph)
        if name in missing:
            gaps[name] = missing[name]
        else:
            bodies.append(name)
    return {"gaps": gaps, "bodies": bodies}


if __name__ == "__main__":
    from bench.processes.question import answer

    sys.exit(answer(_answer))
