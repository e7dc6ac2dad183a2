"""A backend that does one thing wrong in one method, from its n-th call on; else it is the oracle.

Its kind, its program and its trainer are NumPy's, in float32, under another name.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from typing import Any

import pytest

import backends
from backends.base import Backend, Program, Settings, Trainer
from backends.numpy.backend import NumpyBackend
from backends.numpy.program import NumpyProgram
from backends.numpy.train import NumpyTrainer
from models.gradient import gradient
from models.graph import Graph
from models.optim import Optimizer

NAME = "shaky"
KINDS = {"Backend": NumpyBackend, "Program": NumpyProgram, "Trainer": NumpyTrainer}
ATTRIBUTES = ("kernels", "gaps", "part_gaps", "modes", "draws_noise")


class Planted(Exception):
    """What a method raises that was made to."""


def raises(error: BaseException) -> Callable[[Any], Any]:
    """A deed: raise instead of answering."""

    def deed(answer: Any) -> Any:
        raise error

    return deed


def boom(answer: Any) -> Any:
    """The usual deed."""
    raise Planted("boom")


@dataclass
class Fault:
    """`deed` makes an answer of the right one, in `method` (`Program.put`), from a call on."""

    method: str
    deed: Callable[[Any], Any] = boom
    call: int = 1
    calls: int = 0

    @property
    def kind(self) -> str:
        return self.method.partition(".")[0]

    @property
    def name(self) -> str:
        return self.method.partition(".")[2]

    @property
    def said(self) -> str:
        """How the method is called in a record."""
        return f"Numpy{self.method}"

    @property
    def fired(self) -> bool:
        return self.calls >= self.call


def spoilt(kind: str, fault: Fault) -> Any:
    """The class of a kind, with the fault where it is of that kind."""
    right = KINDS[kind]
    if fault.kind != kind:
        return right
    held = getattr(right, fault.name)

    def wrong(self: Any, *given: Any, **named: Any) -> Any:
        fault.calls += 1
        # it has happened all the same, as of a method that fails in its last line
        answer = held(self, *given, **named) if callable(held) else held
        return fault.deed(answer) if fault.fired else answer

    if fault.name in ATTRIBUTES:
        made: Any = property(lambda self: _attribute(fault, held))
    else:
        made = wrong
    return type(right.__name__, (right,), {fault.name: made})


def _attribute(fault: Fault, held: Any) -> Any:
    fault.calls += 1
    return fault.deed(held) if fault.fired else held


def shaky(fault: Fault) -> Backend:
    """The backend with a fault."""
    program, trainer = spoilt("Program", fault), spoilt("Trainer", fault)

    class Trained(trainer):  # type: ignore[misc, valid-type]
        def __init__(
            self, graph: Graph, optimizer: Optimizer, settings: Settings
        ) -> None:
            super().__init__(graph, optimizer, settings)
            self.program = program(gradient(graph), settings)

    Trained.__name__ = trainer.__name__

    class Made(NumpyBackend):
        name = NAME

        def program(self, graph: Graph, settings: Settings) -> Program:
            found: Program = program(graph, settings)
            return found

        def trainer(
            self, graph: Graph, optimizer: Optimizer, settings: Settings
        ) -> Trainer:
            found: Trainer = Trained(graph, optimizer, settings)
            return found

    KINDS["Backend"] = Made
    try:
        made: Backend = spoilt("Backend", fault)()
    finally:
        KINDS["Backend"] = NumpyBackend
    type(made).__name__ = "NumpyBackend"
    return made


def register(monkeypatch: pytest.MonkeyPatch, fault: Fault) -> None:
    """Make the backend known in this process, as an outside package would."""
    module = types.ModuleType("shaky_backend")
    module.__dict__.update(REQUIRES=(), EXTRA="", load=lambda: shaky(fault))
    monkeypatch.setitem(__import__("sys").modules, "shaky_backend", module)
    entry = EntryPoint(NAME, "shaky_backend", "poseport.backends")
    monkeypatch.setattr(backends, "_outside", lambda: {NAME: entry})
