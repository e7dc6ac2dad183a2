"""What an executor is given and gives back; it knows nothing of grids, attempts and files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict

from bench.coordinator.job import Job
from bench.records import Record

Hurried = Callable[[], bool]


class Order(BaseModel):
    """Cells that are done one after the other, or against each other, in one run folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int  # by which its end is told
    jobs: tuple[Job, ...]
    alone: bool = False  # they compete: nothing else may compute on that machine
    fresh: bool = False  # by a process that has done nothing else


@dataclass(frozen=True)
class Ended:
    """An order that is done: a record for each of its cells, in their order.

    What they have left for others lies in the run folder by now.
    """

    number: int
    records: tuple[Record, ...]


@dataclass(frozen=True)
class Setting:
    """Where and how a sweep is executed."""

    workers: int  # at once, on this machine
    address: str = ""  # of a cluster; one is started here where empty
    # by backend, what its environment is made of
    environments: Mapping[str, Any] = field(default_factory=dict)


class Executor(Protocol):
    """Does orders, several at once."""

    def takes(self, order: Order) -> bool:
        """Whether it has room for this one now."""

    def submit(self, order: Order) -> None:
        """Begin with an order that it takes."""

    def ended(self, seconds: float) -> Sequence[Ended]:
        """Those that have ended since; waits so long for the first."""

    def close(self, hurried: Hurried = ...) -> None:
        """End, and cancel what is at work; its worker may save its state, unless `hurried`."""


def lost(order: Order, reason: str) -> Ended:
    """The end of an order that nobody has answered."""
    records = [
        Record(
            task=job.task,
            backend=job.backend,
            model=job.model,
            device=job.config.device,
            precision=job.config.precision,
            status="crashed",
            reason=" ".join(reason.split()),
        )
        for job in order.jobs
    ]
    return Ended(order.number, tuple(records))
