"""A backend that is right but for one thing: it hands everything else to a right one.

Proxies are no subclasses of the contract's classes: whatever a contract comes to hold is the
inner object's answer, without a line here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, cast

from backends.base import Arrays, Backend, Program, Settings, Trainer
from bench.audit.planting.graphs import Rewrite, Touched, apply
from models.graph import Graph
from models.optim import Optimizer


class Proxy:
    """What is not said in a subclass is the inner object's."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    @property  # type: ignore[misc]  # mypy has it for an attribute that is written
    def __class__(self) -> Any:
        # for whoever asks by isinstance whether it keeps the contract
        return type(self.inner)

    def __getattr__(self, name: str) -> Any:
        # asked only for what is not found here
        return getattr(self.inner, name)


class WrongProgram(Proxy):
    """A program of the graph that was asked for, whatever graph the inner one runs."""

    def __init__(self, inner: Program, graph: Graph, settings: Settings) -> None:
        super().__init__(inner)
        self.graph = graph
        self.settings = settings

    def __call__(self, arrays: Arrays) -> Any:
        """As the contract has it, by what a subclass makes of its parts."""
        return Program.__call__(cast(Program, self), arrays)


class WrongTrainer(Proxy):
    """A trainer whose program is a proxy, too."""

    optimizer: Optimizer  # that was asked for

    def __init__(self, inner: Trainer, program: WrongProgram) -> None:
        super().__init__(inner)
        self.program = program


@dataclass(frozen=True, kw_only=True)
class Planting:
    """What of a backend is wrong; what is left out is right."""

    graph: Rewrite | None = None
    settings: Callable[[Settings], Settings] | None = None
    training: Callable[[Settings], Settings] | None = None  # of trainers alone
    optimizer: Callable[[Optimizer], Optimizer] | None = None
    program: type[WrongProgram] = WrongProgram
    # of trainers, where that is not `program`
    trained: type[WrongProgram] | None = None
    trainer: type[WrongTrainer] = WrongTrainer
    # claimed beside the real ones
    devices: dict[str, str] = field(default_factory=dict)
    # its noise is its own: else the harness would draw it, rightly, and feed that
    draws: bool = False


class WrongBackend(Proxy):
    """A backend with a planting, which keeps what of its graphs was touched."""

    def __init__(self, inner: Backend, planting: Planting) -> None:
        super().__init__(inner)
        self.planting = planting
        self.touched: Touched = Touched()

    @property
    def draws_noise(self) -> bool:
        """Whether it is to draw, be it by what is planted."""
        return self.planting.draws or self.inner.draws_noise

    def devices(self) -> dict[str, str]:
        """Those that are there, and those that are claimed."""
        return {**self.inner.devices(), **self.planting.devices}

    def device(self, asked: str) -> str:
        """As the contract has it, by the devices that are claimed."""
        return Backend.device(cast(Backend, self), asked)

    def precisions(self, device: str) -> dict[str, str]:
        """A claimed device has those of the one that computes."""
        found: dict[str, str] = self.inner.precisions(self._real(device))
        return found

    def synchronize(self, device: str) -> None:
        """Wait for what computes."""
        self.inner.synchronize(self._real(device))

    def peak_memory(self, device: str) -> int | None:
        """Of what computes."""
        found: int | None = self.inner.peak_memory(self._real(device))
        return found

    def program(self, graph: Graph, settings: Settings) -> Any:
        """The inner backend's program of a wrong graph, in a wrong shell, or both."""
        inner = self.inner.program(self._graph(graph, settings), self._asked(settings))
        return self.planting.program(inner, graph, settings)

    def trainer(self, graph: Graph, optimizer: Optimizer, settings: Settings) -> Any:
        """The same of a trainer."""
        if self.planting.optimizer:
            optimizer = self.planting.optimizer(optimizer)
        wrong, asked = self._graph(graph, settings), self._asked(settings)
        if self.planting.training:
            asked = self.planting.training(asked)
        inner = self.inner.trainer(wrong, optimizer, asked)
        shell = self.planting.trained or self.planting.program
        program = shell(inner.program, graph, settings)
        made = self.planting.trainer(inner, program)
        made.optimizer = optimizer
        return made

    def _graph(self, graph: Graph, settings: Settings) -> Graph:
        self.touched.seen |= {(node.op, node.where) for node in graph.nodes}
        if self.planting.graph is None:
            return graph
        return apply(self.planting.graph, graph, settings, self.touched)

    def _asked(self, settings: Settings) -> Settings:
        """What the inner backend is asked for."""
        settings = replace(settings, device=self._real(settings.device))
        return self.planting.settings(settings) if self.planting.settings else settings

    def _real(self, device: str) -> str:
        return "cpu" if device in self.planting.devices else device
