"""A backend under watch: it is asked as ever, and each of its answers is looked at.

What breaks the contract is refused at the border, where the method is known: three calls later
nobody could say whose fault a missing name is. On the way it is noted where the tensors really
lie and in which precision programs are made, which is more than what was asked for.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, cast

import numpy as np

import backends
from backends.base import (
    Backend,
    Breach,
    DrawingProgram,
    DrawingTrainer,
    GraphTrainer,
    Program,
    Settings,
    Trainer,
)
from bench.processes import calls, due, memory
from bench.processes.blame import said
from bench.processes.due import Call, Look
from bench.processes.memory import OutOfMemory
from models.errors import PosePortError
from models.graph import FLOATS, Graph

T = TypeVar("T")
# What a cell can do without, and what then stands for it: the breach is noted and fails the
# cell, but what can be measured is measured.
SPARE: Mapping[str, Any] = {
    "gaps": {},
    "part_gaps": (),
    "modes": {"eager": None},
    "editions": {},
    "peak_memory": None,
    "pin": {},
    "optimizers": {},
}
# What the contract makes itself, over what a backend has made.
OVER = (GraphTrainer, DrawingProgram, DrawingTrainer)


class Stop(BaseException):
    """The run is being interrupted: a task may save what it has, then the worker ends."""


@dataclass
class Watch:
    """What is seen of a backend in one cell."""

    breaches: list[str] = field(default_factory=list)  # those that were gone on with
    asked: str = ""  # device
    # programs are of single ops, some of which a framework may have on the CPU alone
    scattered: bool = False
    devices: set[str] = field(default_factory=set)  # on which results lay
    precisions: dict[str, None] = field(default_factory=dict)  # as they came

    def note(self, breach: str) -> None:
        """Keep a breach, once."""
        if breach not in self.breaches:
            self.breaches.append(breach)

    def astray(self) -> set[str]:
        """Where results lie that were asked for elsewhere."""
        if self.scattered and self.asked in self.devices:
            return set()
        return self.devices - {self.asked}


def loaded(name: str, watch: Watch) -> Backend:
    """The backend called `name`, watched.

    Raises as `backends.require` does, and Breach where its `load` raises or makes no backend.
    """
    try:
        with calls.at(f"load() of backend {name}"):
            made: Any = backends.load(name)
    except (PosePortError, MemoryError, Stop):
        raise
    except BaseException as error:
        raise Breach(f"load() of backend {name} raised {said(error)}") from error
    if not isinstance(made, Backend):
        raise Breach(
            f"load() of backend {name} gave {due.kind(made)}; a Backend was due"
        )
    return watched(made, watch)


def watched(backend: Backend, watch: Watch) -> Backend:
    """The backend with an eye on it, and on all programs and trainers that it makes."""
    return cast(Backend, _WatchedBackend(backend, watch))


def bare(thing: T) -> T:
    """A watched program or trainer without the eye, for what is timed."""
    if isinstance(thing, _Watched):
        return cast(T, thing._inner)
    if not isinstance(thing, OVER):
        return thing
    # weights, slots and generator are those of the watched one
    plain = copy.copy(thing)
    for name in ("inner", "program"):
        if name in vars(thing):
            setattr(plain, name, bare(getattr(thing, name)))
    return cast(T, plain)


def timed(thing: Any, method: str) -> str:
    """The call of a bare one, by the class of who has made it."""
    return calls.of(getattr(thing, "inner", thing), method)


class _Watched:
    """Passes everything on, and looks at what the contract knows of.

    By name and not by class: what the contract gains is passed on without a line here.
    """

    # the contract's own, whose ready-made methods are to ask the watched ones
    ROLE: type = object
    LOOKS: Mapping[str, Look] = {}

    def __init__(self, inner: Any, watch: Watch, graph: Graph | None = None) -> None:
        self._inner = inner
        self._watch = watch
        self._graph = graph

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)  # what Python itself looks for, of a copy say
        written: Any = getattr(self.ROLE, name, None)
        inherited = getattr(type(self._inner), name, None) is written
        if callable(written) and inherited:
            return written.__get__(self)
        if name not in self.LOOKS:
            return getattr(self._inner, name)
        if callable(written):
            return lambda *given, **named: self._answer(name, given, named)
        call = Call(self._inner, name, self._graph)
        return self._held(call, lambda: _attribute(call))

    def _answer(self, name: str, given: tuple[Any, ...], named: dict[str, Any]) -> Any:
        call = Call(self._inner, name, self._graph, (*given, *named.values()))
        return self._held(call, lambda: getattr(self._inner, name)(*given, **named))

    def _held(self, call: Call, ask: Callable[[], Any]) -> Any:
        """The answer, if it is one; what stands for it, where a cell can do without."""
        before = calls.begin(call.name)
        try:
            came = _asked(ask)
            self.LOOKS[call.method](call, came)
        except Exception as error:
            if call.method not in SPARE or isinstance(error, MemoryError):
                raise
            self._watch.note(said(error))
            return SPARE[call.method]
        finally:
            calls.end(before)
        return self._seen(call, came)

    def _seen(self, call: Call, came: Any) -> Any:
        """What goes back to who asked."""
        return came


def _attribute(call: Call) -> Any:
    """What is no method. Raises Breach where there is nothing of the name."""
    try:
        return getattr(call.owner, call.method)
    except AttributeError as error:
        if error.obj is not call.owner:
            raise  # of something within a property
        raise Breach(
            f"{call.name} is missing; docs/backends.md says what it is"
        ) from None


def _asked(ask: Callable[[], T]) -> T:
    """An answer; what is no Exception becomes one, so that it ends the cell at most.

    Raises OutOfMemory whatever class a framework has for it, so that it ends the cell, too.
    """
    try:
        return ask()
    except Stop:
        raise
    except Exception as error:
        if memory.ran_out(error):
            raise OutOfMemory(said(error)) from error
        raise
    except BaseException as error:  # SystemExit and the like from within a kernel
        raise Breach(said(error)) from error


class _WatchedProgram(_Watched):
    """A program, whose first outputs are asked where they lie."""

    ROLE, LOOKS = Program, due.PROGRAM
    _located = False

    def __call__(self, arrays: Any) -> Any:
        return Program.__call__(cast(Program, self), arrays)

    def locate(self, tensors: Iterable[Any]) -> None:
        """Note where tensors lie, as far as the framework says."""
        try:
            found = {self.device_of(tensor) for tensor in tensors}
        except Exception as error:  # the numbers themselves may be had all the same
            self._watch.note(said(error))
        else:
            self._watch.devices |= found - {""}

    def _seen(self, call: Call, came: Any) -> Any:
        # once: no framework moves house between two calls, and asking takes time
        if call.method == "run" and not self._located and self._graph is not None:
            self._located = True
            types, outputs = self._graph.types, self._graph.outputs
            floats = [name for name in came if types[outputs[name]].dtype in FLOATS]
            self.locate(came[name] for name in floats)
        return came


class _WatchedTrainer(_Watched):
    """A trainer, whose first loss is asked where it lies; else its weights are."""

    ROLE, LOOKS = Trainer, due.TRAINER
    _located = False
    _program: Any = None

    def _seen(self, call: Call, came: Any) -> Any:
        if call.method == "program":
            # one for one: some ask whether it is the same
            if self._program is None or self._program._inner is not came:
                graph = getattr(came, "graph", self._graph)
                self._program = _WatchedProgram(came, self._watch, graph)
            return self._program
        if call.method == "step" and not self._located:
            self._located = True
            self._locate(came)
        return came

    def _locate(self, loss: Any) -> None:
        program = cast(_WatchedProgram, self.program)
        if not isinstance(loss, np.ndarray | np.generic | float):
            program.locate([loss])
            return
        # a number says nothing of where it was computed
        try:
            held = program.weights()
        except Exception as error:
            self._watch.note(said(error))
            return
        trained = self._graph.trainable() if self._graph else ()
        program.locate(held[name] for name in trained if name in held)


class _WatchedBackend(_Watched):
    """A backend, whose programs and trainers are watched too."""

    ROLE, LOOKS = Backend, due.BACKEND

    def _answer(self, name: str, given: tuple[Any, ...], named: dict[str, Any]) -> Any:
        if name not in ("program", "trainer"):
            return super()._answer(name, given, named)
        graph, *rule, settings = given + tuple(named.values())
        self.checked(settings)
        if self.draws_noise or not settings.draw_noise or not graph.noise:
            return super()._answer(name, given, named)
        fed = replace(settings, draw_noise=False)
        made = super()._answer(name, (graph, *rule, fed), {})
        over = DrawingProgram if name == "program" else DrawingTrainer
        return over(made, settings.seed)

    def _seen(self, call: Call, came: Any) -> Any:
        if call.method == "editions":
            return {name: watched(one, self._watch) for name, one in came.items()}
        if call.method not in ("program", "trainer"):
            return came
        for given in call.given:
            if isinstance(given, Settings):
                self._watch.precisions[given.precision] = None
        kind = _WatchedProgram if call.method == "program" else _WatchedTrainer
        return kind(came, self._watch, call.given[0])
