"""What a backend draws for some patterns: in calls of a program, in steps, in gradients.

All of it comes as the numbers that the tensor under the noise has become: 0 where a dropout has
dropped, or the noise itself where nothing else is looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from backends.base import Backend, Settings, Trainer
from bench.parity.noise import patterns as asked
from bench.parity.noise.patterns import COPIES, Arrays, Pattern
from models.optim import Optimizer

CALLS = 3  # of a program, and steps of a trainer
FEWER = 2  # gradients, and calls that a twin repeats
# a step of it takes the gradient off the weights
PLAIN = Optimizer("sgd", 1.0, 0.0, momentum=0.0)


@dataclass(frozen=True)
class Question:
    """Who is to draw what, and what it meets."""

    backend: Backend
    settings: Settings
    patterns: Sequence[Pattern]
    fed: Arrays

    def first(self, *, seed: int = 0) -> Question:
        """The same of one pattern, whose graph compiles sooner; `seed` is added."""
        later = replace(self.settings, seed=self.settings.seed + seed)
        return replace(self, patterns=self.patterns[:1], settings=later)


@dataclass(frozen=True)
class Drawn:
    """What one pattern drew: (calls, copies, *shape)."""

    pattern: int
    source: str  # what was called
    values: np.ndarray


@dataclass(frozen=True)
class Pair:
    """Draws of the first pattern that are to be the same, or to have nothing in common."""

    what: str
    source: str
    one: np.ndarray
    other: np.ndarray


@dataclass(frozen=True)
class Loss:
    """A loss, and what the gradients of the same call make of it."""

    source: str
    value: float
    due: float
    terms: float  # sum of the sizes of what is summed


@dataclass
class Seen:
    """All that came."""

    drawn: list[Drawn] = field(default_factory=list)
    twins: list[Pair] = field(default_factory=list)
    strangers: list[Pair] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)

    def add(self, source: str, values: Sequence[np.ndarray]) -> None:
        """Keep what each pattern drew."""
        self.drawn += [Drawn(i, source, one) for i, one in enumerate(values)]

    def compare(
        self,
        source: str,
        one: np.ndarray,
        twin: np.ndarray,
        stranger: np.ndarray,
    ) -> None:
        """Keep what others drew that were made with the same seed, and with another."""
        again = "the same seed repeats"
        self.twins.append(Pair(again, source, one[: len(twin)], twin))
        self.strangers.append(Pair("seeds", source, one, stranger))


def forward(question: Question) -> Seen:
    """Calls of a program, of one that is made alike, and of one with the next seed."""
    values = _called(question, CALLS)
    # one after the other: the generator may belong to the whole process
    one = values[0]
    if len(values) > 1:
        [one] = _called(question.first(), CALLS)
    [twin] = _called(question.first(), FEWER)
    # a neighbour: seeds that are added to a count of calls meet there
    [stranger] = _called(question.first(seed=1), 1)
    seen = Seen()
    seen.add("program", values)
    seen.compare("program", one, twin, stranger)
    return seen


def training(question: Question) -> Seen:
    """Steps of a trainer and of others as in `forward`; gradients of the first pattern."""
    seen = Seen()
    trainer = _trainer(question)
    values = _steps(trainer, question, CALLS, seen)
    seen.add("step", values)
    _resume(trainer, question, seen)
    first = question.first()
    one = values[0]
    if len(values) > 1:
        trainer = _trainer(first)
        [one] = _steps(trainer, first, CALLS, seen)
    seen.add("gradients", _gradients(trainer, first, seen))
    [twin] = _steps(_trainer(first), first, FEWER, seen)
    later = question.first(seed=1)
    [stranger] = _steps(_trainer(later), later, 1, seen)
    seen.compare("step", one, twin, stranger)
    return seen


def _called(question: Question, times: int) -> list[np.ndarray]:
    """What each pattern draws in the first calls of a program."""
    graph = asked.forward(question.patterns)
    program = question.backend.program(graph, question.settings)
    program.load({})
    calls = [program(question.fed) for _ in range(times)]
    return _stacked(calls, "y", len(question.patterns))


def _trainer(question: Question) -> Trainer:
    graph = asked.training(question.patterns)
    return question.backend.trainer(graph, PLAIN, question.settings)


def _steps(
    trainer: Trainer,
    question: Question,
    times: int,
    seen: Seen,
) -> list[np.ndarray]:
    """What steps take off the weights, which is the loss's gradient in them."""
    start = _start(question.patterns)
    calls = []
    for _ in range(times):
        # from the start each time: weights that grow would lose digits of the difference
        trainer.program.load(start)
        loss = trainer.step(trainer.program.put(question.fed))
        after = trainer.program.params()
        moved = {name: start[name] - after[name] for name in start}
        seen.losses.append(_weighed("step", float(loss), start, moved))
        calls.append(moved)
    return _stacked(calls, "w", len(question.patterns))


def _resume(trainer: Trainer, question: Question, seen: Seen) -> None:
    """A step, and the step after the state of before it was loaded."""
    state = trainer.state()
    [one, *_] = _steps(trainer, question, 1, seen)
    trainer.load_state(state)
    [other, *_] = _steps(trainer, question, 1, seen)
    seen.twins.append(Pair("a loaded state goes on", "step", one, other))


def _gradients(
    trainer: Trainer,
    question: Question,
    seen: Seen,
) -> list[np.ndarray]:
    start = _start(question.patterns)
    trainer.program.load(start)
    calls = []
    for _ in range(FEWER):
        loss, grads = trainer.gradients(trainer.program.put(question.fed))
        seen.losses.append(_weighed("gradients", loss, start, grads))
        calls.append(grads)
    return _stacked(calls, "w", len(question.patterns))


def _start(patterns: Sequence[Pattern]) -> Arrays:
    """Weights of 1; of 0 where the noise is looked at, so that no digit of it is lost."""
    return {
        f"w{i}{copy}": np.full(pattern.bound, pattern.rate is not None, np.float32)
        for i, pattern in enumerate(patterns)
        for copy in COPIES
    }


def _weighed(
    source: str,
    loss: float,
    start: Arrays,
    grads: Arrays,
) -> Loss:
    """The loss is linear in the weights: it is their product with its gradient."""
    products = [start[name] * grads[name].astype(np.float64) for name in start]
    due = sum(float(product.sum()) for product in products)
    terms = sum(float(np.abs(product).sum()) for product in products)
    return Loss(source, loss, due, terms)


def _stacked(
    calls: Sequence[Arrays],
    letter: str,
    patterns: int,
) -> list[np.ndarray]:
    """Arrays by name, call by call, as one array for each pattern."""
    return [
        np.array([[call[f"{letter}{i}{copy}"] for copy in COPIES] for call in calls])
        for i in range(patterns)
    ]
