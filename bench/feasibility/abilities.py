"""What a framework has, be it known by asking its adapter or from a declaration alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

from backends.base import Backend
from models import ops

Known = Literal["yes", "no", "unknown"]
TAKEN = "taken away by `without`"  # why an op is not there


@dataclass(frozen=True, kw_only=True)
class Abilities:
    """Ops by kernel, and the bounds in which they work. None: nobody knows, and none is drawn."""

    name: str
    kernels: Collection[str]
    gaps: Mapping[str, str] = field(default_factory=dict)  # op -> why not
    unknown: Collection[str] = ()  # ops of which nobody says whether they are there
    declared: bool = False  # nothing of it was asked of the framework
    rank: int | None = (
        None  # the largest; None where `knows_rank` is False, or without bound
    )
    knows_rank: bool = True
    dtypes: Collection[str] | None = None
    optimizers: Collection[str] | None = None
    autograd: Known = "yes"
    second_graph: Known = "yes"  # whether inference may be another graph than training
    dynamic: Known = "yes"
    features: Mapping[str, str] = field(default_factory=dict)
    semantics: Mapping[str, str] = field(default_factory=dict)  # probe -> variant

    def state(self, op: str) -> Known:
        """Whether a primitive, or the kernel of a composition, is there."""
        if op in self.kernels:
            return "yes"
        return "unknown" if op in self.unknown else "no"

    def reason(self, op: str) -> str:
        """Why it is not there, as far as anybody says."""
        if self.state(op) == "unknown":
            return "unknown: the declaration does not say"
        return self.gaps.get(op, "no kernel")


def of_backend(
    backend: Backend, features: Mapping[str, str], without: Collection[str] = ()
) -> Abilities:
    """What an adapter says, less the ops that are taken away."""
    taken = dict.fromkeys(without, TAKEN)
    autograd = features.get("autograd", "yes")
    return Abilities(
        name=backend.name,
        kernels=set(backend.kernels) - set(without),
        gaps={**backend.gaps, **taken},
        autograd="yes" if autograd.startswith("yes") else "no",
        features=features,
    )


def undefined(kernels: Collection[str], gaps: Collection[str]) -> set[str]:
    """The ops of the language of which neither is said."""
    return set(ops.table()) - set(kernels) - set(gaps)
