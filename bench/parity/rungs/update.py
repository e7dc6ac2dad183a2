"""What two steps of training leave behind, on the model's own gradients.

`Trainer.step` is judged by weights and running statistics; by the optimizer's slots, which
show in the step that follows on gradients given to it; and by a trainer that is made anew
from the saved state and must go on to the bit. The learning rate changes in between.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from backends.base import Backend, Settings, Trainer
from bench.coordinator.job import Progress
from bench.parity import budget, traces
from bench.parity.judging import Judged, check, largest, thinned
from bench.parity.oracle import Answer, due, narrow
from bench.parity.placed import placed
from bench.parity.repeated import repeated
from bench.parity.rungs.gradient import CANCELLED, NEAR_ZERO
from bench.parity.trial import Arrays, Trial, batch, copies
from models.optim import Optimizer

AFTER = ("step",)
BATCHES = 56  # word that sets this rung's random numbers apart from the others'
# From the first call on the rate is set: what the trainer was made with is another's.
# With epsilon well above most gradients a step is as smooth as they are; with a tiny one it
# has the size of the rate whatever the gradient, and a gradient of 0 would be a coin's toss.
RATES, EPSILON = (1e-2, 4e-3), 1e-2
STEPPED, MOVED = "stepped", "moved"
ROUNDING = 2.0**-24  # of a float32, relative


class Left(NamedTuple):
    """What two steps, and one more on given gradients, leave behind."""

    between: Arrays  # weights after the first step
    saved: Arrays  # the optimizer's state there
    stepped: Arrays  # weights and statistics after the second
    moved: Arrays  # by how much the third step moves each weight


def climb(trial: Trial, progress: Progress) -> Iterator[Judged]:
    """Two steps and one on given gradients, against the oracle's; then once more from a save."""
    optimizer = replace(trial.optimizer, eps=EPSILON)
    feeds = _batches(trial)

    def compute(backend: Backend, settings: Settings, params: Arrays) -> Arrays:
        asked = _started(trial, backend, settings, optimizer, params)
        return _named(trial, _stepped(trial, asked, feeds, save=False))

    # first: of a large model there is no room for the backend's answer beside it
    expected = due(trial, "update", compute, progress)
    trainer = _started(trial, trial.backend, trial.settings, optimizer, trial.params)
    left = _stepped(trial, trainer, feeds, save=True)
    own = _named(trial, left)
    answers = {
        key: Answer(own[key], one.value, one.apart) for key, one in expected.items()
    }
    yield from _judged(trial, optimizer, answers)
    yield from _resumed(trial, optimizer, feeds[1], left)


def _stepped(
    trial: Trial, trainer: Trainer, feeds: list[Arrays], *, save: bool
) -> Left:
    """Two steps and one more; what lies between them only where it is to be saved."""
    trainer.set_lr(RATES[0])
    trainer.step(trainer.program.put(feeds[0]))
    between = copies(trainer.program.params()) if save else {}
    saved = copies(trainer.state()) if save else {}
    trainer.set_lr(RATES[1])
    trainer.step(trainer.program.put(feeds[1]))
    stepped = copies(trainer.program.params())
    trainer.apply(_given(trial))
    after = trainer.program.params()
    moved = {name: after[name] - stepped[name] for name in trial.spec.train.trainable()}
    return Left(between, saved, stepped, moved)


def _named(trial: Trial, left: Left) -> Arrays:
    """What is judged, in one table: by how much each array has moved.

    Subtracted in float64, and kept as the oracle keeps it.
    """
    found = {}
    for name, array in left.stepped.items():
        apart = np.asarray(array, np.float64) - trial.params[name]
        found[f"{STEPPED}/{name}"] = narrow(apart)
    for name, array in left.moved.items():
        found[f"{MOVED}/{name}"] = narrow(np.asarray(array, np.float64))
    return found


def _judged(
    trial: Trial, optimizer: Optimizer, answers: dict[str, Answer]
) -> Iterator[Judged]:
    """The worst weight, the worst statistic, the worst slot."""
    train, rule = trial.spec.train, optimizer.rule
    trained = {name: answers[f"{STEPPED}/{name}"] for name in train.trainable()}
    # What cancels by mathematics moves by rounding alone, which nobody can be held to.
    idle = _cancelled(trial, optimizer, trained)
    alive = [name for name in trained if name not in idle]
    weights = {
        name: _stored(trial, name, answers[f"{STEPPED}/{name}"]) for name in alive
    }
    yield _worst(f"weights after two steps of {rule}", weights)
    statistics = {
        name: _stored(trial, name, answers[f"{STEPPED}/{name}"])
        for name in train.params
        if name not in trained
    }
    if statistics:
        yield _worst(f"statistics after two steps of {rule}", statistics)
    slots = {name: _stored(trial, name, answers[f"{MOVED}/{name}"]) for name in alive}
    title = f"slots after two steps of {rule}, by the step that follows"
    yield _worst(title, slots)


def _stored(trial: Trial, name: str, answer: Answer) -> Answer:
    """With the rounding of a weight that is stored, among what may be off.

    NumPy may be lucky in all of its runs, and a small change of a large weight is made of it.
    """
    rounding = len(RATES) * ROUNDING * largest(trial.params[name])
    return Answer(answer.own, answer.due, max(answer.apart, rounding))


def _cancelled(
    trial: Trial, optimizer: Optimizer, weights: dict[str, Answer]
) -> set[str]:
    """Weights whose gradient is zero by mathematics: decay alone moves them."""
    kept = 1.0
    if optimizer.rule == "adamw":  # of the others, decay is a part of the gradient
        kept = math.prod(1 - rate * optimizer.weight_decay for rate in RATES)
    most = max(largest(answer.due) for answer in weights.values())
    found = set()
    for name, answer in weights.items():
        # in float64, or the difference would be a rounding of float32
        decayed = (1 - kept) * trial.params[name].astype(np.float64)
        if largest(answer.due + decayed) < CANCELLED * most:
            found.add(name)
    return found


def _worst(title: str, group: dict[str, Answer]) -> Judged:
    """The tensor that is furthest beyond its budget, each relative to its own change."""
    most = max(largest(answer.due) for answer in group.values()) or 1.0
    scales = {
        name: max(largest(answer.due), NEAR_ZERO * most)
        for name, answer in group.items()
    }
    errors: dict[str, tuple[float, float]] = {}
    for name, answer in group.items():
        scale = scales[name]
        error = budget.error(answer.own, answer.due, scale=scale)
        errors[name] = (error, budget.bound("update", answer.apart / scale))
    worst = max(errors, key=lambda name: errors[name][0] / errors[name][1])
    error, bound = errors[worst]
    return Judged(
        check=check("update", f"{title}: {worst}", error, bound, "train"),
        name=title,
        value=thinned(answer.own for answer in group.values()),
        allowed=_allowed(group, {n: errors[n][1] * scales[n] for n in group}),
        scale=most,
    )


def _allowed(group: dict[str, Answer], budgets: dict[str, float]) -> np.ndarray:
    """The budget of each entry that the trace keeps."""
    counts = [len(traces.thin(answer.own)) for answer in group.values()]
    return np.repeat(list(budgets.values()), counts)


def _resumed(
    trial: Trial, optimizer: Optimizer, feeds: Arrays, left: Left
) -> Iterator[Judged]:
    """A trainer made anew from weights and state makes the very step that the old one made."""
    trainer = _started(trial, trial.backend, trial.settings, optimizer, left.between)
    trainer.load_state(left.saved)
    trainer.set_lr(RATES[1])
    trainer.step(trainer.program.put(feeds))
    again = trainer.program.params()
    yield repeated(
        "update",
        "goes on from a save",
        left.stepped,
        again,
        reason=trial.backend.repeats(trial.device),
        graph="train",
    )
    held = trainer.program.weights().values()
    yield from placed(
        trainer.program, "trained weights", held, trial.device, graph="train"
    )


def _started(
    trial: Trial,
    backend: Backend,
    settings: Settings,
    optimizer: Optimizer,
    params: Arrays,
) -> Trainer:
    trainer = backend.trainer(trial.spec.train, optimizer, settings)
    trainer.program.load({name: params[name] for name in trial.spec.train.params})
    return trainer


def _batches(trial: Trial) -> list[Arrays]:
    """One batch for each step, the same on every backend."""
    rng = np.random.default_rng([trial.seed, BATCHES])
    return [batch(trial.spec, trial.size, rng) for _ in RATES]


def _given(trial: Trial) -> Arrays:
    """Gradients of the size that the model's own have: larger ones would drown the slots."""
    rng = np.random.default_rng([trial.seed, BATCHES, 1])
    train = trial.spec.train
    shapes = {name: trial.params[name].shape for name in train.trainable()}
    return {
        name: np.asarray(rng.normal(0, 1e-3, shape), np.float32)
        for name, shape in shapes.items()
    }
